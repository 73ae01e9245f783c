@testable import Della

extension NamedModel.Architecture {
    private typealias Spelling = NamedModel.Spelling

    private typealias Tensors = [(name: String, shape: [Int])]

    private static func layers(_ stack: String, _ count: Int, _ names: [String]) -> Tensors {
        var tensors: Tensors = []
        for layer in 0..<count {
            for name in names { tensors.append((name: "\(stack)\(layer).\(name)", shape: [4, 4])) }
        }
        return tensors
    }

    private static func joined(_ parts: Tensors...) -> Tensors { Array(parts.joined()) }

    private static func config(_ type: String, _ more: String = "\"num_hidden_layers\": 2") -> String {
        "{\"model_type\": \"\(type)\", \"tie_word_embeddings\": false, \(more)}"
    }

    private static let decoder = ["self_attn.q_proj.weight", "mlp.up_proj.weight", "input_layernorm.weight"]
    private static let tower = ["self_attn.q_proj.weight", "layer_norm1.weight", "mlp.fc1.bias"]

    private static let llama = Self(
        name: "llama",
        tensors: joined(
            [("model.embed_tokens.weight", [8, 4])],
            layers("model.layers.", 2, decoder),
            [("model.norm.weight", [4]), ("lm_head.weight", [8, 4])]), config: config("llama"),
        spellings: [
            .own, .beginnings("bare", [("model.", "")]),
            .beginnings("inner", [("", "language_model.")]),
            .beginnings("inner, 5", [("model.", "model.language_model.")]),
            .beginnings("text", [("model.", "model.text_model.")]),
            .beginnings("compiled", [("model.", "model._orig_mod.")]),
        ])

    private static let gpt2 = Self(
        name: "gpt2",
        tensors: joined(
            [("transformer.wte.weight", [8, 4]), ("transformer.wpe.weight", [8, 4])],
            layers("transformer.h.", 2, ["attn.c_attn.weight", "attn.c_attn.bias", "ln_1.bias"]),
            [("transformer.ln_f.bias", [4])]),
        config: "{\"model_type\": \"gpt2\", \"n_layer\": 2}",
        spellings: [.own, .beginnings("bare", [("transformer.", "")])])

    /// `bert`, or what is called like it.
    private static func bert(_ type: String, head: Tensors) -> Self {
        let names = ["attention.self.query.weight", "output.LayerNorm.weight", "output.LayerNorm.bias"]
        let old = { @Sendable (name: String) in
            name.replacing("LayerNorm.weight", with: "LayerNorm.gamma").replacing(
                "LayerNorm.bias", with: "LayerNorm.beta")
        }
        return Self(
            name: type,
            tensors: joined(
                [
                    ("\(type).embeddings.word_embeddings.weight", [8, 4]),
                    ("\(type).embeddings.LayerNorm.weight", [4]),
                ],
                layers("\(type).encoder.layer.", 2, names),
                head), config: config(type),
            spellings: [
                .own, .beginnings("bare", [("\(type).", "")]), Spelling(name: "gamma", rename: old),
                Spelling(name: "bare gamma") {
                    old($0.hasPrefix(type + ".") ? String($0.dropFirst(type.count + 1)) : $0)
                },
            ])
    }

    private static let vision =
        "\"text_config\": {\"num_hidden_layers\": 2}, \"vision_config\": {\"num_hidden_layers\": 3}"

    private static let gemma3 = Self(
        name: "gemma3",
        tensors: joined(
            [("language_model.model.embed_tokens.weight", [8, 4])],
            layers("language_model.model.layers.", 2, decoder),
            [("language_model.model.norm.weight", [4]), ("language_model.lm_head.weight", [8, 4])],
            layers("vision_tower.vision_model.encoder.layers.", 3, tower),
            [
                ("vision_tower.vision_model.post_layernorm.weight", [4]),
                ("multi_modal_projector.mm_input_projection_weight", [4, 4]), ("image_newline", [4]),
            ]), config: config("gemma3", vision),
        spellings: [
            .own,
            .beginnings(
                "4.52",
                [
                    ("language_model.model.", "model.language_model."), ("language_model.lm_head", "lm_head"),
                    ("vision_tower.", "model.vision_tower."), ("multi_modal", "model.multi_modal"),
                    ("image_newline", "model.image_newline"),
                ]),
            .beginnings(
                "5",
                [
                    ("language_model.model.", "model.language_model."), ("language_model.lm_head", "lm_head"),
                    ("vision_tower.vision_model.", "model.vision_tower."),
                    ("multi_modal", "model.multi_modal"),
                    ("image_newline", "model.image_newline"),
                ]),
        ])

