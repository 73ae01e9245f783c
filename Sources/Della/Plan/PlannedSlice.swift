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
    /// The models other than the base, in order.
    var sources: [Source]
    /// Layers.
    var length: Int
    var parameters: ParameterTable
    var line: Int
}
