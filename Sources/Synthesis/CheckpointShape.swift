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
        /// Length in bytes; every element is a bfloat16.
        package var byteCount: UInt64 { UInt64(shape.reduce(2, *)) }
        /// Norms are 1 + N(0, 0.1); everything else N(0, 0.02).
        package var isNorm: Bool { name.hasSuffix("norm.weight") }
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
}
