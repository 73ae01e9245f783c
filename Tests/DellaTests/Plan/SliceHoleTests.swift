import StreamIO
import Testing

@testable import Della

/// Layers of slices that lack tensors: a program that loads the output fills them with values of its own.
@Suite struct SliceHoleTests {
    /// A whole model, and one that lacks a tensor in one layer.
    private func models(
        lost: String = "model.layers.1.mlp.up_proj.weight", config: (inout JSON) -> Void = { _ in }
    ) throws -> TinyModels {
        let models = try TinyModels()
        try models.make("Whole", shape: "mistral", layers: 4, editConfig: config)
        try models.make(
            "Lost", shape: "mistral", layers: 4, edit: { $0.removeAll { $0.name == lost } },
            editConfig: config)
        return models
    }

    private static func slices(_ first: String, _ range: String, _ second: String, _ other: String) -> String
    {
        """
        merge_method: passthrough
        slices:
          - sources: [{model: \(first), layer_range: \(range)}]
          - sources: [{model: \(second), layer_range: \(other)}]
        """
    }

    /// Whichever comes first, what another model of the kind has is lost where the model's other layers have it.
    @Test(arguments: [
        slices("Whole", "[0, 2]", "Lost", "[1, 4]"), slices("Lost", "[0, 2]", "Whole", "[1, 4]"),
    ])
    func aTensorThatOneLayerLacksIsRefused(text: String) throws {
        let report = try models().report(text)
        #expect(report.count == 1, "\(report)")
        #expect(
            report.first?.contains(
                ": Lost has no tensor model.layers.1.mlp.up_proj.weight, which its other layers have (download it again"
            ) == true, "\(report)")
    }

    @Test func aLayerThatNoSliceTakesMayLackIt() throws {
        #expect(try models().plan(Self.slices("Whole", "[0, 2]", "Lost", "[2, 4]")).warnings == [])
    }

    /// With no other model to tell, it is a warning, and none where the config tells of kinds of layers.
    @Test(arguments: [
        ("{}", 1), (#"{"mlp_only_layers": [1]}"#, 0), (#"{"layer_types": ["a", "b", "a", "a"]}"#, 0),
        (#"{"layer_types": ["a", "a", "a", "a"]}"#, 1), (#"{"decoder_sparse_step": 2}"#, 0),
        (#"{"first_k_dense_replace": 2}"#, 0),
    ])
    func aModelAloneIsWarnedOf(settings: String, count: Int) throws {
        let more = try JSON(parsing: Array(settings.utf8))
        let models = try models { config in
            for member in more.objectValue?.members ?? [] { config[member.key] = member.value }
        }
        let warnings = try models.plan(Self.slices("Lost", "[0, 2]", "Lost", "[1, 4]")).warnings
        #expect(
            warnings.filter { $0.contains("and all its other layers have one") }.count == count, "\(warnings)"
        )
    }

    /// The first layer of some architectures lacks what all others have.
    @Test func theFirstLayerMayLackWhatTheOthersHave() throws {
        let models = try models(lost: "model.layers.0.input_layernorm.weight")
        #expect(try models.plan(Self.slices("Lost", "[0, 2]", "Lost", "[1, 4]")).warnings == [])
    }

    /// Of several models in a slice, what the first has not is left out.
    @Test func whatIsBesideTheFirstOfASliceIsToldOf() throws {
        let text = """
            merge_method: linear
            slices:
              - sources:
                  - {model: Lost, layer_range: [0, 4], parameters: {weight: 1}}
                  - {model: Whole, layer_range: [0, 4], parameters: {weight: 1}}
            """
        let warnings = try models().plan(text).warnings
        #expect(
            warnings.contains {
                $0.hasSuffix("Whole: model.layers.1.mlp.up_proj.weight is not in the base, and left out")
            }, "\(warnings)")
    }
}
