/// What the first phase learns of a row.
public struct PruneSums: Hashable, Sendable {
    /// Σ|δ| of the row.
    public var total: Double
    /// Σ|δ| of the row's kept elements.
    public var kept: Double
    /// Whether the base or the model held NaN or infinity in this row.
    public var sawNonfinite: Bool
    /// The model's values in this row that were NaN or infinite.
    public var nonfinite: NonfiniteCount

    /// Sums with every value given.
    public init(total: Double, kept: Double, sawNonfinite: Bool, nonfinite: NonfiniteCount = NonfiniteCount())
    {
        self.total = total
        self.kept = kept
        self.sawNonfinite = sawNonfinite
        self.nonfinite = nonfinite
    }
}
