/// What a report says of a merge, or of a comparison of models, beside its tensors.
public struct ReportedMerge: Sendable {
    /// The output's name; of a comparison, the base's.
    public var title: String
    /// The method's name; `nil` of a comparison, where nothing is merged and there is no output.
    public var method: String?
    /// The model that differences are taken from.
    public var reference: String
    /// The other models, by the index that `TensorStatistics.Input.model` has; the reference's entry is there too.
    public var models: [String]
    /// The config, without local paths; empty of a comparison.
    public var config: String
    /// The program's version.
    public var version: String

    /// A merge with these parts.
    public init(
        title: String, method: String?, reference: String, models: [String], config: String, version: String
    ) {
        self.title = title
        self.method = method
        self.reference = reference
        self.models = models
        self.config = config
        self.version = version
    }
}
