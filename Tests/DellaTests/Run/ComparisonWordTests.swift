import StreamIO
import Testing

@testable import Della

/// What `compare` says of models: nothing of a config that nobody wrote, nor of an output that there is not.
@Suite struct ComparisonWordTests {
    private func write(_ name: String, rows: Int, layers: Int, to models: TinyModels) throws {
        let config = try JSON(parsing: Array(#"{"model_type": "phi", "num_hidden_layers": 1}"#.utf8))
        var tensors = [
            NamedModel.tensor("model.embed_tokens.weight", [rows, 2], Array(repeating: 1, count: rows * 2))
        ]
        for layer in 0..<layers {
            tensors.append(NamedModel.tensor("model.layers.\(layer).up.weight", [1, 2], [1, 2]))
        }
        try models.writeModel(name, tensors: tensors, config: config)
    }

    @Test func vocabulariesThatDifferAreToldWithTheOption() throws {
        let models = try TinyModels()
        try write("A", rows: 8, layers: 1, to: models)
        try write("B", rows: 9, layers: 1, to: models)
        let error = try #require(throws: MergeProblems.self) {
            _ = try ModelComparison.plan(
                ["A", "B"], by: MergePlanner(library: models.library), isStopped: { false })
        }
        #expect(
            error.problems.map(\.remedy) == [
                "give --tokenizer-source base, or union, to match tokens by name"
            ])
    }

    @Test func noGradientIsSpokenOf() throws {
        let models = try TinyModels()
        for name in ["A", "B"] { try write(name, rows: 8, layers: 2, to: models) }
        let plan = try #require(
            try ModelComparison.plan(
                ["A", "B"], by: MergePlanner(library: models.library), isStopped: { false }))
        #expect(plan.warnings.contains("A: config.json says 1 layer, the checkpoint has 2"))
        #expect(!plan.warnings.contains { $0.contains("gradient") }, "\(plan.warnings)")
    }
}
