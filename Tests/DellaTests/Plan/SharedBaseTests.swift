import StreamIO
import SystemPackage
import Testing

@testable import Della

/// Inputs that are made of the same bytes: a base and what adapters make of it.
@Suite struct SharedBaseTests {
    private static let weight = "model.layers.0.q_proj.weight"

    struct Case: Sendable {
        var config: String
        /// By input, whose bytes it takes.
        var lenders: [Int?]
        /// What each element of the weight, 1 in the base, becomes.
        var expected: Float
    }

    @Test(arguments: [
        Case(
            config: """
                merge_method: task_arithmetic
                base_model: Base
                models: [{model: Base+A2}, {model: Base+A3}]
                parameters: {weight: 1.0, normalize: false}
                """, lenders: [nil, 0, 0], expected: 6),
        Case(
            config: """
                merge_method: task_arithmetic
                base_model: Base+A2
                models: [{model: Base+A3}]
                parameters: {weight: 2.0, normalize: false}
                """, lenders: [nil, 0], expected: 5),
        Case(
            config: """
                merge_method: linear
                models: [{model: Base+A2}, {model: Base+A3}, {model: Base}]
                parameters: {weight: 1.0, normalize: false}
                """, lenders: [2, 2, nil], expected: 8),
    ])
    func areReadOnce(_ trial: Case) throws {
        let models = try TinyModels()
        let config = try JSON(parsing: Array(#"{"model_type": "phi", "num_hidden_layers": 1}"#.utf8))
        try models.writeModel(
            "Base", tensors: [NamedModel.tensor(Self.weight, [3, 2], Array(repeating: 1, count: 6))],
            config: config)
        for size in [2, 3] {
            let name = "base_model.model.model.layers.0.q_proj"
            try models.writeModel(
                "A\(size)",
                tensors: [
                    NamedModel.tensor("\(name).lora_A.weight", [1, 2], [1, 1]),
                    NamedModel.tensor(
                        "\(name).lora_B.weight", [3, 1], Array(repeating: Float(size), count: 3)),
                ], config: .null)
            try FileSystem.rename(
                models.folder.pushing(FilePath("A\(size)/model.safetensors")),
                to: models.folder.pushing(FilePath("A\(size)/adapter_model.safetensors")), replacing: false)
            try models.write(
                #"{"peft_type": "LORA", "r": 1, "lora_alpha": 1}"#, to: "A\(size)/adapter_config.json")
        }
        let plan = try models.plan(trial.config)
        let shape = RowShape(plan.shards[0].tensors[0])
        #expect(shape.inputRows.map(\.lender) == trial.lenders)
        #expect(shape.readBytes == 6 * 4)
        let merged = try NamedModel.merged(plan, in: models.folder)
        #expect(merged == [Self.weight: Array(repeating: trial.expected, count: 6)])
    }
}
