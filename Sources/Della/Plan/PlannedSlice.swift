/// One slice with its models found.
struct PlannedSlice {
    /// A model that takes part, and its first layer in this slice.
    struct Source {
        var model: Int
        var start: Int
        var entry: MergeConfig.Source
    }

    /// Index of the base among the models.
    var base: Int
    /// The base's first layer in this slice.
    var baseStart: Int
    /// The models other than the base, in order; of a config with problems those that opened.
    var sources: [Source]
    /// Layers.
    var length: Int
    var parameters: ParameterTable
    var line: Int
    /// Whether the base's config.json and tensors count other layers, so that gradients may lie elsewhere.
    var isLengthDoubtful = false
    /// Whether it cannot be planned, its problem noted: it only keeps the place of its layers.
    var isLost = false

    /// The place of a slice that cannot be planned.
    static func lost(_ slice: MergeConfig.Slice, length: Int) -> Self {
        Self(
            base: 0, baseStart: 0, sources: [], length: length, parameters: slice.parameters,
            line: slice.line,
            isLost: true)
    }
}
