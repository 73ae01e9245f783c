/// What was measured of two models in the tensors that have both.
struct PairFigures: Hashable, Sendable {
    /// Σδᵢδⱼ.
    private(set) var product: Double = 0
    private(set) var firstSquares: Double = 0
    private(set) var secondSquares: Double = 0

    /// Adds a tensor.
    mutating func add(product: Double, firstSquares: Double, secondSquares: Double) {
        guard product.isFinite, firstSquares.isFinite, secondSquares.isFinite else { return }
        self.product += product
        self.firstSquares += firstSquares
        self.secondSquares += secondSquares
    }

    /// Adds other tensors' figures.
    mutating func add(_ other: Self) {
        product += other.product
        firstSquares += other.firstSquares
        secondSquares += other.secondSquares
    }

    /// The cosine between the differences; `nil` where one of them is 0.
    var cosine: Double? {
        let norms = firstSquares.squareRoot() * secondSquares.squareRoot()
        return norms > 0 ? min(1, max(-1, product / norms)) : nil
    }

    /// The longer difference's norm by the shorter one's; `nil` where one of them is 0.
    var ratio: Double? {
        guard firstSquares > 0, secondSquares > 0 else { return nil }
        return (max(firstSquares, secondSquares) / min(firstSquares, secondSquares)).squareRoot()
    }
}
