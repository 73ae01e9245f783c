/// What an output's vocabulary is: its rows and, for each model of the merge, where they come from.
struct OutputVocabulary: Hashable, Sendable {
    /// Rows of each tensor with a vocabulary axis.
    var rowCount: Int
    /// By the model's index in the plan; a model without a map has `rowCount` rows and is taken as it is.
    var maps: [Int: VocabularyRows] = [:]
}
