/// The mean of a figure over several tensors, weighted by their elements, and the range it lies in.
struct FigureMean: Hashable, Sendable {
    private(set) var sum: Double = 0
    private(set) var weight: Double = 0
    private(set) var least: Double = .infinity
    private(set) var most: Double = -.infinity

    /// Adds a tensor's; one that is not finite counts for nothing.
    mutating func add(_ value: Double, weight: Double) {
        guard value.isFinite else { return }
        sum += value * weight
        self.weight += weight
        least = min(least, value)
        most = max(most, value)
    }

    /// Adds other tensors' figures.
    mutating func add(_ other: Self) {
        sum += other.sum
        weight += other.weight
        least = min(least, other.least)
        most = max(most, other.most)
    }

    /// `nil` before anything is added. Where all are the same, that value itself, not a rounded sum of it.
    var mean: Double? { weight > 0 ? (least == most ? least : sum / weight) : nil }
}
