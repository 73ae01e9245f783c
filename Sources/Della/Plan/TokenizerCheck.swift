import StreamIO

/// Compares the tokenizers of a merge whose config says nothing of them: rows of embeddings are merged by position,
/// which is right where the same position means the same token.
struct TokenizerCheck {
    /// What a comparison came to.
    private enum Finding {
        case equal
        /// So many tokens, of the rows that both have.
        case different(Int)
        case unknown
    }

    let models: [OpenModel]
    /// Index of the model whose tokenizer the output gets.
    let base: Int
    /// Models that give rows to the output's tensors with one for each token.
    let givers: Set<Int>
    let library: ModelLibrary

    /// Notes what is wrong with the tokenizers, or worth knowing of them.
    ///
    /// - Returns: what rows are made of where embeddings differ by rows past the last token alone.
    func report(into list: inout ProblemList, isStopped: () -> Bool) -> VocabularyPlan? {
        guard let rows = models[base].embeddingRows else { return nil }
        let files = TokenizerFiles(in: models[base].folder, readable: library.readable)
        guard !files.names.isEmpty else {
            list.warn(
                models[base].line,
                "\(models[base].name.text) has no tokenizer, and so the output has none: copy one into it")
            return nil
        }
        guard files.noteStubs(of: models[base], &list) else { return nil }
        let vocabulary = vocabulary(of: models[base], &list, isStopped: isStopped)
        if let vocabulary, vocabulary.count > rows {
            list.warn(
                models[base].line,
                "the tokenizer of \(models[base].name.text) has \(vocabulary.count) tokens, its embedding \(rows) rows: "
                    + "tokens from \(rows) on have none, and a text with them cannot be read")
        }
        var areEqual = true
        for index in models.indices where index != base && models[index].place != models[base].place {
            guard !isStopped() else { return nil }
            guard let count = models[index].embeddingRows else { continue }
            let finding = compare(
                models[index], rows: min(rows, count), files, vocabulary, &list, isStopped: isStopped)
            switch finding {
            case .equal: continue
            case .different(let tokens) where count == rows: noteDifferences(of: models[index], tokens, &list)
            default: break
            }
            areEqual = false
        }
        guard areEqual, let vocabulary else { return nil }
        return padded(vocabulary.count, rows: rows, &list)
    }

    /// The tokens of a model; `nil` where they are not known.
    private func vocabulary(
        of model: OpenModel, _ list: inout ProblemList, isStopped: () -> Bool
    ) -> TokenizerVocabulary? {
        do throws(TokenizerVocabulary.Unreadable) {
            return try TokenizerVocabulary(
                folder: model.folder, in: library.readable, isStopped: isStopped)
        } catch .damaged(let path, let reason) {
            list.warn(model.line, "\(model.name.text): \(path): \(reason): its tokens are not compared")
        } catch {}
        return nil
    }

    private func compare(
        _ model: OpenModel, rows: Int, _ ours: TokenizerFiles, _ vocabulary: TokenizerVocabulary?,
        _ list: inout ProblemList, isStopped: () -> Bool
    ) -> Finding {
        let theirs = TokenizerFiles(in: model.folder, readable: library.readable)
        if theirs.hasTokens(of: ours, isStopped: isStopped) { return .equal }
        guard !theirs.names.isEmpty, let vocabulary,
            let other = self.vocabulary(of: model, &list, isStopped: isStopped)
        else { return .unknown }
        let count = other.differences(from: vocabulary, rows: rows)
        let isEqual = count == 0 && other.differences(from: vocabulary, rows: .max) == 0
        // What lies past the rows of both is no matter of theirs.
        return isEqual ? .equal : .different(count)
    }

    private func noteDifferences(of model: OpenModel, _ count: Int, _ list: inout ProblemList) {
        guard count > 0 else { return }
        let tokens = count == 1 ? "1 token is another" : "\(count) tokens are others"
        list.warn(
            model.line,
            "\(model.name.text): \(tokens) than the base's at the same place, and merged with them all the same: "
                + "tokenizer: {source: base} matches them by name")
    }

    /// The base's rows for all, where those that differ are past the last token.
    private func padded(_ tokens: Int, rows: Int, _ list: inout ProblemList) -> VocabularyPlan? {
        let counts = models.map(\.embeddingRows)
        guard rows <= VocabularyRows.rowLimit,
            counts.allSatisfy({ $0 == nil || $0.map { $0 >= tokens } == true }),
            counts.contains(where: { $0 != nil && $0 != rows })
        else { return nil }
        var vocabulary = OutputVocabulary(rowCount: rows)
        for (index, count) in counts.enumerated() {
            guard let count, count != rows else { continue }
            var map = VocabularyRows.identity(model: index, count: min(count, rows))
            if count < rows { map.append(.rows(model: base, first: count), count: rows - count) }
            vocabulary.maps[index] = map
            if let own = models[index].adapter?.tokenCount, min(own, count) > rows, givers.contains(index) {
                list.add(
                    models[index].line,
                    "\(models[index].reference.displayName) has \(count) rows, the base \(rows): those past \(rows) are of tokens that "
                        + "only the tokenizer beside the adapter has, and would be left out",
                    "merge the adapter into its base with peft's merge_and_unload, save its tokenizer there, name the result and "
                        + "write tokenizer: {source: union}; tokenizer: {source: base} leaves them out")
                continue
            }
            list.warn(
                models[index].line,
                "\(models[index].name.text) has \(count) rows for \(tokens) tokens, the base \(rows): "
                    + (models[base].adapter?.tokenCount == nil
                        ? "rows past the last token are padding, and the output has the base's"
                        : "the output has the base's rows past the last token"))
        }
        return VocabularyPlan(vocabulary: vocabulary, source: base)
    }
}
