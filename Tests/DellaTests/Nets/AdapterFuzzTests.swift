import Testing

@testable import MergeReference

/// Adapters that say anything: applied, or a named error; never a crash or a hang.
@Suite struct AdapterFuzzTests {
    private static let config = """
        merge_method: task_arithmetic
        base_model: base
        models: [{model: one+adapter, parameters: {weight: 0.5}}]
        """

    /// What may stand in place of a value of `adapter_config.json`.
    private static let values = [
        "0", "-1", "2", "4.5", "1e308", "1e-320", "1e400", "NaN", "-Infinity", "9223372036854775808",
        "18446744073709551616", "null", "true", "[]", "{}", "\"\"", "\"LORA\"", "\"IA3\"", "[\"up_proj\"]",
        "{\"up_proj\": 3}", "{\"(a+)+$\": 1, \".*\": 2}", "{\"\": 1e300}", "{\"[\": 1}", "{\"\\u0000\": NaN}",
    ]
    private static let keys = [
        "peft_type", "r", "lora_alpha", "use_rslora", "fan_in_fan_out", "alpha_pattern", "rank_pattern",
        "bias",
        "use_dora", "target_modules", "modules_to_save", "layer_replication", "alora_invocation_tokens",
    ]
    private static let suffixes = [
        "lora_A.weight", "lora_B.weight", "lora_A.default.weight", "lora_embedding_A", "lora_embedding_B",
        "lora_magnitude_vector", "lora_B.bias", "weight", "modules_to_save.default.weight",
        "base_layer.weight",
    ]
    private static let modules = [
        "model.layers.0.mlp.up_proj", "model.embed_tokens", "model.norm", "layers.0.mlp.up_proj", "", ".",
        "model.layers.9.mlp.up_proj", "lm_head",
    ]

    @Test func anAdapterIsAppliedOrNamed() throws {
        try HostileInputRig("AdapterFuzzTests").run(blaming: ["adapter"]) { rig in
            var text = Array(Self.text(rig).utf8)
            let (tensors, what) = Self.tensors(rig)
            var file = TensorFile.encoded(tensors, alignment: nil)
            if rig.once(in: 4) { text = rig.damaged(text) }
            if rig.once(in: 4) { file = rig.damaged(file) }
            try rig.write(text, to: "adapter/adapter_config.json")
            try rig.write(file, to: "adapter/adapter_model.safetensors")
            return (Self.config, "\(String(decoding: text.prefix(400), as: UTF8.self)), \(what)")
        }
    }

    private static func text(_ rig: HostileInputRig) -> String {
        var entries = ["\"peft_type\": \"LORA\"", "\"r\": 2", "\"lora_alpha\": 4"]
        for _ in 0..<rig.number(0...2) { entries.append("\"\(rig.pick(keys))\": \(rig.pick(values))") }
        if rig.once(in: 30) {
            let depth = rig.pick([10, 1000, 1_000_000])
            entries.append(
                "\"deep\": " + String(repeating: "[", count: depth) + String(repeating: "]", count: depth))
        }
        return "{" + entries.joined(separator: ", ") + "}"
    }

    private static func tensors(_ rig: HostileInputRig) -> ([TensorFile.Tensor], String) {
        let (rows, width) = (HostileInputRig.rows, HostileInputRig.width)
        var list: [(String, [Int])] = [
            ("\(modules[0]).lora_A.weight", [2, width]), ("\(modules[0]).lora_B.weight", [rows, 2]),
        ]
        if rig.once(in: 3) {
            list += [
                ("\(modules[1]).lora_embedding_A", [2, rows]),
                ("\(modules[1]).lora_embedding_B", [width, 2]),
            ]
        }
        if rig.once(in: 3) { list.append(("\(modules[0]).lora_magnitude_vector", [rows])) }
        for _ in 0..<rig.pick([0, 0, 1, 2]) {
            let at = rig.number(0...list.count - 1)
            switch rig.number(0...5) {
            case 0:
                list[at].1 = (0..<rig.number(0...4)).map { _ in rig.pick([0, 1, 2, 3, width, rows, 300]) }
            case 1: list[at].1.reverse()
            case 2: list[at].0 = "\(rig.pick(modules)).\(rig.pick(suffixes))"
            case 3:
                list.append(
                    (
                        "\(rig.pick(modules)).\(rig.pick(suffixes))",
                        [rig.pick([1, rows]), rig.pick([1, width])]
                    ))
            case 4 where list.count > 1: list.remove(at: at)
            default: list[at].1.append(rig.pick([0, 1, 1, 2]))
            }
        }
        let tensors = Dictionary(list, uniquingKeysWith: { $1 }).sorted { $0.key < $1.key }.map {
            name, shape in
            let type = rig.once(in: 6) ? rig.pick(StoredType.allCases) : .f32
            let count = shape.reduce(1, *) * type.byteWidth
            // Numbers that are none, too.
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &rig.random) }
            return TensorFile.Tensor(name: "base_model.model." + name, type: type, shape: shape, bytes: bytes)
        }
        return (tensors, "\(tensors.map { "\($0.name) \($0.type.rawValue) \($0.shape)" })")
    }
}
