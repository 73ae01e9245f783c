import StreamIO
import Testing

@testable import Della

/// All problems of a config are reported together; what would go with the first of them is not reported at all.
@Suite struct ProblemsTogetherTests {
    /// A good model, one whose first layer's type is quantised, one that lacks a tensor, one of another vocabulary.
    private func makeModels() throws -> TinyModels {
        let models = try TinyModels()
        try models.makeModels(namedIn: "Test/Base Test/One Test/Two")
        func make(_ name: String, _ edit: @escaping (inout [TinyModels.Tensor]) -> Void) throws {
            try models.make(name, shape: "mistral", layers: 6, edit: edit)
        }
        try make("F8") { tensors in
            for index in tensors.indices where tensors[index].name.hasPrefix("model.layers.0.") {
                tensors[index].type = .f8E4M3
            }
        }
        try make("Missing") { $0.removeAll { $0.name == "model.layers.2.mlp.up_proj.weight" } }
        try make("Vocabulary") {
            $0[0].shape[0] = 10; $0[$0.count - 1].shape[0] = 10
        }
        try models.writeTokenizer((0..<10).map { "u\($0)" }, of: "Vocabulary")
        for (name, layers) in [("Lost", 8), ("Short", 4)] {
            try models.make(name, shape: "mistral", layers: 6) { _ in
            } editConfig: {
                $0["num_hidden_layers"] = .int(layers)
            }
        }
        return models
    }

    private static let tail = """
        models:
          - {model: Missing, parameters: {weight: 1, density: 0.5}}
          - {model: Vocabulary, parameters: {weight: 1}}
          - {model: F8, parameters: {weight: 1}}
          - {model: Test/One, parameters: {weight: 1, density: 0.95}}
          - {model: Test/Two, parameters: {density: [0.5, 0.5, 0.9]}}

        """

    private static let found = [
        "4: Missing has no tensor model.layers.2.mlp.up_proj.weight,",
        "5: Vocabulary has a vocabulary of 10 tokens",
        "6: F8: model.layers.0.input_layernorm.weight is of type F8_E4M3 (and 8 more),",
        "7: Test/One: density 0.95 ± epsilon 0.15 at layer 0 reaches from 0.8 to 1.1, out of (0, 1); also at layers 1–5",
        "8: Test/Two has no weight for model.embed_tokens.weight and 56 more tensors",
        "8: Test/Two: density 0.9 ± epsilon 0.15 at layer 5 reaches from 0.75 to 1.05",
    ]

    @Test(arguments: [
        ("Test/Base", "della", "", []),
        ("Test/Base", "dela", "", ["2: unknown method 'dela'"]),
        ("Test/Base", "mixture", "", ["2: unknown method 'mixture'"]),
        (
            "Test/Base", "della", "  - {model: Test/Gone, parameters: {weight: 1}}",
            ["9: the model Test/Gone was not found"]
        ),
        ("Test/Base", "della", "foo: 1", ["9: unknown key 'foo'"]),
        ("Test/Base", "della", "  - {model: Test/One+Some/Lora}", ["9: the model Some/Lora was not found"]),
    ])
    func oneProblemHidesNoOther(base: String, method: String, last: String, own: [String]) throws {
        let models = try makeModels()
        let report = models.report("base_model: \(base)\nmerge_method: \(method)\n" + Self.tail + last + "\n")
            .map { $0.replacing("merge.yml:", with: "") }
        let expected = own.filter { $0.hasPrefix("2") } + Self.found + own.filter { $0.hasPrefix("9") }
        #expect(report.count == expected.count, "\(report)")
        for (line, start) in zip(report, expected) { #expect(line.hasPrefix(start)) }
    }

    @Test func aMissingModelBesideAnotherProblemIsExitCode65() throws {
        let models = try makeModels()
        let gone =
            "base_model: Test/Base\nmerge_method: della\nmodels:\n  - {model: Gone/Gone, parameters: {weight: 1}}\n"
        func exitCode(_ text: String) throws -> Int32 {
            try #require(throws: MergeProblems.self) { _ = try models.plan(text) }.exitCode
        }
        #expect(try exitCode(gone) == 66)
        #expect(try exitCode(gone + "  - {model: F8, parameters: {weight: 1}}\n") == 65)
    }

    @Test func aTensorThatOneModelLacksIsStillComparedWithAnothers() throws {
        let models = try makeModels()
        try models.make("Shape", shape: "mistral", layers: 6) { tensors in
            for index in tensors.indices where tensors[index].name == "model.layers.2.mlp.up_proj.weight" {
                tensors[index].shape[0] += 1
            }
        }
        let report = models.report(
            "base_model: Test/Base\nmerge_method: della\nmodels:\n"
                + "  - {model: Missing, parameters: {weight: 1}}\n  - {model: Shape, parameters: {weight: 1}}\n"
        )
        #expect(
            report.count == 2 && report[1].contains("Shape: model.layers.2.mlp.up_proj.weight has the shape"))
    }

