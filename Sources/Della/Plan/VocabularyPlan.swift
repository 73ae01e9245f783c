/// What becomes of the vocabularies of a merge.
struct VocabularyPlan {
    /// What the rows are made of; `nil` where all models' are taken as they are.
    var vocabulary: OutputVocabulary?
    /// The model whose tokenizer the output gets.
    var source: Int
    /// Its `tokenizer.json` with more tokens; `nil` where it has all.
    var tokenizer: ExtendedTokenizer?

    /// What it takes, in bytes.
    var memory: UInt64 {
        (vocabulary?.maps.values.reduce(0) { $0 + $1.memory } ?? 0) + (tokenizer?.tokens.memory ?? 0)
    }

    /// What is said of it before the merge; `nil` where there is nothing to say.
    func report(models: Int) -> VocabularyReport? {
        guard let vocabulary else { return nil }
        let counts = (0..<models).map { model in
            VocabularyReport.Model(
                vocabulary.maps[model] ?? .identity(model: model, count: vocabulary.rowCount), of: model)
        }
        return VocabularyReport(
            rows: vocabulary.rowCount, addedTokens: tokenizer?.tokens.count ?? 0, models: counts)
    }
}
