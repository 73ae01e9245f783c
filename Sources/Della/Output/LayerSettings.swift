import StreamIO

/// What a config.json says by a layer's place: cut along with slices, as far as it can be said of the output.
struct LayerSettings {
    /// A kind that comes round: a layer is of it where `(layer − offset)` is a multiple of the value.
    private struct Period {
        var key: String
        /// The key of the offset, and what it is without one.
        var offsetKey: String?
        var offset = 0
        /// The list that says the same by layer, and decides where it is there.
        var list: String?
    }

    /// Lists with an entry for each layer.
    private static let lists = [
        "layer_types", "layers_block_type", "no_rope_layers", "mlp_layer_types", "attention_layers",
        "block_configs", "num_attention_heads", "num_key_value_heads", "num_query_heads", "num_kv_heads",
        "intermediate_size", "ffn_multipliers", "activation_sparsity_pattern", "moe_layer_freq",
    ]
    /// Texts with a letter for each layer.
    private static let texts = ["hybrid_override_pattern"]
    /// Lists of the layers that are of a kind.
    private static let indices = [
        "mlp_only_layers", "cross_attention_layers", "full_attn_idxs", "full_attention_layers", "moe_layers",
        "attn_layer_indices", "attn_layer_idx", "global_attn_idx", "hybrid_layer_ids",
    ]
    /// The layers before this one are of a kind.
    private static let thresholds = ["first_k_dense_replace", "num_dense_layers", "moe_layer_start_index"]
    private static let periods = [
        Period(key: "sliding_window_pattern", offset: -1, list: "layer_types"),
        Period(key: "_sliding_window_pattern", offset: -1, list: "layer_types"),
        Period(key: "full_attention_interval", offset: -1, list: "layer_types"),
        Period(key: "global_attn_every_n_layers", list: "layer_types"),
        Period(key: "no_rope_layer_interval", offset: -1, list: "no_rope_layers"),
        Period(key: "interleave_moe_layer_step", offset: -1, list: "moe_layers"),
        Period(key: "decoder_sparse_step", offset: -1),
        Period(key: "moe_layer_interval", offset: -1),
        Period(key: "moe_layer_freq"),
        Period(key: "attn_layer_period", offsetKey: "attn_layer_offset"),
        Period(key: "expert_layer_period", offsetKey: "expert_layer_offset"),
    ]

    /// What a config says of the kinds of its layers, by key.
    static func kinds(in config: JSON) -> [String: String] {
        let keys = lists + texts + indices + thresholds + periods.map(\.key) + periods.compactMap(\.offsetKey)
        return keys.reduce(into: [:]) { found, key in
            if let value = config[key], !value.isNull { found[key] = value.serialized() }
        }
    }

    /// Whether a config tells of no kinds of layers, as far as is known of its keys.
    static func areAlike(in config: JSON) -> Bool {
        let isInteger = { (keys: [String], least: Int) in
            keys.allSatisfy { (config[$0]?.intValue ?? 0) < least }
        }
        return lists.allSatisfy { key in
            guard let entries = config[key]?.arrayValue, let first = entries.first else { return true }
            return entries.allSatisfy { $0 == first }
        } && texts.allSatisfy { config[$0]?.stringValue == nil }
            && indices.allSatisfy { config[$0]?.arrayValue?.isEmpty ?? true } && isInteger(thresholds, 1)
            && isInteger(periods.map(\.key), 2)
    }

    /// What the output's layers come from, in order.
    let origins: [LayerOrigin]
    /// The section of the output's config.json, cut.
    private(set) var config: JSON
    /// What cannot be said any more, each once.
    private(set) var warnings: [String] = []
    /// The number of layers, in `config` before it was cut.
    private let count: Int

    /// - Parameters:
    ///   - config: the section of a config.json that describes the text model.
    ///   - key: where it says how many layers there are.
    init(_ config: JSON, key: String, origins: [LayerOrigin]) {
        self.config = config
        self.origins = origins
        count = config[key]?.intValue ?? 0
        let before = config
        self.config[key] = .int(origins.count)
        for key in Self.lists { cutList(key, before) }
        for key in Self.texts { cutText(key, before) }
        for key in Self.indices { cutIndices(key, before) }
        for key in Self.thresholds { cutThreshold(key, before) }
        if before["use_sliding_window"]?.boolValue == true, before["layer_types"] == nil {
            cutThreshold("max_window_layers", before)
        }
        for period in Self.periods { check(period, before) }
    }

    private mutating func cutList(_ key: String, _ before: JSON) {
        guard let own = before[key]?.arrayValue, own.count == count else { return }
        let entries = origins.compactMap { origin -> JSON? in
            let theirs = origin.config[key]?.arrayValue ?? own
            return origin.layer < theirs.count ? theirs[origin.layer] : nil
        }
        if entries.count == origins.count { config[key] = .array(entries) }
    }

    private mutating func cutText(_ key: String, _ before: JSON) {
        guard let own = before[key]?.stringValue.map(Array.init), own.count == count else { return }
        let letters = origins.compactMap { origin -> Character? in
            let theirs = origin.config[key]?.stringValue.map(Array.init) ?? own
            return origin.layer < theirs.count ? theirs[origin.layer] : nil
        }
        if letters.count == origins.count { config[key] = .string(String(letters)) }
    }

    private mutating func cutIndices(_ key: String, _ before: JSON) {
        guard let own = before[key]?.arrayValue, own.allSatisfy({ $0.intValue != nil }) else { return }
        let places = origins.indices.filter { place in
            let theirs = origins[place].config[key]?.arrayValue ?? own
            return theirs.contains { $0.intValue == origins[place].layer }
        }
        config[key] = .array(places.map { .int($0) })
    }

    private mutating func cutThreshold(_ key: String, _ before: JSON) {
        guard let own = before[key]?.intValue else { return }
        let areBefore = origins.map { $0.layer < $0.config[key]?.intValue ?? own }
        let threshold = areBefore.prefix { $0 }.count
        config[key] = .int(threshold)
        let late = areBefore.indices.filter { $0 >= threshold && areBefore[$0] }
        note(late, "\(key) is \(threshold)")
    }

    private mutating func check(_ period: Period, _ before: JSON) {
        guard let own = before[period.key]?.intValue, own > 1 else { return }
        if let list = period.list, before[list]?.arrayValue?.count == count { return }
        func isOfKind(_ layer: Int, _ config: JSON) -> Bool {
            let every = max(1, config[period.key]?.intValue ?? own)
            let offset = period.offsetKey.flatMap { config[$0]?.intValue } ?? period.offset
            return (layer - offset) % every == 0
        }
        let others = origins.indices.filter {
            isOfKind($0, before) != isOfKind(origins[$0].layer, origins[$0].config)
        }
        note(others, "\(period.key) is \(own)")
    }

    /// Notes layers that a setting takes for another kind than they were.
    private mutating func note(_ layers: [Int], _ setting: String) {
        guard let first = layers.first else { return }
        let more = layers.count > 1 ? " and \(layers.count - 1) more" : ""
        warnings.append(
            "config.json: \(setting), which takes layer \(first)\(more) of the output for another kind than "
                + "\(layers.count > 1 ? "they were" : "it was") where \(layers.count > 1 ? "they come" : "it comes") from"
        )
    }
}
