import StreamIO
import SystemPackage

/// Compares the tokenizers of a merge: rows of embeddings are merged by position, which is right where the same
/// position means the same token.
struct TokenizerCheck {
    let models: [OpenModel]
    /// Index of the model whose tokenizer the output gets.
    let base: Int
    /// Where the config asks for the base's tokenizer, or a union, which mergekit takes to align tokens by; `nil` where it says
    /// nothing.
    let settingLine: Int?
    /// Whether it asks for a union of the vocabularies, which is the base's where all are equal.
    let isUnion: Bool
    let library: ModelLibrary

    /// Files that hold a vocabulary. Two models with one of them in common have its tokens in common.
    static let vocabularyNames = [
        "tokenizer.json", "vocab.json", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model",
        "tekken.json", "vocab.txt",
    ]
    /// How a file begins that git-lfs has not fetched.
    private static let pointerStart = Array("version https://git-lfs.github.com/spec/".utf8)

    /// Notes what is wrong with the tokenizers, or worth knowing of them.
    func report(into list: inout ProblemList, isStopped: () -> Bool) {
        guard let rows = models[base].embedding?.shape.first else { return }
        let folder = models[base].folder
        let names = names(in: folder)
        guard !names.isEmpty else {
            list.warn(
                models[base].line,
                "\(models[base].name.text) has no tokenizer, and so the output has none: copy one into it")
            return
        }
        let isWhole = names.map { noteStub(folder.appending($0), of: models[base], &list) }
        guard !isWhole.contains(false) else { return }
        let vocabulary = vocabulary(of: models[base], &list, isStopped: isStopped)
        if let vocabulary, vocabulary.count > rows {
            list.warn(
                models[base].line,
                "the tokenizer of \(models[base].name.text) has \(vocabulary.count) tokens, its embedding \(rows) rows: "
                    + "tokens from \(rows) on have none, and a text with them cannot be read")
        }
        if let vocabulary, let settingLine, vocabulary.count < rows {
            list.warn(
                settingLine,
                "the embedding of \(models[base].name.text) has \(rows) rows for \(vocabulary.count) tokens: the output's has "
                    + "as many, where mergekit leaves out those past the last token")
        }
        // A folder may have many names.
        var seen: Set<FilePath> = [models[base].place]
        for model in models where seen.insert(model.place).inserted {
            guard !isStopped() else { return }
            guard let embedding = model.embedding else { continue }
            compare(
                model, rows: min(rows, embedding.shape.first ?? 0), baseNames: names, vocabulary, &list,
                isStopped: isStopped)
        }
    }

    private func names(in folder: FilePath) -> [String] {
        Self.vocabularyNames.filter { name in
            let path = folder.appending(name)
            return ((try? library.readable.status(path)) ?? nil)?.isRegular ?? false
        }
    }

    /// What a file is in place of its content; `nil` where it has some.
    static func stub(_ path: FilePath, in folders: ReadableFolders) -> String? {
        guard let status = (try? folders.status(path)) ?? nil, status.isRegular else { return nil }
        if status.size == 0 { return "is empty" }
        guard status.size < 1024, let bytes = try? folders.readWhole(path, limit: 1024),
            bytes.starts(with: pointerStart)
        else { return nil }
        return "is a git-lfs pointer, not the file itself"
    }

    /// Whether the file has content; a problem is noted where not.
    private func noteStub(_ path: FilePath, of model: OpenModel, _ list: inout ProblemList) -> Bool {
        guard let stub = Self.stub(path, in: library.readable) else { return true }
        list.add(
            model.line, "\(model.reference.displayName): \(path) \(stub)",
            "run git lfs pull in its folder, or download it again", kind: .missingInput)
        return false
    }

    /// The tokens of the base; `nil` where they are not known.
    private func vocabulary(
        of model: OpenModel, _ list: inout ProblemList, isStopped: () -> Bool
    ) -> TokenizerVocabulary? {
        do throws(TokenizerVocabulary.Unreadable) {
            return try TokenizerVocabulary(
                folder: model.folder, in: library.readable, isStopped: isStopped)
        } catch .damaged(let path, let reason) {
            note(settingLine ?? model.line, "\(model.name.text): \(path): \(reason)", &list)
            return nil
        } catch {
            return nil
        }
    }

    private func compare(
        _ model: OpenModel, rows: Int, baseNames: [String], _ ours: TokenizerVocabulary?,
        _ list: inout ProblemList, isStopped: () -> Bool
    ) {
        let folder = models[base].folder
        let names = names(in: model.folder)
        guard !names.isEmpty else {
            if let settingLine {
                list.warn(
                    settingLine,
                    "\(model.name.text) has no tokenizer: its tokens are taken to be in the base's order")
            }
            return
        }
        let common = Self.vocabularyNames.first { names.contains($0) && baseNames.contains($0) }
        if let common,
            isSameFile(folder.appending(common), model.folder.appending(common), isStopped: isStopped)
        {
            return
        }
        if settingLine != nil {
            let isWhole = names.map { noteStub(model.folder.appending($0), of: model, &list) }
            guard !isWhole.contains(false) else { return }
        }
        let theirs: TokenizerVocabulary
        do throws(TokenizerVocabulary.Unreadable) {
            guard let ours else { throw .noText }
            theirs = try TokenizerVocabulary(
                folder: model.folder, in: library.readable, isStopped: isStopped)
            noteDifferences(of: model, theirs.differences(from: ours, rows: rows), &list)
        } catch .damaged(let path, let reason) {
            note(settingLine ?? model.line, "\(model.name.text): \(path): \(reason)", &list)
        } catch {
            guard let settingLine else { return }
            list.add(
                settingLine,
                "the tokens of \(model.reference.displayName) cannot be compared with the base's: one of them has no "
                    + "tokenizer.json",
                "write both with transformers' AutoTokenizer.from_pretrained(…).save_pretrained(…)")
        }
    }

    private func noteDifferences(of model: OpenModel, _ count: Int, _ list: inout ProblemList) {
        guard count > 0 else { return }
        let tokens = count == 1 ? "1 token is another" : "\(count) tokens are others"
        if let settingLine {
            list.add(
                settingLine,
                "\(model.reference.displayName): \(tokens) than the base's at the same place, and "
                    + (isUnion ? "a union of vocabularies is not done" : "tokens are not matched by name"),
                "use a model with the base's vocabulary, or leave the tokenizer setting out to merge by position"
            )
        } else {
            list.warn(
                model.line,
                "\(model.name.text): \(tokens) than the base's at the same place, and merged with them all the same; "
                    + "mergekit's tokenizer_source would match them by name, which is not done here")
        }
    }

    /// What keeps tokens from being compared: wrong where the config asks for a comparison.
    private func note(_ line: Int, _ message: String, _ list: inout ProblemList) {
        if settingLine != nil {
            list.add(line, message, "download it again")
        } else {
            list.warn(line, message + ": its tokens are not compared")
        }
    }

    private func isSameFile(_ first: FilePath, _ second: FilePath, isStopped: () -> Bool) -> Bool {
        let readable = library.readable
        guard let left = (try? readable.status(first)) ?? nil,
            let right = (try? readable.status(second)) ?? nil, left.size == right.size
        else { return false }
        return
            (try? FileBytes.areEqual(
                first, at: 0, second, at: 0, count: left.size, in: readable, isStopped: isStopped)) ?? false
    }
}
