import StreamIO

/// Layers that predict tokens after the next one (multi-token prediction). Some models keep them past the layers that the
/// config counts, some in a stack of their own; many fine-tunes are saved without them.
enum PredictionLayers {
    /// Components of names that are looked at.
    private static let depth = 3

    /// Whether a name, or a stack of layers, begins with a module of them: `mtp.`, `model.mtp_layers.`.
    static func isOne(_ name: String) -> Bool {
        name.split(separator: ".", maxSplits: depth).prefix(depth).contains {
            $0 == "mtp" || $0.hasPrefix("mtp_")
        }
    }
}

extension OpenModel {
    /// Whether a tensor of that name is of layers that predict further tokens.
    func isOfPrediction(_ name: String) -> Bool {
        if PredictionLayers.isOne(name) { return true }
        guard layersHeld > layerCount, let position = LayerPosition(name) else { return false }
        return position.stack == mainStack && position.layer >= layerCount
    }

    /// Whether it has any such layers.
    var hasPrediction: Bool {
        layersHeld > layerCount
            || checkpoint.tensors.indices.contains { PredictionLayers.isOne(checkpoint.tensors.name(at: $0)) }
    }
}