    @Test func slicesArePlannedBesideOneThatCannotBe() throws {
        let models = try makeModels()
        let report = models.report(
            """
            base_model: Test/Base
            merge_method: della
            slices:
              - sources:
                  - {model: Test/Base, layer_range: [0, 3]}
                  - {model: Test/Two, layer_range: [0, 3], parameters: {weight: 1}}
              - sources:
                  - {model: Test/Base, layer_range: [0, 2]}
                  - {model: Test/One, layer_range: [5, 7], parameters: {weight: 1}}
              - sources:
                  - {model: Test/Base, layer_range: [3, 6]}
                  - {model: Test/One, layer_range: [3, 6], parameters: {weight: 1, density: [0.5, 0.9]}}
            """)
        #expect(report.count == 2, "\(report)")
        #expect(report.first?.contains(":9: layer_range [5, 7] reaches beyond the 6 layers") == true)
        // The output's layers: three of the first slice, two of the lost one, then these.
        #expect(report.last?.contains(":12: Test/One: density 0.9 ± epsilon 0.15 at layer 7") == true)
    }

    /// Each has one problem that brings others with it.
    @Test(arguments: [
        ("a density whose epsilon cannot be read", Rule.parameters("weight: 1\ndensity: 0.9\nepsilon: x")),
        ("a density whose epsilon is misspelt", Rule.parameters("weight: 1\ndensity: 0.9\nepsilom: 0.05")),
        ("a weight that cannot be read", Rule.parameters("weight: x")),
        (
            "parameters misspelt",
            "base_model: Test/Base\nmerge_method: della\nmodels: [{model: Test/One}]\nparamters: {weight: 1}\n"
        ),
        (
            "a base whose layers are in doubt",
            Rule.parameters("weight: 1\ndensity: [0.5, 0.9, 0.5]\nepsilon: [0.1, 0.02, 0.1]")
                .replacing("Test/Base", with: "Lost")
        ),
        ("a base that is not there", Rule.parameters("density: 0.95").replacing("Test/Base", with: "Gone")),
        (
            "a slice whose base cannot be read",
            Rule.slice("[0, 4]").replacing("{model: Test/Base", with: "{modle: Test/Base")
        ),
        (
            "a slice that cannot be read, with the weight of the embedding",
            Rule.slice("[0, 4]").replacing("parameters: {weight: 1}\n", with: "")
                .replacing("  - sources:", with: "  - 3\n  - sources:")
                .replacing("layer_range: [0, 4]\n", with: "layer_range: [0, 4], parameters: {weight: 1}\n")
                + "\n        parameters: {weight: {filter: layers, value: 1}}\n"
                + "  - parameters: {weight: 1}\n    sources:\n      - {model: Test/Base, layer_range: [4, 6]}\n"
        ),
    ])
    func whatGoesWithAProblemIsNotReported(name: String, config: String) throws {
        let report = try makeModels().report(config).filter {
            !$0.contains("entry without model:")
        }
        #expect(report.count == 1, "\(name): \(report)")
    }
}
