import StreamIO

/// What the configs of two models say differently though no shape of a tensor shows it.
struct ModelDifferences {
    /// One key, what the model says, and what the base says.
    struct Setting: Hashable {
        var key: String
        var value: String
        var base: String
    }

    /// In the order of `keys` and `tokens`.
    let settings: [Setting]

    /// What a layer computes with its weights, besides the weights. A key that one of two configs leaves out has its
    /// class's default there, which is not known here.
    private static let keys = [
        "num_attention_heads", "num_key_value_heads", "head_dim", "n_head", "hidden_act", "hidden_activation",
        "activation_function", "rms_norm_eps", "layer_norm_eps", "layer_norm_epsilon", "norm_eps",
        "norm_epsilon",
        "layer_types", "layers_block_type", "partial_rotary_factor", "rotary_pct", "max_position_embeddings",
        "attn_logit_softcapping", "final_logit_softcapping", "query_pre_attn_scalar", "attention_multiplier",
        "embedding_multiplier", "residual_multiplier", "logits_scaling", "logit_scale", "num_experts_per_tok",
        "norm_topk_prob", "routed_scaling_factor", "scoring_func", "use_parallel_residual",
    ]
    /// Tokens that a config names, which a multimodal one has outside of its text model's section.
    private static let tokens = ["bos_token_id", "eos_token_id", "pad_token_id"]

    /// Which tensors a layer has.
    private static let tensorKeys = [
        "attention_bias", "attn_bias", "qkv_bias", "use_qkv_bias", "mlp_bias", "use_bias", "add_bias_linear",
        "bias", "qk_layernorm", "use_qk_norm", "num_local_experts", "num_experts", "n_routed_experts",
        "n_shared_experts", "shared_expert_intermediate_size", "moe_num_experts",
    ]

    /// What two configs say differently of the tensors that a layer has.
    static func tensors(of model: ModelProfile, from base: ModelProfile) -> ModelDifferences {
        let ours = base.text ?? .null, theirs = model.text ?? .null
        return ModelDifferences(
            settings: tensorKeys.compactMap { key in
                let value = theirs[key] ?? .null, other = ours[key] ?? .null
                guard !isSame(value, other) else { return nil }
                return Setting(key: key, value: value.serialized(), base: other.serialized())
            })
    }

    private init(settings: [Setting]) {
        self.settings = settings
    }

    init(of model: ModelProfile, from base: ModelProfile) {
        guard let ours = base.text, let theirs = model.text else {
            settings = []
            return
        }
        var found: [Setting] = []
        func note(_ key: String, _ value: JSON?, _ other: JSON?, isAbsenceMeant: Bool = false) {
            let value = value ?? .null, other = other ?? .null
            guard isAbsenceMeant || value != .null && other != .null, !Self.isSame(value, other) else {
                return
            }
            found.append(Setting(key: key, value: value.serialized(), base: other.serialized()))
        }
        note("rope_theta", Self.theta(theirs), Self.theta(ours))
        note("rope_scaling", Self.scaling(theirs), Self.scaling(ours), isAbsenceMeant: true)
        note("sliding_window", Self.window(theirs), Self.window(ours), isAbsenceMeant: true)
        for key in Self.keys { note(key, theirs[key], ours[key]) }
        for key in Self.tokens {
            note(key, theirs[key] ?? model.json?[key], ours[key] ?? base.json?[key])
        }
        settings = found
    }

    /// `rope_theta: 5e5 …`, as a message has it; empty where there is nothing.
    var text: String {
        settings.map { "\($0.key) is \($0.value.excerpt), the base's \($0.base.excerpt)" }.joined(
            separator: "; ")
    }

    private static func isSame(_ left: JSON, _ right: JSON) -> Bool {
        if left == right { return true }
        if let left = left.doubleValue, let right = right.doubleValue { return left == right }
        guard let left = left.objectValue, let right = right.objectValue, left.count == right.count else {
            return false
        }
        return left.members.allSatisfy { member in right[member.key].map { isSame(member.value, $0) } ?? false
        }
    }

    /// Newer configs have one `rope_parameters` in place of `rope_theta` and `rope_scaling`.
    private static func theta(_ config: JSON) -> JSON? {
        config["rope_parameters"]?["rope_theta"] ?? config["rope_theta"]
    }

    private static func scaling(_ config: JSON) -> JSON? {
        let entry = config["rope_parameters"] ?? config["rope_scaling"]
        guard let members = entry?.objectValue?.members else { return entry }
        // `type` is what `rope_type` was called.
        let rest = members.filter { $0.key != "rope_theta" && $0.key != "type" }
        var scaling = JSONObject(rest.map { ($0.key, $0.value) })
        if let type = entry?["type"], scaling["rope_type"] == nil { scaling["rope_type"] = type }
        if scaling["rope_type"]?.stringValue == "default", scaling.count == 1 { return nil }
        return scaling.isEmpty ? nil : .object(scaling)
    }

    private static func window(_ config: JSON) -> JSON? {
        config["use_sliding_window"]?.boolValue == false ? nil : config["sliding_window"]
    }
}
