/// The factor that gives what was kept of a tensor's delta the L1 norm of the whole.
public enum RescaleFactor {
    /// `Float(total / kept)`; 1 where either sum is below 1e-7 or not finite.
    ///
    /// - Parameters:
    ///   - total: Σ|δ| over the tensor: the rows' sums added in row order.
    ///   - kept: Σ|δ| over its kept elements, added likewise.
    public static func factor(total: Double, kept: Double) -> Float {
        guard total >= 1e-7, kept >= 1e-7, total.isFinite, kept.isFinite else { return 1 }
        return Float(total / kept)
    }
}
