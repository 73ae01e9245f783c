/// What the rows of a plan ask of the buffers.
struct RowDemand {
    /// The tensor with the longest row, in bytes of a buffer.
    private(set) var widestTensor = ""
    private(set) var widestRowBytes = 1
    /// The most files that one chunk is read from: models and base.
    private(set) var mostInputs = 1
    /// What one thread needs beside the buffers.
    private(set) var scratchBytes = 4096
    /// The most sums that a phase takes over a row or a chunk.
    private(set) var sumCount = 0
    /// The most bytes of tables that a tensor's scores are counted in.
    private(set) var tableBytes = 0
    private(set) var inputBytes: UInt64 = 0
    private(set) var tensorCount = 1
    /// The most bytes that adapters take for one tensor.
    private(set) var adapterBytes = 0

    init(_ plan: MergePlan) {
        var kernels = 0
        for shard in plan.shards {
            for tensor in shard.tensors {
                let shape = RowShape(tensor)
                let widest = max(shape.widestRowBytes, shape.widestStagedBytes)
                if widest > widestRowBytes || widestTensor.isEmpty {
                    widestTensor = tensor.name
                    widestRowBytes = max(1, widest)
                }
                mostInputs = max(mostInputs, shape.inputs.count)
                sumCount = max(sumCount, shape.chunkSumCount)
                tableBytes = max(tableBytes, shape.tableBytes)
                inputBytes += shape.inputs.reduce(0) { $0 + $1.byteCount }
                tensorCount += 1
                let adapters = shape.inputs.compactMap(\.rows).reduce(0) {
                    $0 + $1.adapterMemory(rowLength: shape.rowLength)
                }
                adapterBytes = max(adapterBytes, adapters)
                guard let merge = tensor.arithmetic else { continue }
                kernels = max(kernels, RowKernels.combineScratchByteCount(termCount: merge.inputs.count))
                kernels = max(kernels, RowKernels.gramScratchByteCount(inputCount: merge.inputs.count))
                if case .sce = merge.rule {
                    kernels = max(kernels, RowKernels.spreadScratchByteCount(inputCount: merge.inputs.count))
                }
                if case .fusion = merge.rule {
                    kernels = max(kernels, RowKernels.divergenceScratchByteCount(rowLength: shape.rowLength))
                }
                if merge.deltas?.terms.contains(where: \.isPruned) == true {
                    kernels = max(kernels, RowKernels.selectScratchByteCount)
                }
                if merge.deltas?.terms.contains(where: \.isRanked) == true, shape.rowLength > 1 {
                    kernels = max(
                        kernels,
                        RowKernels.scratchByteCount(rowLength: shape.rowLength, format: merge.format))
                }
            }
        }
        if tableBytes > 0 {
            kernels = max(kernels, KeyStretch.byteCount).roundedUp(to: 64) + RowKernels.countTableByteCount
        }
        scratchBytes = (kernels.roundedUp(to: 64) + MergeLayout.tileBytes).roundedUp(to: 4096)
    }
}

extension KeyStretch {
    /// Bytes of the keys of the longest stretch.
    static let byteCount = 4 * MergeLayout.tileLength
}

extension Int {
    /// The next multiple of `unit`.
    func roundedUp(to unit: Int) -> Int { (self + unit - 1) / unit * unit }

    /// The smallest power of two that is not smaller.
    var nextPowerOfTwo: Int { self <= 1 ? 1 : 1 << (Int.bitWidth - (self - 1).leadingZeroBitCount) }
}
