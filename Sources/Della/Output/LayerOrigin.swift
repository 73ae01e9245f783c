import StreamIO

/// Where a layer of the output comes from.
struct LayerOrigin {
    /// What the config of its model says of the text model.
    var config: JSON
    /// Among that model's layers.
    var layer: Int
}
