/// Why a recipe was not planned or not merged.
public enum RecipeError: Error, Hashable, Sendable {
    /// All that is wrong with the config and its models.
    case problems(MergeProblems)
    /// What ended it once it was under way.
    case failure(MergeFailure)
}
