import CKernel

/// A stretch of all inputs of `sce`: what `RowKernels.spreadKeys`, `addSquares` and `combineSpread` work on.
///
/// The memory may have any alignment and belongs to the caller.
struct SpreadRow {
    var format: FloatFormat
    /// The type of the result.
    var output: FloatFormat
    /// `inputCount` stretches of values.
    var inputs: UnsafePointer<UnsafeRawPointer>
    var inputCount: Int
    var base: UnsafeRawPointer
    /// Elements.
    var count: Int
    /// The index of the first element in the tensor.
    var firstElement: UInt64
    /// What is kept, by the variance of the differences; all where it is `nil`.
    var band: KeyBand?
}

extension RowKernels {
    /// Bytes of scratch that the sums of squares of a row need.
    static func spreadScratchByteCount(inputCount: Int) -> Int { 128 * inputCount }

    /// The keys of the variances of a stretch's differences.
    func spreadKeys(_ row: SpreadRow, _ keys: UnsafeMutableRawPointer) -> KeyStretch {
        forEachPart(row) { arguments, first, count, copy in
            arguments.destination = copy ?? keys
            table.writeSpreadKeys(&arguments)
            if let copy { (keys + 4 * first).copyMemory(from: copy, byteCount: 4 * count) }
        }
        return KeyStretch(start: keys, width: 4, count: row.count)
    }

    /// Σδ² of a row's kept differences of each input, `stride` numbers apart.
    ///
    /// - Parameter scratch: `spreadScratchByteCount` bytes, all 0, as they are left.
    func sumSquares(
        _ row: SpreadRow, _ sums: UnsafeMutablePointer<Double>, stride: Int, scratch: UnsafeMutableRawPointer
    ) {
        forEachPart(row) { arguments, _, _, _ in
            arguments.lanes = scratch
            table.addSpreadSquares(&arguments)
        }
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 1) { weights in
            guard let first = weights.baseAddress else { return }
            var arguments = arguments(row, count: 0, weights: first)
            (arguments.lanes, arguments.sums, arguments.stride) = (scratch, sums, Int64(stride))
            table.foldSpreadSquares(&arguments)
        }
    }

    /// The output of a stretch.
    /// - Returns: Whether it holds NaN or infinity.
    func combineSpread(
        _ row: SpreadRow, weights: UnsafePointer<Float>, _ destination: UnsafeMutableRawPointer
    ) -> Bool {
        var isNonfinite = false
        let width = row.output.byteWidth
        forEachPart(row) { arguments, first, count, copy in
            arguments.weights = weights
            arguments.destination = copy ?? destination
            isNonfinite = table.combineSpread(&arguments) || isNonfinite
            if let copy {
                (destination + width * first).copyMemory(from: copy, byteCount: width * count)
            }
        }
        return isNonfinite
    }

    /// The whole blocks of a stretch, then a copy of the last, partial one, which zeros make whole; room for its result.
    private func forEachPart(
        _ row: SpreadRow,
        _ body: (_ row: inout KernelSpread, _ first: Int, _ count: Int, _ copy: UnsafeMutableRawPointer?) ->
            Void
    ) {
        let whole = row.count & ~(Self.blockLength - 1)
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 1) { weights in
            guard let none = weights.baseAddress else { return }
            var arguments = arguments(row, count: whole, weights: none)
            if whole > 0 { body(&arguments, 0, whole, nil) }
            guard whole < row.count else { return }
            withPaddedBlocks(
                row.inputs, row.inputCount, base: row.base, row.format, from: whole, count: row.count - whole
            ) { inputs, base, copy in
                (arguments.inputs, arguments.base) = (inputs, base)
                arguments.count = Int64(Self.blockLength)
                arguments.firstElement = row.firstElement + UInt64(whole)
                body(&arguments, whole, row.count - whole, copy)
            }
        }
    }

    /// What nobody follows points at `weights`.
    private func arguments(
        _ row: SpreadRow, count: Int, weights: UnsafeMutablePointer<Float>
    ) -> KernelSpread {
        let nowhere = UnsafeMutableRawPointer(weights)
        return KernelSpread(
            inputs: row.inputs, base: row.base, destination: nowhere, weights: weights, lanes: nowhere,
            sums: nowhere.assumingMemoryBound(to: Double.self), stride: 1, inputCount: Int64(row.inputCount),
            count: Int64(count), firstElement: row.firstElement,
            lowPosition: Int64(clamping: row.band?.low.position ?? 0), lowKey: row.band?.low.key ?? 0,
            selects: row.band != nil, format: Int32(row.format.rawValue), output: Int32(row.output.rawValue))
    }
}
