/// What a merge does with the rows of embeddings and heads, in numbers.
public struct VocabularyReport: Hashable, Sendable {
    /// Where one model's rows come from.
    public struct Model: Hashable, Sendable {
        /// The model's own.
        public var kept = 0
        /// Another model's, as this one lacks the token or the config says so.
        public var added = 0
        /// Means of several models' rows.
        public var averaged = 0
        /// Zeros.
        public var zero = 0
        /// Means of all rows, up to a multiple.
        public var padding = 0

        init(_ rows: VocabularyRows, of model: Int) {
            var start = 0
            while start < rows.rowCount {
                let run = rows.run(at: start)
                start = run.end
                switch run.source {
                case .rows(let source, _) where source == model: kept += run.count
                case .rows: added += run.count
                case .mean: averaged += run.count
                case .zero: zero += run.count
                case .padding: padding += run.count
                }
            }
        }
    }

    /// Rows of the output.
    public var rows: Int
    /// Tokens that the output's tokenizer has in addition to its source's.
    public var addedTokens: Int
    /// In the order of the plan's models.
    public var models: [Model]
}
