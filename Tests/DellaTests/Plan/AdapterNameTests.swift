import StreamIO
import SystemPackage
import Testing

@testable import Della
@testable import MergeReference

/// That adapters find the tensors that their base's file calls otherwise than the program they were made with, and what
/// becomes of biases.
@Suite struct AdapterNameTests {
    struct Case: CustomTestStringConvertible, Sendable {
        /// What the adapter calls a module, and the base's file its weight.
        var module: String
        var file: String

        var testDescription: String { "\(module) in \(file)" }
    }

    static let cases: [Case] = [
        ("model.layers.0.self_attn.q_proj", "model.layers.0.self_attn.q_proj"),
        ("model.layers.0.self_attn.q_proj", "layers.0.self_attn.q_proj"),
        ("transformer.h.0.attn.c_attn", "h.0.attn.c_attn"),
        ("model.language_model.layers.0.self_attn.q_proj", "language_model.model.layers.0.self_attn.q_proj"),
        ("model.language_model.layers.0.self_attn.q_proj", "model.layers.0.self_attn.q_proj"),
        ("language_model.model.layers.0.self_attn.q_proj", "model.language_model.layers.0.self_attn.q_proj"),
        ("model.layers.0.self_attn.q_proj", "model.language_model.layers.0.self_attn.q_proj"),
        ("model.visual.blocks.0.attn.qkv", "visual.blocks.0.attn.qkv"),
        ("vit.layers.0.attention.q_proj", "vit.encoder.layer.0.attention.attention.query"),
        ("vit.layers.0.attention.k_proj", "vit.encoder.layer.0.attention.attention.key"),
        ("vit.layers.0.attention.v_proj", "vit.encoder.layer.0.attention.attention.value"),
        ("vit.layers.0.attention.o_proj", "vit.encoder.layer.0.attention.output.dense"),
        ("vit.layers.0.mlp.fc1", "vit.encoder.layer.0.intermediate.dense"),
        ("vit.layers.0.mlp.fc2", "vit.encoder.layer.0.output.dense"),
        ("dinov2.layers.0.mlp.fc2", "dinov2.encoder.layer.0.mlp.fc2"),
        ("lm_head", "embed_out"), ("embed_out", "lm_head"),
        ("bert.encoder.layer.0.attention.self.query", "encoder.layer.0.attention.self.query"),
        ("encoder.layer.0.attention.self.query", "bert.encoder.layer.0.attention.self.query"),
        ("encoder.layer.0.attention.self.query", "roberta.encoder.layer.0.attention.self.query"),
        ("transformer.layer.0.attention.q_lin", "distilbert.transformer.layer.0.attention.q_lin"),
        ("gpt_neox.layers.0.attention.query_key_value", "layers.0.attention.query_key_value"),
        ("backbone.layers.0.mixer.in_proj", "layers.0.mixer.in_proj"),
        ("model.layers.0.self_attn.q_proj", "_orig_mod.model.layers.0.self_attn.q_proj"),
        ("model.layers.0.self_attn.q_proj", "module._orig_mod.model.layers.0.self_attn.q_proj"),
        ("model.layers.0.self_attn.q_proj", "base_model.model.model.layers.0.self_attn.q_proj"),
        ("_orig_mod.model.layers.0.self_attn.q_proj", "model.layers.0.self_attn.q_proj"),
        ("module.model.layers.0.self_attn.q_proj", "_orig_mod.model.layers.0.self_attn.q_proj"),
        ("bert.encoder.layer.0.attention.self.query", "module.encoder.layer.0.attention.self.query"),
        ("lm_head", "_orig_mod.lm_head"),
        ("dinov2.encoder.layer.0.attention.k_proj", "dinov2.encoder.layer.0.attention.attention.key"),
        ("dinov2.encoder.layer.0.attention.o_proj", "dinov2.encoder.layer.0.attention.output.dense"),
    ].map { Case(module: $0.0, file: $0.1) }

    @Test(arguments: cases)
    func findsTheTensorByItsOtherName(made: Case) throws {
        let adapter = try AdapterFolder.open(
            [("\(made.module).lora_A.weight", [2, 6]), ("\(made.module).lora_B.weight", [8, 2])],
            base: [("\(made.file).weight", [8, 6])])
        #expect(Array(adapter.parts.keys) == ["\(made.file).weight"] && adapter.saved.isEmpty)
    }

    /// Where two parts of the base have the name, neither is taken.
    @Test func ofTwoThatFitNeitherIsTaken() {
        #expect(throws: AdapterProblem.self) {
            try AdapterFolder.open(
                [
                    ("encoder.layer.0.query.lora_A.weight", [2, 6]),
                    ("encoder.layer.0.query.lora_B.weight", [8, 2]),
                ],
                base: [
                    ("bert.encoder.layer.0.query.weight", [8, 6]),
                    ("text_model.encoder.layer.0.query.weight", [8, 6]),
                ])
        }
    }

    @Test(arguments: [
        ("all", "q_proj.base_layer.bias", true), ("lora_only", "q_proj.base_layer.bias", true),
        ("lora_only", "q_proj.bias", true), ("all", "q_proj.base_layer.weight", false),
        ("all", "q_proj.original_module.bias", false),
    ])
    func biasesThatWereTrainedTakeTheBasesPlace(setting: String, name: String, isSaved: Bool) throws {
        let module = "model.layers.0.self_attn."
        let shape = name.hasSuffix("weight") ? [8, 6] : [8]
        let adapter = try AdapterFolder.open(
            [
                (module + "q_proj.lora_A.weight", [2, 6]), (module + "q_proj.lora_B.weight", [8, 2]),
                (module + name, shape),
            ], base: [(module + "q_proj.weight", [8, 6]), (module + "q_proj.bias", [8])],
            config: "{\"r\": 2, \"bias\": \"\(setting)\"}")
        #expect(adapter.parts.count == 1)
        #expect(Array(adapter.saved.keys) == (isSaved ? [module + "q_proj.bias"] : []))
        #expect(adapter.saved.values.allSatisfy { $0.name == "base_model.model." + module + name })
    }
}
