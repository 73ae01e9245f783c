/// Tensors that a model's code computes or counts, and old versions stored: no weights, so that the base's stand for
/// those that a model lacks.
enum ComputedTensor {
    /// Last components of names.
    private static let names: Set<Substring> = [
        "inv_freq", "original_inv_freq", "position_ids", "token_type_ids", "num_batches_tracked",
        "masked_bias",
        "relative_position_index", "final_logits_bias", "cos_cached", "sin_cached", "causal_mask",
    ]
    /// Last two components.
    private static let pairs: Set<Substring> = [
        "embed_positions.weights", "encoder.version", "decoder.version",
    ]

    /// Whether it counts what a model was trained with, so that models differ in it.
    static func isCounter(_ name: String) -> Bool { name.hasSuffix("num_batches_tracked") }

    /// Whether a tensor of that name and shape is one.
    static func isOne(_ name: String, shape: [Int]) -> Bool {
        guard let dot = name.lastIndex(of: ".") else { return names.contains(name[...]) }
        let last = name[name.index(after: dot)...]
        if names.contains(last) { return true }
        let start = name[..<dot].lastIndex(of: ".").map { name.index(after: $0) } ?? name.startIndex
        if pairs.contains(name[start...]) { return true }
        // The mask of GPT-2 and GPT-NeoX: a bias proper has one dimension.
        return last == "bias" && ["attn", "attention"].contains(name[start..<dot])
            && shape.count == 4 && shape[0] == 1 && shape[1] == 1 && shape[2] == shape[3]
    }
}
