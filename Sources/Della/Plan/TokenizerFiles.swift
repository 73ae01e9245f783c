import StreamIO
import SystemPackage

/// The files of a model's tokenizer that hold its vocabulary.
struct TokenizerFiles {
    /// Files that hold a vocabulary. Two models with one of them in common have its tokens in common.
    private static let vocabularyNames = [
        "tokenizer.json", "vocab.json", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model",
        "tekken.json", "vocab.txt",
    ]
    /// How a file begins that git-lfs has not fetched.
    private static let pointerStart = Array("version https://git-lfs.github.com/spec/".utf8)

    let folder: FilePath
    let readable: ReadableFolders
    /// Those that are there.
    let names: [String]

    init(in folder: FilePath, readable: ReadableFolders) {
        self.folder = folder
        self.readable = readable
        names = Self.vocabularyNames.filter { name in
            ((try? readable.status(folder.appending(name))) ?? nil)?.isRegular ?? false
        }
    }

    /// Whether the tokens are there as text, with those that were added.
    var hasTokens: Bool { names.contains("tokenizer.json") }

    /// What a file is in place of its content; `nil` where it has some.
    static func stub(_ path: FilePath, in folders: ReadableFolders) -> String? {
        guard let status = (try? folders.status(path)) ?? nil, status.isRegular else { return nil }
        if status.size == 0 { return "is empty" }
        guard status.size < 1024, let bytes = try? folders.readWhole(path, limit: 1024),
            bytes.starts(with: pointerStart)
        else { return nil }
        return "is a git-lfs pointer, not the file itself"
    }

    /// Whether all files have content; a problem is noted for each that has not.
    func noteStubs(of model: OpenModel, _ list: inout ProblemList) -> Bool {
        var isWhole = true
        for name in names {
            let path = folder.appending(name)
            guard let stub = Self.stub(path, in: readable) else { continue }
            isWhole = false
            list.add(
                model.line, "\(model.reference.displayName): \(path) \(stub)",
                "run git lfs pull in its folder, or download it again", kind: .missingInput)
        }
        return isWhole
    }

    /// Whether the first file that both have, in the order of the names, has the same bytes.
    func hasTokens(of other: Self, isStopped: () -> Bool) -> Bool {
        guard let common = names.first(where: { other.names.contains($0) }) else { return false }
        let first = folder.appending(common), second = other.folder.appending(common)
        guard let left = (try? readable.status(first)) ?? nil,
            let right = (try? readable.status(second)) ?? nil, left.size == right.size
        else { return false }
        return
            (try? FileBytes.areEqual(
                first, at: 0, second, at: 0, count: left.size, in: readable, isStopped: isStopped)) ?? false
    }
}
