import CKernel
import KernelBaseline
import StreamIO

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The arithmetic of a merge, a row at a time: the revision 1 numerics, the same bytes at every level.
///
/// Row data may have any alignment; scratch is 64-byte aligned. Nothing is allocated. Complexity of all is
/// linear in the row's length.
public struct RowKernels: Sendable {
    /// The instruction set of these kernels.
    public let level: SIMDLevel
    let table: KernelTable

    /// The levels that this build has code for and this processor runs, slowest first.
    public static var availableLevels: [SIMDLevel] {
        SIMDLevel.allCases.filter { KernelTable.of($0) != nil }
    }

    /// The kernels of a level: the one given, else the environment's `DELLAD_SIMD`, else the fastest.
    ///
    /// - Throws: `SIMDLevelError` where that level is unknown or this processor lacks it.
    public static func select(level: SIMDLevel? = nil) throws(SIMDLevelError) -> RowKernels {
        let best = availableLevels.last ?? .baseline
        var wanted = level ?? best
        if level == nil, let setting = getenv("DELLAD_SIMD") {
            let text = String(cString: setting)
            guard text.isEmpty || SIMDLevel(rawValue: text) != nil else { throw .unknown(text) }
            wanted = SIMDLevel(rawValue: text) ?? best
        }
        guard let table = KernelTable.of(wanted) else { throw .unsupported(wanted, best: best) }
        return RowKernels(level: wanted, table: table)
    }

    /// Bytes of scratch that one thread needs for rows of `rowLength` elements, and for all shorter ones.
    public static func scratchByteCount(rowLength: Int, format: FloatFormat) -> Int {
        pruneScratchByteCount(rowLength, Int32(format.rawValue))
    }

    /// Bytes of scratch that the second phase needs for that many models.
    public static func combineScratchByteCount(termCount: Int) -> Int {
        termCount > 1 ? termCount * Int(KERNEL_TERM_SCRATCH) : 0
    }

    /// Stored values become working values of `format`, rounded to nearest even.
    ///
    /// Works in place where `destination` is `source` and the element does not grow, and where `source` is
    /// the end of the destination's memory and it grows.
    ///
    /// - Parameters:
    ///   - type: F64, F32, F16 or BF16; F64 is rounded to float32 first.
    ///   - source: `count` elements of `type`.
    ///   - format: The type that the merge computes in.
    ///   - destination: `count` elements of `format`.
    ///   - count: Elements, not bytes.
    public func decode(
        _ type: ElementType, _ source: UnsafeRawPointer, to format: FloatFormat,
        _ destination: UnsafeMutableRawPointer, count: Int
    ) {
        let sourceFormat: Int32 =
            switch type {
            case .bf16: 0
            case .f16: 1
            case .f32: 2
            case .f64: 3
            default: preconditionFailure("\(type.rawValue) cannot be computed")
            }
        var arguments = KernelDecode(
            source: source, destination: destination, count: Int64(count), sourceFormat: sourceFormat,
            destinationFormat: Int32(format.rawValue))
        table.decode(&arguments)
    }

    /// First phase of MAGPRUNE for one row: draws, ranks and decides.
    ///
    /// Rewrites `model` to `kept ? x : b`, so that `x == b ? +0 : x − b` is the pruned delta later on; a kept
    /// x equal to an infinite b becomes NaN.
    ///
    /// - Parameters:
    ///   - row: The row; at least one element.
    ///   - scratch: `scratchByteCount` bytes, 64-byte aligned, of any contents.
    /// - Returns: Σ|δ| and Σ|δ| of what is kept, in the contract's lane order.
    public func prune(_ row: PruneRow, scratch: UnsafeMutableRawPointer) -> PruneSums {
        precondition(row.count > 0, "a row has an element")
        guard !isAsTheBase(row) else {
            return PruneSums(total: 0, kept: 0, sawNonfinite: false, nonfinite: NonfiniteCount())
        }
        var arguments = KernelPrune(
            base: row.base, model: row.model, scratch: scratch, count: Int64(row.count),
            firstElement: row.firstElement, seed: row.seed, stream: row.stream,
            firstProbability: row.firstProbability, probabilityStep: row.probabilityStep,
            format: Int32(row.format.rawValue), sawNonfinite: false, total: 0, kept: 0, nans: 0, infinities: 0
        )
        table.prune(&arguments)
        return PruneSums(
            total: arguments.total, kept: arguments.kept, sawNonfinite: arguments.sawNonfinite,
            nonfinite: NonfiniteCount(nans: Int(arguments.nans), infinities: Int(arguments.infinities)))
    }

