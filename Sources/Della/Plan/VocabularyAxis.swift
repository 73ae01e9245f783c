/// Which tensors have one row for each token: embeddings, heads and heads' biases. Of the bias that bart and marian add
/// to their output, the only row has an element for each.
enum VocabularyAxis {
    /// What such a module is called.
    private static let modules: Set<Substring> = [
        "embed_tokens", "wte", "word_embeddings", "embed_in", "tok_embeddings", "shared", "lm_head",
        "embed_out",
        "output", "output_layer", "proj_out",
    ]
    /// Modules whose name alone could be anything's: with the one they lie in.
    private static let inner: [(outer: Substring, module: Substring)] = [
        ("predictions", "decoder"), ("lm_head", "decoder"), ("backbone", "embeddings"),
        ("backbone", "embedding"),
        ("text_model", "token_embedding"), ("embeddings", "token_embedding"),
    ]
    /// Towers for pictures and sound have no tokens.
    private static let towers = ["vision", "visual", "audio", "image", "speech"]

    private static let bias = "final_logits_bias"

    /// Whether it is the second of two axes that counts tokens, in a tensor that has such an axis.
    static func isSecond(name: String, _ shape: [Int]) -> Bool {
        shape.count == 2 && shape[0] == 1 && (name == bias || name.hasSuffix("." + bias))
    }

    /// A tensor's shape in tokens, and without them.
    static func parts(of shape: [Int], name: String) -> (tokens: Int, rest: ArraySlice<Int>) {
        isSecond(name: name, shape)
            ? (shape[1], shape.dropLast()) : (shape.first ?? 0, shape.dropFirst())
    }

    /// The shape of a tensor with another number of tokens.
    static func shape(_ shape: [Int], name: String, tokens: Int) -> [Int] {
        guard !shape.isEmpty else { return shape }
        var shape = shape
        shape[isSecond(name: name, shape) ? 1 : 0] = tokens
        return shape
    }

    /// Whether an axis of a tensor counts tokens, by its name.
    static func isOn(name: String) -> Bool {
        let parts = name.split(separator: ".")
        if parts.last == bias[...] { return true }
        guard parts.count > 1, let kind = parts.last, kind == "weight" || kind == "bias" else { return false }
        let path = parts.dropLast()
        // What lies in a layer has none of its own.
        guard !path.contains(where: { $0.allSatisfy(\.isNumber) }),
            !path.contains(where: { part in towers.contains { part.hasPrefix($0) } }), let module = path.last
        else { return false }
        if kind == "bias", module == "predictions", path.dropLast().last == "cls" { return true }
        if modules.contains(module) { return true }
        return inner.contains { $0.module == module && $0.outer == path.dropLast().last }
    }
}
