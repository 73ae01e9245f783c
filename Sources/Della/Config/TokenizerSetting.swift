/// What a config says of the output's vocabulary: mergekit's `tokenizer_source`, or its `tokenizer` section.
struct TokenizerSetting: Sendable {
    /// Whose tokenizer the output gets.
    enum Source: Hashable, Sendable {
        /// The base's or, where there is none, the first model's.
        case base
        /// The base's, with the tokens that other models have besides.
        case union
        case model(ModelReference)
    }

    /// A row that the config chooses for a token.
    enum Row: Hashable, Sendable {
        /// The token's own row in that model.
        case model(ModelReference)
        /// The row of another token of a model.
        case token(ModelReference, String)
        case id(ModelReference, Int)
        case zero
    }

    /// An entry of `tokens`.
    struct Token: Sendable {
        var text: String
        var line: Int
        /// What models that lack the token get; `nil` for what they would get without the entry.
        var row: Row?
        /// Whether the models that have the token get it too.
        var isForced = false
    }

    var source = Source.union
    /// Where it stands.
    var line: Int
    /// In the config's order, each token once.
    var tokens: [Token] = []
    /// Rows are appended up to a multiple of this.
    var multiple: Int?
}
