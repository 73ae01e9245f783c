/// What a tensor is for, as far as its name tells: a column of a report's pictures.
public enum TensorKind: String, CaseIterable, Hashable, Sendable {
    case query = "q"
    case key = "k"
    case value = "v"
    /// Queries, keys and values in one, or two of them.
    case attentionInputs = "qkv"
    case attentionOutput = "o"
    case gate
    case up
    /// Gate and up in one.
    case gateUp = "gate_up"
    case down
    /// Experts of a mixture, shared ones too, whatever their parts.
    case experts
    case router
    case norm
    case embedding = "embed"
    case head = "lm_head"
    /// What none of the others is.
    case other

    /// Experts that are told apart; those of a greater number count as experts alone.
    static let expertLimit = 512

    /// Its place in `allCases`.
    var index: Int { Self.places[self] ?? 0 }

    private static let places = Dictionary(
        uniqueKeysWithValues: allCases.enumerated().map { ($0.element, $0.offset) })

    /// The kind of a tensor of this name, in the names of Llama and its kin, GPT-2, NeoX, Falcon, Phi, BERT, T5, InternLM,
    /// Mixtral, Qwen and DeepSeek. `other` where the name says nothing.
    public init(tensorNamed name: String) {
        var modules = name.lowercased().split(separator: ".")
        if let last = modules.last, Self.suffixes.contains(last) { modules.removeLast() }
        if modules.contains(where: { $0.contains("norm") || Self.norms.contains($0) }) {
            self = .norm
        } else if modules.contains(where: Self.routers.contains) {
            self = .router
        } else if modules.contains(where: { $0.hasSuffix("experts") || $0 == "shared_expert" }) {
            self = .experts
        } else if LayerPosition(name) == nil, let kind = Self.outside(modules) {
            self = kind
        } else {
            self = Self.linear(modules)
        }
    }

    /// The number of the expert that a tensor belongs to; `nil` where it belongs to none, to all, or to one beyond
    /// `expertLimit`.
    static func expert(ofTensorNamed name: String) -> Int? {
        let parts = name.split(separator: ".")
        guard let place = parts.firstIndex(of: "experts"), place + 1 < parts.count,
            let number = Int(parts[place + 1]), (0..<expertLimit).contains(number)
        else { return nil }
        return number
    }

    private static let suffixes: Set<Substring> = [
        "weight", "bias", "weight_scale", "weight_scale_inv", "input_scale", "scale",
    ]
    private static let norms: Set<Substring> = ["ln_1", "ln_2", "ln_3", "ln_f", "ln", "ln_attn", "ln_mlp"]
    private static let routers: Set<Substring> = ["router", "gate", "shared_expert_gate"]
    private static let heads: Set<Substring> = [
        "lm_head", "embed_out", "head", "output", "output_layer", "score", "classifier", "cls",
    ]

    /// Embeddings and heads, which are no part of a layer.
    private static func outside(_ modules: [Substring]) -> Self? {
        if modules.contains(where: heads.contains) { return .head }
        let isEmbedding = modules.contains { $0.contains("embed") || $0 == "wte" || $0 == "wpe" }
        return isEmbedding ? .embedding : nil
    }

    /// By the module's own name. `c_proj`, `dense` and the like end attention in one module and the feed-forward network in
    /// another: those around it tell.
    private static func linear(_ modules: [Substring]) -> Self {
        guard let module = modules.last else { return .other }
        if let kind = linears[module] { return kind }
        let isAttention = modules.contains { $0.contains("attn") || $0.contains("attention") }
        if module == "dense", modules.dropLast().last == "intermediate" { return .up }
        return ends.contains(module) ? (isAttention ? .attentionOutput : .down) : .other
    }

    private static let ends: Set<Substring> = [
        "c_proj", "dense", "out_proj", "proj", "wo", "proj_out", "out_lin",
    ]
    private static let linears: [Substring: Self] = {
        let names: [(Self, [Substring])] = [
            (.query, ["q_proj", "wq", "query", "q", "q_a_proj", "q_b_proj", "to_q", "q_lin"]),
            (.key, ["k_proj", "wk", "key", "k", "to_k", "k_lin"]),
            (.value, ["v_proj", "wv", "value", "v", "to_v", "v_lin"]),
            (
                .attentionInputs,
                [
                    "qkv_proj", "c_attn", "query_key_value", "wqkv", "qkv", "w_pack", "attn_qkv",
                    "kv_a_proj_with_mqa",
                    "kv_b_proj", "kv_proj",
                ]
            ),
            (.attentionOutput, ["o_proj", "o"]),
            (.gate, ["gate_proj", "w1", "wi_0"]),
            (
                .up,
                [
                    "up_proj", "w3", "wi_1", "wi", "c_fc", "dense_h_to_4h", "fc1", "fc_in", "lin1",
                    "linear_fc1",
                ]
            ),
            (.gateUp, ["gate_up_proj", "w12"]),
            (.down, ["down_proj", "w2", "dense_4h_to_h", "fc2", "fc_out", "lin2", "linear_fc2"]),
        ]
        return Dictionary(uniqueKeysWithValues: names.flatMap { kind, names in names.map { ($0, kind) } })
    }()
}