    /// Whether a row has no differences, so that nothing depends on what is drawn: of frozen layers, and of tokens that a
    /// model has from its base. Found at the first bytes of any other row.
    private func isAsTheBase(_ row: PruneRow) -> Bool {
        memcmp(row.base, row.model, row.count * row.format.byteWidth) == 0
            && countNonfinite(row.format, row.base, count: row.count) == NonfiniteCount()
    }

    /// Second phase for one row of all terms: delta, rescale, weight, election, own lambda, normalize, lambda,
    /// the base, and one rounding to `output`.
    ///
    /// - Returns: Whether the result holds NaN or infinity.
    public func combine(_ row: CombineRow) -> Bool {
        precondition(row.termCount < 2 || row.scratch != nil, "several models need scratch")
        return withUnsafeTemporaryAllocation(of: KernelTerm.self, capacity: row.termCount + 1) { terms in
            guard let first = terms.baseAddress else { preconditionFailure("room for a term") }
            for index in 0..<row.termCount {
                let term = row.terms[index]
                (first + index).initialize(
                    to: KernelTerm(
                        values: row.models[index], factor: term.factor, weight: term.weight,
                        lambda: term.lambda, isPruned: term.isPruned, isDropped: term.dropped))
            }
            let whole = row.count & ~(Self.blockLength - 1)
            var arguments = KernelCombine(
                base: row.base, terms: first, destination: row.destination, scratch: row.scratch,
                termCount: Int64(row.termCount), count: Int64(whole), lambda: row.lambda,
                format: Int32(row.format.rawValue),
                output: Int32(row.output.rawValue), electsSigns: row.electsSigns, normalizes: row.normalizes)
            let sawNonfinite = table.combine(&arguments)
            if whole == row.count { return sawNonfinite }
            return combineLast(row, whole, first, arguments) || sawNonfinite
        }
    }

    /// Elements in the blocks that the second phase works in.
    static let blockLength = 32

    /// Combines the elements from `whole` on, fewer than a block, in copies that zeros make a whole block.
    private func combineLast(
        _ row: CombineRow, _ whole: Int, _ terms: UnsafeMutablePointer<KernelTerm>, _ arguments: KernelCombine
    ) -> Bool {
        let width = row.format.byteWidth
        let byteCount = (row.count - whole) * width
        let blockSize = Self.blockLength * 4
        return withUnsafeTemporaryAllocation(byteCount: blockSize * (row.termCount + 2), alignment: 64) {
            copies in
            copies.initializeMemory(as: UInt8.self, repeating: 0)
            guard let destination = copies.baseAddress else { preconditionFailure("room for a block") }
            let base = destination + blockSize
            base.copyMemory(from: row.base + whole * width, byteCount: byteCount)
            for index in 0..<row.termCount {
                let copy = base + blockSize * (index + 1)
                if !terms[index].isDropped {
                    copy.copyMemory(from: terms[index].values + whole * width, byteCount: byteCount)
                }
                terms[index].values = UnsafeRawPointer(copy)
            }
            var arguments = arguments
            arguments.base = UnsafeRawPointer(base)
            arguments.destination = destination
            arguments.count = Int64(Self.blockLength)
            let sawNonfinite = table.combine(&arguments)
            (row.destination + whole * row.output.byteWidth).copyMemory(
                from: destination, byteCount: (row.count - whole) * row.output.byteWidth)
            return sawNonfinite
        }
    }

    /// Counts the NaNs and infinities among `count` working values.
    public func countNonfinite(_ format: FloatFormat, _ values: UnsafeRawPointer, count: Int)
        -> NonfiniteCount
    {
        var arguments = KernelCount(
            values: values, count: Int64(count), format: Int32(format.rawValue), nans: 0, infinities: 0)
        table.countNonfinite(&arguments)
        return NonfiniteCount(nans: Int(arguments.nans), infinities: Int(arguments.infinities))
    }

    /// Fills `words` with the four words of each of `blockCount` blocks of a random stream.
    ///
    /// Element i of a tensor takes word i mod 4 of block i div 4.
    func randomBlocks(
        _ words: UnsafeMutablePointer<UInt32>, from firstBlock: UInt64, blockCount: Int, stream: UInt64,
        seed: UInt64
    ) {
        table.randomBlocks(words, firstBlock, blockCount, stream, seed)
    }
}
