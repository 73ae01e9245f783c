/// One slice with its models found.
struct PlannedSlice {
    /// A model that takes part, and its first layer in this slice.
    struct Source {
        var model: Int
        var start: Int
        var entry: MergeConfig.Source
    }

    /// Index among the models of the one whose tensors the output has: the base, where there is one.
    var base: Int
    /// That model's first layer in this slice.
    var baseStart: Int
    /// The models that are merged, in order; of a config with problems those that opened.
    var sources: [Source]
    /// Whether they are merged as differences to `base`, which is then none of them.
    var isReference: Bool
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
            base: 0, baseStart: 0, sources: [], isReference: true, length: length,
            parameters: slice.parameters, line: slice.line, isLost: true)
    }
}
