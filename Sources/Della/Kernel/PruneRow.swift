/// One row of one model in the first phase: what `RowKernels.prune` works on.
///
/// The row's memory may have any alignment and belongs to the caller.
public struct PruneRow {
    /// The type of `base` and `model`.
    public var format: FloatFormat
    /// The base's values.
    public var base: UnsafeRawPointer
    /// The model's values, rewritten in place.
    public var model: UnsafeMutableRawPointer
    /// The row's length in elements; at least 1.
    public var count: Int
    /// The index of the row's first element in the tensor.
    public var firstElement: UInt64
    /// The probability of rank 0 being kept.
    public var firstProbability: Float
    /// What each rank adds to the probability.
    public var probabilityStep: Float
    /// The merge's seed: Philox's key.
    public var seed: UInt64
    /// `RandomStream.identifier` of the tensor and model.
    public var stream: UInt64

    /// A row with every value given.
    public init(
        format: FloatFormat, base: UnsafeRawPointer, model: UnsafeMutableRawPointer, count: Int,
        firstElement: UInt64, firstProbability: Float, probabilityStep: Float, seed: UInt64, stream: UInt64
    ) {
        self.format = format
        self.base = base
        self.model = model
        self.count = count
        self.firstElement = firstElement
        self.firstProbability = firstProbability
        self.probabilityStep = probabilityStep
        self.seed = seed
        self.stream = stream
    }
}
