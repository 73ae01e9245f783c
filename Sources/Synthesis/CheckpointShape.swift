import StreamIO

/// The dimensions of a Mistral-shaped checkpoint, from which its tensors follow.
package struct CheckpointShape: Hashable, Sendable {
    /// What `--shape` calls it.
    package var name: String
    package var layers: Int
    package var vocabulary: Int
    package var hidden: Int
    package var intermediate: Int
    package var heads: Int
    package var keyValueHeads: Int
    package var headDimension: Int

    /// A tensor of the checkpoint.
    package struct Tensor: Hashable, Sendable {
        package var name: String
        package var shape: [Int]
        package var type: ElementType
        package var values: Values

        /// How its values are drawn.
        package enum Values: Hashable, Sendable {
            case normal(center: Float, deviation: Float)
            /// The scales of the blocks of a weight, by its position among the checkpoint's tensors.
            case scales(of: Int)
        }

        /// - Parameter values: without, norms are 1 + N(0, 0.1) and everything else N(0, 0.02).
        package init(name: String, shape: [Int], type: ElementType = .bf16, values: Values? = nil) {
            self.name = name
            self.shape = shape
            self.type = type
            let isNorm = name.hasSuffix("norm.weight")
            self.values =
                values ?? (isNorm ? .normal(center: 1, deviation: 0.1) : .normal(center: 0, deviation: 0.02))
        }

        /// Length in bytes.
        package var byteCount: UInt64 { UInt64(shape.reduce(type.bitWidth / 8, *)) }
        /// Whether it is the matrix of a linear layer, which adapters change and quantisation takes.
        package var isLinear: Bool { name.hasSuffix("_proj.weight") }
    }

    /// The shapes by name, largest first.
    package static let all: [CheckpointShape] = [
        CheckpointShape(
            name: "nemo-12b", layers: 40, vocabulary: 131_072, hidden: 5120, intermediate: 14_336, heads: 32,
            keyValueHeads: 8, headDimension: 128),
        CheckpointShape(
            name: "edge", layers: 1, vocabulary: 131_072, hidden: 5120, intermediate: 14_336, heads: 32,
            keyValueHeads: 8, headDimension: 128),
        CheckpointShape(
            name: "nemo-4l", layers: 4, vocabulary: 32_768, hidden: 5120, intermediate: 14_336, heads: 32,
            keyValueHeads: 8, headDimension: 128),
        CheckpointShape(
            name: "demo", layers: 8, vocabulary: 32_000, hidden: 1024, intermediate: 2816, heads: 16,
            keyValueHeads: 4, headDimension: 64),
        CheckpointShape(
            name: "tiny", layers: 4, vocabulary: 512, hidden: 64, intermediate: 176, heads: 4,
            keyValueHeads: 2, headDimension: 16),
    ]

    package init(
        name: String, layers: Int, vocabulary: Int, hidden: Int, intermediate: Int, heads: Int,
        keyValueHeads: Int, headDimension: Int
    ) {
        self.name = name
        self.layers = layers
        self.vocabulary = vocabulary
        self.hidden = hidden
        self.intermediate = intermediate
        self.heads = heads
        self.keyValueHeads = keyValueHeads
        self.headDimension = headDimension
    }

    /// The shape of that name; `nil` where there is none.
    package init?(named name: String) {
        guard let match = Self.all.first(where: { $0.name == name }) else { return nil }
        self = match
    }

    /// The tensors in the order of the files.
    package var tensors: [Tensor] {
        var list = [Tensor(name: "model.embed_tokens.weight", shape: [vocabulary, hidden])]
        let queries = heads * headDimension
        let keys = keyValueHeads * headDimension
        for layer in 0..<layers {
            let prefix = "model.layers.\(layer)."
            list += [
                Tensor(name: prefix + "input_layernorm.weight", shape: [hidden]),
                Tensor(name: prefix + "self_attn.q_proj.weight", shape: [queries, hidden]),
                Tensor(name: prefix + "self_attn.k_proj.weight", shape: [keys, hidden]),
                Tensor(name: prefix + "self_attn.v_proj.weight", shape: [keys, hidden]),
                Tensor(name: prefix + "self_attn.o_proj.weight", shape: [hidden, queries]),
                Tensor(name: prefix + "mlp.up_proj.weight", shape: [intermediate, hidden]),
                Tensor(name: prefix + "mlp.gate_proj.weight", shape: [intermediate, hidden]),
                Tensor(name: prefix + "mlp.down_proj.weight", shape: [hidden, intermediate]),
                Tensor(name: prefix + "post_attention_layernorm.weight", shape: [hidden]),
            ]
        }
        list.append(Tensor(name: "model.norm.weight", shape: [hidden]))
        list.append(Tensor(name: "lm_head.weight", shape: [vocabulary, hidden]))
        return list
    }

    /// The tensors with linear weights in 8 bits, and after all of them the scales of their blocks.
    package var quantisedTensors: [Tensor] {
        var list = tensors
        for (ordinal, tensor) in tensors.enumerated() where tensor.isLinear {
            list[ordinal].type = .f8E4M3
            let blocks = tensor.shape.map { ($0 + BlockScales.size - 1) / BlockScales.size }
            list.append(
                Tensor(
                    name: tensor.name + "_scale_inv", shape: blocks, type: .f32, values: .scales(of: ordinal))
            )
        }
        return list
    }
}
