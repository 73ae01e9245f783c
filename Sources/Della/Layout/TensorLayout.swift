import StreamIO

/// How one output tensor is cut into chunks of whole rows, and which of them stay in memory between the
/// phases.
///
/// A tensor that is copied counts its values as rows of one.
struct TensorLayout {
    /// Position in the plan.
    let shard: Int
    let index: Int
    let tensor: OutputTensor
    /// The base's bytes, then each term's.
    let inputs: [InputTensor]
    /// By input, how its rows come into memory.
    let inputRows: [InputRows]
    /// Bytes of a row as stored, by input; 0 where another input reads it.
    let inputRowBytes: [Int]
    /// By input, whether what is stored is not what is computed with. A fact of the plan: where in memory the stored
    /// bytes and the values lie says nothing of it.
    let isConverted: [Bool]
    /// Bytes of a row in the format computed in.
    let workRowBytes: Int
    /// Bytes of a row as written.
    let outputRowBytes: Int
    let rows: Range<Int>
    let rowsPerChunk: Int
    /// The passes over the rows; the last writes them.
    let phases: [Phase]
    /// Chunks, from the first, whose inputs stay in memory from the first phase to the last. The others are read
    /// again in each.
    let keptChunks: Int
    /// What earlier phases found, where it is known from the journal.
    let knownConstants: TensorConstants?

    var chunkCount: Int { (rows.count + rowsPerChunk - 1) / rowsPerChunk }

    /// The rows of a chunk.
    func rows(ofChunk chunk: Int) -> Range<Int> { rows(ofChunks: chunk..<chunk + 1) }

    /// The rows of several chunks.
    func rows(ofChunks chunks: Range<Int>) -> Range<Int> {
        let start = rows.lowerBound + chunks.lowerBound * rowsPerChunk
        return start..<max(start, min(rows.lowerBound + chunks.upperBound * rowsPerChunk, rows.upperBound))
    }

    /// Where the rows lie in the shard's file, in bytes.
    func outputRange(_ rows: Range<Int>) -> Range<UInt64> {
        let start = tensor.offset + UInt64(rows.lowerBound * outputRowBytes)
        return start..<start + UInt64(rows.count * outputRowBytes)
    }

    /// Where the rows lie in an input's file, in bytes.
    func inputRange(_ input: Int, _ rows: Range<Int>) -> Range<UInt64> {
        let start = inputRows[input].range.offset + UInt64(rows.lowerBound * inputRowBytes[input])
        return start..<start + UInt64(rows.count * inputRowBytes[input])
    }

    /// Bytes that the tensor's reads move, further readings included, without alignment.
    var readBytes: UInt64 {
        let rowBytes = inputRowBytes.reduce(0, +)
        let again = max(0, rows.count - keptChunks * rowsPerChunk) * (phases.count - 1)
        return UInt64(rowBytes * (rows.count + again))
    }

    /// Bytes written.
    var writeBytes: UInt64 { UInt64(rows.count * outputRowBytes) }

    /// Lays out a tensor from `firstRow` on in buffers of the given layout.
    init(
        _ tensor: OutputTensor, shard: Int, index: Int, in layout: MergeLayout, firstRow: Int = 0,
        knownConstants: TensorConstants? = nil
    ) {
        let shape = RowShape(tensor)
        self.shard = shard
        self.index = index
        self.tensor = tensor
        inputs = shape.inputs
        inputRows = shape.inputRows
        inputRowBytes = shape.inputRowBytes
        isConverted = shape.isConverted
        workRowBytes = shape.workRowBytes
        outputRowBytes = shape.outputRowBytes
        rows = firstRow..<max(firstRow, shape.rowCount)
        self.knownConstants = knownConstants
        phases = knownConstants == nil ? shape.phases : [.emit]
        let fitting = max(1, layout.slotPayload / max(1, shape.widestRowBytes))
        let summed = layout.sumsBytes / MemoryLayout<Double>.stride / max(1, shape.sumCount)
        var wanted = shape.sumCount > 0 ? min(fitting, summed) : fitting
        // So that figures of what is copied are summed over the same stretches in any budget.
        if tensor.copiedFormat != nil {
            wanted = max(1, wanted / MergeLayout.tileLength) * MergeLayout.tileLength
        }
        rowsPerChunk = Self.rowsPerChunk(wanted, rows, of: tensor, shape, slotBytes: layout.slotBytes)
        let chunks = (rows.count + rowsPerChunk - 1) / rowsPerChunk
        let room = layout.slotCount / inputs.count
        keptChunks = phases.count == 1 ? 0 : chunks <= room ? chunks : room - layout.streamingChunks(of: room)
    }

    /// As many rows as fit in a slot with all that is read for them, up to `wanted`: where they go by token, they may lie
    /// scattered.
    private static func rowsPerChunk(
        _ wanted: Int, _ rows: Range<Int>, of tensor: OutputTensor, _ shape: RowShape, slotBytes: Int
    ) -> Int {
        let scattered = zip(shape.inputs, shape.inputRows).compactMap { $1.isScattered ? $0.rows : nil }
        var count = wanted
        // Of all inputs at once: what fits in larger chunks need not fit in smaller ones, which begin at other rows.
        func fits() -> Bool {
            scattered.allSatisfy { sources in
                stride(from: rows.lowerBound, to: rows.upperBound, by: count).allSatisfy { start in
                    let chunk = start..<min(start + count, rows.upperBound)
                    return StagedRows.byteCount(sources, chunk, of: tensor, workRowBytes: shape.workRowBytes)
                        <= slotBytes
                }
            }
        }
        while count > 1, !fits() { count = max(1, count * 3 / 4) }
        return count
    }
}
