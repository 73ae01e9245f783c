/// Where a tensor's name puts it: in a layer of a stack of layers, or outside.
///
/// A tensor's layer is the integer after the first name component `layers`, `layer`, `h`, `blocks` or `block`.
struct LayerPosition: Hashable, Sendable {
    /// The name up to the layer's number, `model.layers.`; tells one stack from another.
    var stack: String
    var layer: Int
    /// The name after the number, `.mlp.up_proj.weight`.
    var rest: String

    /// Layers of a stack, at most, whatever a name or a config says.
    static let layerLimit = 100_000

    private static let containers: Set<Substring> = ["layers", "layer", "h", "blocks", "block"]

    /// `nil` for a tensor outside of layers.
    init?(_ name: String) {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        for index in parts.indices.dropLast(2) where Self.containers.contains(parts[index]) {
            let number = parts[index + 1]
            guard number.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let layer = Int(number),
                layer < Self.layerLimit
            else { continue }
            stack = parts[...index].joined(separator: ".") + "."
            self.layer = layer
            rest = "." + parts[(index + 2)...].joined(separator: ".")
            return
        }
        return nil
    }

    /// The name of the tensor that corresponds to this one in another layer.
    func name(inLayer layer: Int) -> String { "\(stack)\(layer)\(rest)" }

    /// Whether a tensor outside of the layers comes after them: the final norm, the head. The rest, embeddings
    /// first of all, precedes them. Decides only which slice's parameters such a tensor takes.
    static func followsLayers(_ name: String) -> Bool {
        let parts = Set(name.split(separator: ".").dropLast())
        if parts.contains(where: { $0.contains("embed") && $0 != "embed_out" || $0 == "wte" || $0 == "wpe" })
        {
            return false
        }
        let ends: Set<Substring> = [
            "lm_head", "embed_out", "head", "output", "output_layer", "score", "classifier", "cls", "pooler",
            "norm", "norm_f", "ln_f", "final_norm", "final_layernorm", "final_layer_norm", "layer_norm",
        ]
        return !parts.isDisjoint(with: ends)
    }
}
