import StreamIO
import Testing

@testable import Della

/// Layers that predict tokens after the next one: past the counted layers, or in a stack of their own.
@Suite struct PredictionLayerTests {
    /// A model with them and one without.
    private func models(_ names: [String]) throws -> TinyModels {
        let models = try TinyModels()
        try models.make(
            "Base", shape: "mistral", layers: 4,
            edit: { $0 += names.map { .init(name: $0, type: .bf16, shape: [8, 8]) } },
            editConfig: { $0["num_nextn_predict_layers"] = .int(1) })
        try models.make("Tune", shape: "mistral", layers: 4)
        return models
    }

    private static let past = ["model.layers.4.eh_proj.weight", "model.layers.4.mlp.up_proj.weight"]
    private static let stack = ["mtp.fc.weight", "mtp.layers.0.mlp.up_proj.weight"]

    @Test(arguments: [past, stack]) func aModelWithoutThemTakesTheBases(names: [String]) throws {
        let plan = try models(names).plan(
            """
            merge_method: task_arithmetic
            base_model: Base
            models: [{model: Tune, parameters: {weight: 1}}]
            """)
        #expect(
            plan.warnings.contains {
                $0.hasSuffix(
                    "Tune has no layers that predict further tokens: \(names[0]) (and 1 more) are the base's")
            }, "\(plan.warnings)")
        #expect(Set(names).isSubset(of: plan.shards.flatMap { $0.tensors.map(\.name) }))
    }

    /// Their stack is none that slices would have to name.
    @Test func theirStackDoesNotCount() throws {
        let plan = try models(Self.stack).plan(
            """
            merge_method: passthrough
            slices:
              - sources: [{model: Base, layer_range: [0, 3]}]
              - sources: [{model: Base, layer_range: [1, 4]}]
            """)
        #expect(Set(Self.stack).isSubset(of: plan.shards.flatMap { $0.tensors.map(\.name) }))
    }

    @Test func slicesThatLeaveThemOutSaySo() throws {
        let plan = try models(Self.past).plan(
            """
            merge_method: passthrough
            slices:
              - sources: [{model: Base, layer_range: [0, 4]}]
              - sources: [{model: Base, layer_range: [2, 4]}]
            """)
        #expect(
            plan.warnings.contains {
                $0.hasSuffix(
                    "the layers past 3, which predict further tokens, are left out, and num_nextn_predict_layers is 0"
                )
            }, "\(plan.warnings)")
        let config = try #require(plan.companions.first { $0.name == "config.json" })
        guard case .text(let text) = config.content else {
            Issue.record("config.json is no text")
            return
        }
        #expect(text.contains(#""num_nextn_predict_layers": 0"#), "\(text)")
    }

    @Test func aRangeThatReachesThemIsToldSo() throws {
        let report = try models(Self.past).report(
            """
            merge_method: passthrough
            slices:
              - sources: [{model: Base, layer_range: [0, 5]}]
            """)
        #expect(
            report.count == 1
                && report[0].contains(
                    "the 4 layers of Base: those from 4 on predict further tokens, and slices do not take them"
                ),
            "\(report)")
    }
}
