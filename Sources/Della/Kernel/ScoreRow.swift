import CKernel

/// A stretch of one row of `arcee_fusion`, whose scores are the differences' magnitudes times `factor`.
///
/// The memory may have any alignment and belongs to the caller.
struct ScoreRow {
    var format: FloatFormat
    var base: UnsafeRawPointer
    var model: UnsafeRawPointer
    /// Elements.
    var count: Int
    var factor: Float
}

extension RowKernels {
    /// The longest row whose exponentials are kept, not computed twice.
    private static let longestKeptRow = 16384

    /// Bytes of scratch that `divergence` needs.
    static func divergenceScratchByteCount(rowLength: Int) -> Int {
        768 + (rowLength <= longestKeptRow ? 16 * (rowLength + blockLength) : 0)
    }

    /// Σ p·log(p/q) of the softmaxes of a whole row of the model and the base's, 1e-8 added to each; `factor` is not
    /// looked at.
    ///
    /// - Parameter scratch: `divergenceScratchByteCount` bytes of any contents, 64-byte aligned.
    func divergence(_ row: ScoreRow, scratch: UnsafeMutableRawPointer) -> Float {
        var arguments = KernelDivergence(
            exponentials: ExponentialTable.values(of: row.format), base: row.base, model: row.model,
            scratch: scratch,
            count: Int64(row.count),
            keptCount: Int64(Self.longestKeptRow), format: Int32(row.format.rawValue))
        return Float(table.divergence(&arguments))
    }

    /// The keys of the scores.
    func scoreKeys(_ row: ScoreRow, _ keys: UnsafeMutableRawPointer) -> KeyStretch {
        var arguments = arguments(row, .float32, keys)
        table.writeScoreKeys(&arguments)
        return KeyStretch(start: keys, width: 4, count: row.count)
    }

    /// The output: b + δ where the score reaches the threshold, else b.
    /// - Returns: Whether it holds NaN or infinity.
    func combineScored(
        _ row: ScoreRow, threshold: Float, to output: FloatFormat, _ destination: UnsafeMutableRawPointer
    ) -> Bool {
        let whole = row.count & ~(Self.blockLength - 1)
        var arguments = arguments(row, output, destination)
        arguments.threshold = threshold
        arguments.count = Int64(whole)
        let isNonfinite = table.combineScored(&arguments)
        guard whole < row.count else { return isNonfinite }
        return withUnsafePointer(to: row.model) { inputs in
            withPaddedBlocks(
                inputs, 1, base: row.base, row.format, from: whole, count: row.count - whole
            ) { inputs, base, copy in
                (arguments.model, arguments.base, arguments.destination) = (inputs[0], base, copy)
                arguments.count = Int64(Self.blockLength)
                let isLastNonfinite = table.combineScored(&arguments)
                (destination + whole * output.byteWidth).copyMemory(
                    from: copy, byteCount: (row.count - whole) * output.byteWidth)
                return isLastNonfinite || isNonfinite
            }
        }
    }

    private func arguments(
        _ row: ScoreRow, _ output: FloatFormat, _ destination: UnsafeMutableRawPointer
    ) -> KernelScore {
        KernelScore(
            base: row.base, model: row.model, destination: destination, count: Int64(row.count),
            factor: row.factor, threshold: 0, format: Int32(row.format.rawValue),
            output: Int32(output.rawValue))
    }
}
