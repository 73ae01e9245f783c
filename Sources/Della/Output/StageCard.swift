/// What a model card says of one stage of a recipe.
struct StageCard: Hashable, Sendable {
    /// `nil` for a result without a name.
    var name: String?
    /// Where its document begins in the recipe.
    var line: Int
    var method: MethodRules
    /// `nil` where it has none.
    var base: ModelName?
    /// The models and stages besides the base, each once.
    var models: [ModelName]
    /// Its document, without local paths.
    var document: String

    /// The base, if there is one, and the others.
    var allModels: [ModelName] { (base.map { [$0] } ?? []) + models }
}
