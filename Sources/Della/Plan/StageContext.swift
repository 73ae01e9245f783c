/// What a recipe says of one of its documents while that is planned.
struct StageContext: Sendable {
    /// What other documents call what it makes; `nil` for a result without a name.
    var name: String?
    /// Where it begins.
    var line: Int
    /// Whether it makes what the recipe is for.
    var isResult: Bool
    /// Its own text, as it stands between the marks.
    var document: [UInt8]
    /// What is written beside the output: the documents that it was made by.
    var shown: [UInt8]
    /// What was made before, as model cards tell it, in order.
    var earlier: [StageCard]
}
