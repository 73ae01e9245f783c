import StreamIO

/// What a base's file may call a tensor that an adapter knows by its place in the program.
///
/// Source: `_checkpoint_conversion_mapping` of the models of transformers 4.52, and its `conversion_mapping.py` of 5.
struct AdapterNames {
    private let base: Checkpoint
    /// What training programs put in front of all the base's names.
    private let wrapper: String

    init(of base: Checkpoint) {
        self.base = base
        wrapper = ModelNaming.wrapper(of: base)
    }

    /// The name in the base's file; `nil` where the base has none of them.
    func name(_ name: String) -> String? {
        for name in [name] + Self.inLayers(name) {
            if let found = Self.beginnings(name).first(where: isThere) { return found }
        }
        let bare = Self.bare(name)
        let spellings = [bare] + Self.inLayers(bare)
        for name in spellings {
            if let found = Self.beginnings(name).lazy.map({ wrapper + $0 }).first(where: isThere) {
                return found
            }
        }
        for name in spellings {
            // Of two that fit, neither is known to be meant.
            let found = Self.inBodies(name).map { wrapper + $0 }.filter(isThere)
            if found.count == 1 { return found[0] }
        }
        return nil
    }

    private func isThere(_ name: String) -> Bool { base.place(named: name) != nil }

    /// The name without what training programs put in front of it.
    private static func bare(_ name: String) -> String {
        var name = name
        while let wrapper = KnownNames.wrappers.first(where: name.hasPrefix) {
            name = String(name.dropFirst(wrapper.utf8.count))
        }
        return name
    }

    /// With another model's prefix before its layers, or none.
    private static func inBodies(_ name: String) -> [String] {
        let rests =
            [name] + KnownNames.bodies.filter(name.hasPrefix).map { String(name.dropFirst($0.utf8.count)) }
        return Array(Set(rests.flatMap { rest in [rest] + KnownNames.bodies.map { $0 + rest } }))
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
