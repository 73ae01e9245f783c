/// Which tensors have one row for each token: embeddings, heads and heads' biases.
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
        ("text_model", "token_embedding"),
    ]
    /// Towers for pictures and sound have no tokens.
    private static let towers = ["vision", "visual", "audio", "image", "speech"]

    /// Whether the first axis of a tensor counts tokens, by its name.
    static func isOn(name: String) -> Bool {
        let parts = name.split(separator: ".")
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