    private static let qwen = Self(
        name: "qwen2_vl",
        tensors: joined(
            [("model.embed_tokens.weight", [8, 4])],
            layers("model.layers.", 2, decoder),
            [("model.norm.weight", [4]), ("lm_head.weight", [8, 4])],
            layers("visual.blocks.", 3, ["attn.qkv.weight", "norm1.bias"]),
            [("visual.merger.mlp.0.weight", [4, 4])]),
        config: config("qwen2_vl", "\"num_hidden_layers\": 2, \"vision_config\": {\"depth\": 3}"),
        spellings: [
            .own,
            .beginnings("5", [("model.", "model.language_model."), ("visual.", "model.visual.")]),
            .beginnings("thinker", [("", "thinker.")]),
        ])

    private static let bart = Self(
        name: "bart",
        tensors: joined(
            [("model.shared.weight", [8, 4]), ("model.encoder.embed_tokens.weight", [8, 4])],
            layers("model.encoder.layers.", 3, ["self_attn.q_proj.weight", "fc1.bias"]),
            layers(
                "model.decoder.layers.", 2,
                ["encoder_attn.q_proj.weight", "self_attn.q_proj.weight", "fc1.bias"]),
            [("lm_head.weight", [8, 4])]),
        config: config("bart", "\"num_hidden_layers\": 3, \"encoder_layers\": 3, \"decoder_layers\": 2"),
        otherConfig: config("bart", "\"encoder_layers\": 3, \"decoder_layers\": 2"),
        spellings: [.own, .beginnings("bare", [("model.", "")])])

    private static let t5 = Self(
        name: "t5",
        tensors: joined(
            [("shared.weight", [8, 4])],
            layers("encoder.block.", 2, ["layer.0.SelfAttention.q.weight", "layer.1.layer_norm.weight"]),
            layers(
                "decoder.block.", 3, ["layer.0.SelfAttention.q.weight", "layer.1.EncDecAttention.q.weight"]),
            [("encoder.final_layer_norm.weight", [4]), ("lm_head.weight", [8, 4])]),
        config: config("t5", "\"num_layers\": 2, \"num_decoder_layers\": 3"),
        otherConfig: config("t5", "\"num_decoder_layers\": 3"),
        spellings: [.own, .beginnings("inner", [("lm_head", "lm_head"), ("", "transformer.")])])

    private static let hubert = Self(
        name: "hubert",
        tensors: joined(
            [
                ("hubert.encoder.pos_conv_embed.conv.weight_g", [1, 1, 4]),
                ("hubert.encoder.pos_conv_embed.conv.weight_v", [4, 4, 4]),
            ],
            layers("hubert.encoder.layers.", 2, ["attention.q_proj.weight"])), config: config("hubert"),
        spellings: [
            .own,
            Spelling(name: "parametrizations") {
                $0.replacing(".weight_g", with: ".parametrizations.weight.original0").replacing(
                    ".weight_v", with: ".parametrizations.weight.original1")
            },
        ])

    /// One of each kind of names.
    static let all: [Self] = [
        llama, gpt2,
        bert(
            "bert",
            head: [("cls.predictions.bias", [8]), ("cls.predictions.transform.LayerNorm.weight", [4])]),
        bert("roberta", head: [("lm_head.bias", [8]), ("lm_head.dense.weight", [4, 4])]), gemma3, qwen, bart,
        t5,
        hubert,
    ]
}
