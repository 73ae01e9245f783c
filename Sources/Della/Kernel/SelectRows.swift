import CKernel

/// A stretch of one model of which some elements are kept: what `RowKernels.select` works on.
///
/// The memory may have any alignment and belongs to the caller.
struct SelectRows {
    /// How elements are chosen.
    enum Choice: Hashable, Sendable {
        /// Kept is what draws 24 bits below this.
        case drawn(below: UInt32)
        /// Kept is what lies between two cuts.
        case between(KeyBand)

        /// All with the same probability: kept where u < `Float(density)`, u being 24 bits as a fraction.
        static func drawn(density: Double) -> Choice {
            .drawn(below: UInt32((Double(Float(density)) * 0x1p24).rounded(.up)))
        }
    }

    var choice: Choice
    /// The type of `base` and `model`.
    var format: FloatFormat
    /// The base's values.
    var base: UnsafeRawPointer
    /// The model's values, rewritten in place to `kept ? x : b`; a kept x equal to an infinite b becomes NaN.
    var model: UnsafeMutableRawPointer
    /// Elements of a row, and rows one after the other.
    var rowLength: Int
    var rowCount: Int
    /// The index of the first element in the tensor.
    var firstElement: UInt64
    /// The merge's seed, and `RandomStream.identifier` of the tensor and model, of drawn ones.
    var seed: UInt64 = 0
    var stream: UInt64 = 0
    /// Where Σ|δ| of each row goes and, `stride` numbers on, Σ|δ| of its kept elements, in the contract's order; `nil`
    /// where nobody asks.
    var sums: UnsafeMutablePointer<Double>?
    var stride = 0
}

extension RowKernels {
    /// Bytes of scratch that `select` needs.
    static let selectScratchByteCount = Int(KERNEL_SELECT_SCRATCH)

    /// Chooses elements of a stretch.
    ///
    /// - Parameter scratch: `selectScratchByteCount` bytes of any contents, 64-byte aligned.
    func select(_ rows: SelectRows, scratch: UnsafeMutableRawPointer) {
        var arguments = KernelSelect(
            base: rows.base, model: rows.model, scratch: scratch, sums: rows.sums,
            stride: Int64(rows.stride), rowLength: Int64(rows.rowLength), rowCount: Int64(rows.rowCount),
            firstElement: rows.firstElement, seed: rows.seed, stream: rows.stream, threshold: 0, lowKey: 0,
            highKey: 0, lowPosition: 0, highPosition: 0, isDrawn: true, keepsEarlier: false,
            format: Int32(rows.format.rawValue))
        switch rows.choice {
        case .drawn(let threshold): arguments.threshold = threshold
        case .between(let band):
            arguments.isDrawn = false
            (arguments.lowKey, arguments.lowPosition) = (band.low.key, Int64(clamping: band.low.position))
            (arguments.highKey, arguments.highPosition) = (band.high.key, Int64(clamping: band.high.position))
            arguments.keepsEarlier = band.keepsEarlier
        }
        table.select(&arguments)
    }
}
