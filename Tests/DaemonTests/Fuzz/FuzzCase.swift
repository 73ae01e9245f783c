@testable import MergeReference

/// A merge as a value: models, config, and how the program is run. All of a failing one that has to be kept.
struct FuzzCase {
    /// The memory that a run is given.
    enum Memory {
        case bytes(UInt64)
        /// What the program itself names as the least, and something more.
        case least(plus: UInt64)
    }

    /// How a run ends before its time.
    enum Interruption {
        /// Killed at the n-th operation on the file system.
        case operation(Int)
        /// Sent a signal after some time.
        case signal(Int32, milliseconds: Int)
    }

    /// One run of the program.
    struct Run {
        var memory: Memory
        var threads: Int
        var engine: String
        /// The vector instructions; `nil` for the best.
        var level: String?
        /// `nil` in the last run.
        var interruption: Interruption?
    }

    /// What is wrong with a case that must be refused, and the exit code of it.
    enum Fault: String, CaseIterable {
        case unknownParameter, unknownKey, unknownMethod, unknownType, noNumber, noModel, twice, missingTensor
        case otherShape, otherInteger, quantised, cutShort, outputExists, tooLittleMemory, noFolder

        /// Whether what is there of config and models is as it should be.
        var isOfTheRun: Bool { [.noModel, .outputExists, .tooLittleMemory, .noFolder].contains(self) }

        var exitCode: Int32 {
            switch self {
            case .noModel: 66
            case .outputExists, .noFolder: 73
            case .tooLittleMemory: 78
            default: 65
            }
        }
    }

    /// Makes the same case again.
    var seed: UInt64
    var models: [ModelRecipe]
    var recipe: Recipe
    /// `--seed`.
    var seedOption: UInt64?
    var runs: [Run]
    /// Processes that make it in parts; 0 for one that makes it whole.
    var parts = 0
    var fault: Fault?

    /// The config's text.
    var text: String {
        let names = models.map(\.reference) + ["Nowhere/To-be-found"]
        var recipe = recipe
        var lines: [(key: String, value: YAMLText)] = []
        switch fault {
        case .unknownKey: lines = [("merge_metod", .text("della"))]
        case .unknownType: lines = [("out_type", .text("bfloat16"))]
        case .unknownMethod: recipe.method = "dela"
        case .unknownParameter: recipe.parameters["densty"] = [Recipe.Condition(values: [0.5])]
        case .noNumber: recipe.parameters["weight"] = [Recipe.Condition(values: [.nan])]
        default: break
        }
        return recipe.text(names: names, adding: lines)
    }

    /// Tensors over all models, for a measure of its size.
    var size: Int {
        models.reduce(0) { $0 + $1.tensors.reduce(0) { $0 + 1 + $1.shape.reduce(1, *) } }
    }
}
