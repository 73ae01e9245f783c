/// One row of all models in the second phase: what `RowKernels.combine` works on.
///
/// The rows' memory may have any alignment and belongs to the caller.
public struct CombineRow {
    /// The type of `base` and of the models' values.
    public var format: FloatFormat
    /// The type of the result.
    public var output: FloatFormat
    /// The base's values.
    public var base: UnsafeRawPointer
    /// `termCount` rows of values, in the order of the config; the pointer of a dropped term is not followed.
    public var models: UnsafePointer<UnsafeRawPointer>
    /// `termCount` terms.
    public var terms: UnsafePointer<CombineTerm>
    /// The number of models; 0 converts the base.
    public var termCount: Int
    /// The row's length in elements.
    public var count: Int
    /// Whether only terms of the elected sign are summed: `della`, not `della_linear`.
    public var electsSigns: Bool
    /// Whether the sum is divided by the weights that took part.
    public var normalizes: Bool
    /// `lambda` of the sum.
    public var lambda: Float
    /// `count` elements of `output`. Not the memory of `base` or a model, which may be read twice.
    public var destination: UnsafeMutableRawPointer
    /// Scratch of this thread, `RowKernels.combineScratchByteCount` bytes of any contents, 64-byte aligned; `nil` will
    /// do for one model.
    public var scratch: UnsafeMutableRawPointer?

    /// A row with every value given.
    public init(
        format: FloatFormat, output: FloatFormat, base: UnsafeRawPointer,
        models: UnsafePointer<UnsafeRawPointer>, terms: UnsafePointer<CombineTerm>, termCount: Int,
        count: Int,
        electsSigns: Bool, normalizes: Bool, lambda: Float, destination: UnsafeMutableRawPointer,
        scratch: UnsafeMutableRawPointer? = nil
    ) {
        self.format = format
        self.output = output
        self.base = base
        self.models = models
        self.terms = terms
        self.termCount = termCount
        self.count = count
        self.electsSigns = electsSigns
        self.normalizes = normalizes
        self.lambda = lambda
        self.destination = destination
        self.scratch = scratch
    }
}
