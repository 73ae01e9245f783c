import StreamIO
import Testing

@testable import Della

/// Models whose config.json counts other layers than their tensors do.
@Suite struct LayerCountTests {
    /// Models of six layers, whose config.json says otherwise.
    private func models(_ counts: [String: JSON]) throws -> TinyModels {
        let models = try TinyModels()
        try models.makeModels(namedIn: "Test/Base Test/One")
        for (name, count) in counts {
            try models.make(name, shape: "mistral", layers: 6) { _ in
            } editConfig: {
                $0["num_hidden_layers"] = count
            }
        }
        return models
    }

    @Test(arguments: [0, -1, Int.min])
    func aCountBelowOneIsRefused(count: Int) throws {
        let models = try models(["Bad": .int(count)])
        let message =
            "Bad: \(models.folder)/Bad/config.json: num_hidden_layers is \(count), and a model has at least one "
            + "layer (correct it, or download it again)"
        #expect(models.report(Rule.model("Test/One", base: "Bad")) == ["merge.yml:1: " + message])
        #expect(models.report(Rule.model("Bad")) == ["merge.yml:4: " + message])
    }

    @Test(arguments: [(2, "2 layers", [0, 1, 1, 1, 1, 1.0]), (1, "1 layer", [1, 1, 1, 1, 1, 1.0])])
    func layersThatTheConfigDoesNotCountAreMergedWithAWarning(
        count: Int, text: String, weights: [Double]
    ) throws {
        let models = try models(["A": .int(count), "B": .int(count)])
        let plan = try models.plan(Rule.model("B", base: "A").replacing("weight: 1", with: "weight: [0, 1]"))
        #expect(
            plan.warnings == [
                "line 1: A: config.json says \(text), the checkpoint has 6: gradients end at layer \(count - 1), "
                    + "and later layers take their last values"
            ])
        let merged = plan.shards.flatMap(\.tensors).filter { $0.name.hasSuffix("mlp.up_proj.weight") }
        let found = merged.map { tensor -> Double? in
            guard case .merge(let merge) = tensor.source else { return nil }
            return merge.deltas?.terms.first?.weight
        }
        #expect(found == weights)
    }

    @Test func aRangeOfLayersThatTheCheckpointLacksIsRefused() throws {
        let models = try models(["Lost": .int(8)])
        func slices(_ base: String, _ other: String, _ end: Int) -> String {
            """
            base_model: \(base)
            merge_method: della
            slices:
              - sources:
                  - {model: \(base), layer_range: [0, \(end)]}
                  - {model: \(other), layer_range: [0, \(end)], parameters: {weight: 1}}
            """
        }
        let message =
            "layer_range [0, 8] reaches beyond the 6 layers that the checkpoint of Lost has; its config.json "
            + "says 8 (download it again)"
        #expect(
            models.report(slices("Lost", "Test/One", 8)) == [
                "merge.yml:5: \(message)",
                "merge.yml:6: layer_range [0, 8] reaches beyond the 6 layers of Test/One (END is at most 6)",
            ])
        #expect(models.report(slices("Lost", "Test/One", 6)) == [])
        let other = models.report(slices("Test/Base", "Lost", 8))
        #expect(other.count == 2 && other[1] == "merge.yml:6: \(message)")
    }
}
