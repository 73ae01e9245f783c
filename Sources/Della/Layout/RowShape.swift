import StreamIO

/// The sizes of one output tensor's rows, before any budget is known.
struct RowShape {
    let inputs: [InputTensor]
    /// How their rows come into memory.
    let inputRows: [InputRows]
    let rowLength: Int
    let rowCount: Int
    /// By input, of a row as it is read; 0 where another input reads it.
    let inputRowBytes: [Int]
    /// By input, whether what is stored is not what is computed with.
    let isConverted: [Bool]
    let workRowBytes: Int
    let outputRowBytes: Int
    /// The most bytes that a row takes in a buffer, as stored or as computed with.
    let widestRowBytes: Int
    /// What a row takes of a slot at most where rows go by token; 0 where none do.
    let widestStagedBytes: Int
    /// The passes over the rows.
    let phases: [Phase]
    /// The most sums that a phase takes over each row.
    let sumCount: Int
    /// The most sums that a phase takes over a chunk.
    let chunkSumCount: Int
    /// Bytes of the tables that a phase counts in.
    let tableBytes: Int

    /// What is read of the inputs when they are read once, in bytes.
    var readBytes: UInt64 { UInt64(inputRowBytes.reduce(0, +)) * UInt64(rowCount) }

    init(_ tensor: OutputTensor) {
        guard let merge = tensor.arithmetic else {
            guard let input = tensor.copiedInput else {
                preconditionFailure("what is not computed is copied")
            }
            // Values of which a chunk has all bytes: those of floats are looked at.
            let width = max(1, input.type.bitWidth / 8)
            inputs = [input]
            inputRows = InputRows.of(inputs, tensor)
            rowLength = 1
            rowCount = Int(input.byteCount) / width
            inputRowBytes = [width]
            isConverted = [false]
            workRowBytes = width
            outputRowBytes = width
            phases = [.emit]
            (sumCount, chunkSumCount, tableBytes) = (0, 0, 0)
            (widestRowBytes, widestStagedBytes) = (width, 0)
            return
        }
        inputs = merge.allInputs
        let length = tensor.rowLength
        rowLength = length
        rowCount = tensor.rowCount
        let origins = InputRows.of(inputs, tensor)
        inputRows = origins
        inputRowBytes = origins.map { $0.lender == nil ? length * ($0.range.type.bitWidth / 8) : 0 }
        isConverted = origins.map { $0.isAssembled || $0.range.type != merge.format.elementType }
        workRowBytes = length * merge.format.byteWidth
        outputRowBytes = length * (tensor.type.bitWidth / 8)
        let phases = merge.phases
        self.phases = phases
        sumCount = phases.filter(\.sumsByRow).map(merge.sumCount).max() ?? 0
        chunkSumCount = phases.map(merge.sumCount).max() ?? 0
        tableBytes =
            phases.contains(.columns)
            ? ColumnTable.byteCount(columnCount: tensor.columnCount)
            : phases.contains(where: \.takesTables) ? merge.tableSetBytes(rowCount: rowCount) : 0
        let staged = zip(inputs, origins).compactMap { $1.isScattered ? $0.rows : nil }.map {
            [workRowBytes] rows in
            StagedRows.mostBytes(rows, of: tensor, workRowBytes: workRowBytes)
        }
        widestRowBytes = max(workRowBytes, inputRowBytes.max() ?? 0)
        widestStagedBytes = staged.max() ?? 0
    }
}
