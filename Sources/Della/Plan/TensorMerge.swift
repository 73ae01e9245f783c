/// The arithmetic of one output tensor, every parameter a number.
public struct TensorMerge: Hashable, Sendable {
    /// The base's tensor.
    public var base: InputTensor
    /// The models' terms in the order of the config; may be empty, then the base is converted.
    public var terms: [MergeTerm]
    /// D of DESIGN's Numerics: what inputs are rounded to.
    public var format: FloatFormat
    /// Whether kept differences are scaled up to the sum of all.
    public var rescale: Bool
    /// Whether the sum is divided by that of the weights that took part.
    public var normalize: Bool
    /// `lambda` of the sum.
    public var lambda: Double

    /// The arithmetic with these parameters.
    public init(
        base: InputTensor, terms: [MergeTerm], format: FloatFormat, rescale: Bool, normalize: Bool,
        lambda: Double
    ) {
        self.base = base
        self.terms = terms
        self.format = format
        self.rescale = rescale
        self.normalize = normalize
        self.lambda = lambda
    }
}
