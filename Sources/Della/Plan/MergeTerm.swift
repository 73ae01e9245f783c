/// One model's part in one output tensor.
public struct MergeTerm: Hashable, Sendable {
    /// The model's tensor.
    public var input: InputTensor
    /// The model's position among the non-base models: selects its stream of random numbers.
    public var ordinal: Int
    /// The share of differences kept: 1 and above all, 0 and below none.
    public var density: Double
    /// How far the probability of being kept departs from `density`, by rank.
    public var epsilon: Double
    /// The term's factor, after the rescale.
    public var weight: Double
    /// `lambda` under the model, applied to its term after the election; 1 where there is none.
    public var lambda: Double

    /// A term with these parameters.
    public init(
        input: InputTensor, ordinal: Int, density: Double, epsilon: Double, weight: Double, lambda: Double
    ) {
        self.input = input
        self.ordinal = ordinal
        self.density = density
        self.epsilon = epsilon
        self.weight = weight
        self.lambda = lambda
    }
}
