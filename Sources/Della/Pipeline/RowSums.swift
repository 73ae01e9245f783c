/// The two sums over one row that the rescale factor is made of.
struct RowSums {
    /// Σ|δ|
    var total: Double = 0
    /// Σ|δ| over the kept elements.
    var kept: Double = 0
}
