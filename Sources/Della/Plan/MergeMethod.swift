/// The merge methods that dellad computes, by mergekit's names.
public enum MergeMethod: String, Sendable, CaseIterable {
    /// MAGPRUNE, then an election of signs (arXiv 2406.11617).
    case della
    /// MAGPRUNE, then the plain weighted sum.
    case dellaLinear = "della_linear"

    /// Whether signs are elected and terms of the other sign left out.
    public var electsSigns: Bool { self == .della }

    /// The default of `normalize`.
    public var normalizesByDefault: Bool { self == .della }
}
