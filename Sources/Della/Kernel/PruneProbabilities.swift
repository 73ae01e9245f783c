/// How the probability of being kept rises with an element's rank in its row.
public struct PruneProbabilities: Hashable, Sendable {
    /// The probability of the row's smallest delta.
    public var first: Float
    /// What each rank adds.
    public var step: Float

    /// MAGPRUNE's line from `density − epsilon` to `density + epsilon`; `density` alone for a row of one.
    ///
    /// - Precondition: 0 < density < 1.
    public init(density: Double, epsilon: Double, rowLength: Int) {
        precondition(density > 0 && density < 1, "densities outside (0, 1) draw nothing")
        if rowLength <= 1 {
            first = Float(density)
            step = 0
        } else {
            first = Float(density - epsilon)
            step = Float(2 * epsilon / Double(rowLength - 1))
        }
    }
}
