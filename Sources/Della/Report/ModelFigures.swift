import StreamIO

/// What was measured of one model in several tensors together.
struct ModelFigures: Hashable, Sendable {
    /// Tensors that its differences were taken in.
    private(set) var tensors = 0
    private(set) var elements: UInt64 = 0
    /// Σb² and Σδ² of the same tensors, without those where either is not finite.
    private(set) var referenceSquares: Double = 0
    private(set) var squares: Double = 0
    private(set) var magnitudes: Double = 0
    private(set) var equal: UInt64 = 0
    private(set) var kept: UInt64 = 0
    /// Elements of the tensors where a choice was made.
    private(set) var keptOf: UInt64 = 0
    private(set) var factor = FigureMean()

    /// Adds a tensor.
    mutating func add(_ input: TensorStatistics.Input, of tensor: TensorStatistics) {
        tensors += 1
        elements = elements.addingSaturated(tensor.elements)
        if tensor.referenceSquares.isFinite, input.squares.isFinite {
            referenceSquares += tensor.referenceSquares
            squares += input.squares
        }
        if input.magnitudes.isFinite { magnitudes += input.magnitudes }
        equal = equal.addingSaturated(input.equal)
        if let kept = input.kept {
            self.kept = self.kept.addingSaturated(kept)
            keptOf = keptOf.addingSaturated(tensor.elements)
        }
        if let factor = input.factor { self.factor.add(factor, weight: Double(tensor.elements)) }
    }

    /// Adds other tensors' figures.
    mutating func add(_ other: Self) {
        tensors += other.tensors
        elements = elements.addingSaturated(other.elements)
        referenceSquares += other.referenceSquares
        squares += other.squares
        magnitudes += other.magnitudes
        equal = equal.addingSaturated(other.equal)
        kept = kept.addingSaturated(other.kept)
        keptOf = keptOf.addingSaturated(other.keptOf)
        factor.add(other.factor)
    }

    /// ‖δ‖/‖b‖; `nil` where nothing was measured or the reference is 0.
    var relativeDifference: Double? {
        referenceSquares > 0 ? (squares / referenceSquares).squareRoot() : nil
    }
    /// The share of elements that equal the reference's.
    var equalShare: Double? { elements > 0 ? Double(equal) / Double(elements) : nil }
    /// The share of elements whose differences are kept, of those among which was chosen.
    var keptShare: Double? { keptOf > 0 ? Double(kept) / Double(keptOf) : nil }
    /// Whether it is the reference, element by element.
    var equalsReference: Bool { elements > 0 && equal == elements }
}
