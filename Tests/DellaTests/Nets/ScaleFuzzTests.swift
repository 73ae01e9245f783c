import Testing

@testable import MergeReference

/// Weights of 8 bits with scales that are any: dequantised, or a named error; never a crash or a hang.
@Suite struct ScaleFuzzTests {
    private static let blocks = [
        "[128, 128]", "[2, 3]", "[1, 1]", "[0, 0]", "[-1, 4]", "[1048577, 1]", "[9223372036854775807, 2]",
        "[2]",
        "[]", "null", "\"x\"", "[2.5, 3]", "{}", "[[2], [3]]",
    ]

    @Test func scalesAreUsedOrNamed() throws {
        try HostileInputRig("ScaleFuzzTests").run(blaming: ["one", "base", HostileInputRig.matrix]) { rig in
            let model = rig.pick(["one", "one", "base"])
            for other in ["base", "one"] where other != model {
                try rig.writeModel(other, HostileInputRig.tensors(other == "base" ? 0 : 1))
            }
            var tensors = HostileInputRig.tensors(1)
            let (rows, width) = (HostileInputRig.rows, HostileInputRig.width)
            let names = tensors.map(\.name)
            var what = model
            for index in tensors.indices where index == 1 || rig.once(in: 4) {
                tensors[index].type = .f8
                tensors[index].bytes = Array(tensors[index].bytes.prefix(tensors[index].count))
                guard !rig.once(in: 8) else { continue }
                let type: StoredType = rig.once(in: 4) ? rig.pick(StoredType.allCases) : .f32
                let shape = rig.pick([
                    [], [1], [1, 1], [rows], [rows, 1], [4, 2], [1, width], [2, 2], [0], [rows, width],
                    [1, 1, 1],
                ])
                let bytes = (0..<shape.reduce(1, *) * type.byteWidth).map { _ in
                    // NaN and infinity as a rule.
                    rig.once(in: 2) ? 0xFF : UInt8.random(in: 0...255, using: &rig.random)
                }
                let suffix = rig.pick(["_scale_inv", "_scale", "_scale", ".scale", "_scale_2"])
                what += ", \(names[index])\(suffix) \(type.rawValue) \(shape)"
                tensors.append(
                    TensorFile.Tensor(name: names[index] + suffix, type: type, shape: shape, bytes: bytes))
            }
            let method = rig.pick(["fp8", "fp8", "compressed-tensors", "gptq"])
            let blocks = rig.pick(Self.blocks)
            let config =
                rig.once(in: 4)
                ? ""
                : ", \"quantization_config\": {\"quant_method\": \"\(method)\", \"weight_block_size\": \(blocks)}"
            try rig.writeModel(model, tensors, config: config)
            return (
                """
                merge_method: task_arithmetic
                base_model: base
                models: [{model: one, parameters: {weight: 0.5}}]
                """, "\(what)\(config)"
            )
        }
    }
}
