/// What a merge did to one tensor, in numbers that add up: of several tensors together each is the sum of theirs, but
/// for `outputPeak`.
///
/// Taken of the values computed with (D of DESIGN's Numerics), elements of a row in sixteen lanes, rows added exactly: the
/// same for any budget, number of threads, engine and vector level. A difference that is NaN or infinite counts as 0.
public struct TensorStatistics: Hashable, Sendable {
    /// One model's part.
    public struct Input: Hashable, Sendable {
        /// The model, as an index into the plan's `modelNames`.
        public var model: Int
        /// Σδ², δ the difference from the reference.
        public var squares: Double = 0
        /// Σ|δ|.
        public var magnitudes: Double = 0
        /// Elements that equal the reference's.
        public var equal: UInt64 = 0
        /// Elements whose difference is kept and is not 0; `nil` where the rule keeps all or chooses none.
        public var kept: UInt64?
        /// What the differences (of a rule without any: the values) were multiplied with: rescale factor times weight, or
        /// the coefficient found; `nil` where that is not one number.
        public var factor: Double?

        /// Nothing yet.
        public init(model: Int) { self.model = model }
    }

    /// Elements of the tensor.
    public var elements: UInt64 = 0
    /// Σb², of the reference: the base's tensor, without one the first model's.
    public var referenceSquares: Double = 0
    /// The models that differences were taken of, in the order of the config: without the reference.
    public var inputs: [Input] = []
    /// Σδᵢδⱼ of each two inputs: (0, 1), (0, 2), …, (1, 2), ….
    public var products: [Double] = []
    /// Elements of which terms have both signs; `nil` where the rule sums no terms, or fewer than two.
    public var conflicts: UInt64?
    /// Σ(out − b)².
    public var changeSquares: Double = 0
    /// Elements of the output that differ from the reference.
    public var changed: UInt64 = 0
    /// The largest finite magnitude in the output.
    public var outputPeak: Float = 0
    /// NaN in the output.
    public var outputNaNs: UInt64 = 0
    /// Infinities in the output.
    public var outputInfinities: UInt64 = 0

    /// Nothing yet.
    public init() {}

    /// ‖b‖.
    public var referenceNorm: Double { referenceSquares.squareRoot() }

    /// ‖out − b‖/‖b‖; `nil` where the reference is 0.
    public var relativeChange: Double? { relative(changeSquares) }

    /// ‖δ‖/‖b‖ of an input; `nil` where the reference is 0.
    public func relativeDifference(_ input: Int) -> Double? { relative(inputs[input].squares) }

    /// The cosine between the differences of two inputs, `i < j`; `nil` where one of them is 0.
    public func cosine(_ i: Int, _ j: Int) -> Double? {
        precondition(0 <= i && i < j && j < inputs.count, "a pair is two inputs in their order")
        let place = i * inputs.count - i * (i + 1) / 2 + (j - i - 1)
        let norms = inputs[i].squares.squareRoot() * inputs[j].squares.squareRoot()
        guard norms > 0, place < products.count else { return nil }
        return min(1, max(-1, products[place] / norms))
    }

    private func relative(_ squares: Double) -> Double? {
        referenceSquares > 0 ? (squares / referenceSquares).squareRoot() : nil
    }
}
