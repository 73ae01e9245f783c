import StreamIO

/// What a base's file may call a tensor that an adapter knows by its place in the program.
///
/// Source: `_checkpoint_conversion_mapping` of the models of transformers 4.52, and its `conversion_mapping.py` of 5.
enum AdapterNames {
    /// The name in the base's file; `nil` where the base has none of them.
    static func name(_ name: String, in base: Checkpoint) -> String? {
        for name in [name] + inLayers(name) {
            if let found = beginnings(name).first(where: { base.place(named: $0) != nil }) { return found }
        }
        return nil
    }

    /// With or without the prefix that a whole model's names have.
    private static func beginnings(_ name: String) -> [String] {
        var names = [name, "model." + name, "transformer." + name]
        for prefix in ["model.", "transformer.", "language_model."] where name.hasPrefix(prefix) {
            names.append(String(name.dropFirst(prefix.utf8.count)))
        }
        for (program, file) in [
            ("model.language_model.", "language_model.model."), ("model.language_model.", "model."),
            ("language_model.model.", "model.language_model."), ("model.", "model.language_model."),
            // GPT-NeoX's head.
            ("lm_head.", "embed_out."), ("embed_out.", "lm_head."),
        ] where name.hasPrefix(program) {
            names.append(file + name.dropFirst(program.utf8.count))
        }
        return names
    }

    /// Layers of encoders, which version 5 calls as those of language models, and files as they were called before.
    private static func inLayers(_ name: String) -> [String] {
        let place = name.split(separator: ".", maxSplits: 2).dropFirst().first
        var attention =
            place == "layers" ? name.replacing(".layers.", with: ".encoder.layer.", maxReplacements: 1) : name
        for (program, file) in [
            (".attention.q_proj.", ".attention.attention.query."),
            (".attention.k_proj.", ".attention.attention.key."),
            (".attention.v_proj.", ".attention.attention.value."),
            (".attention.o_proj.", ".attention.output.dense."),
        ] { attention = attention.replacing(program, with: file) }
        guard place == "layers" else { return attention == name ? [] : [attention] }
        let all = attention.replacing(".mlp.fc1.", with: ".intermediate.dense.").replacing(
            ".mlp.fc2.", with: ".output.dense.")
        return attention == all ? [all] : [attention, all]
    }
}
