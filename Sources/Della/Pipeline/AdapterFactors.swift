import StreamIO

/// An adapter's matrices for one tensor, read and ready: rows of `left` times `right` are added to the tensor's.
///
/// Held while the tensor is merged; part of the budget.
struct AdapterFactors: Sendable {
    let rank: Int
    let scale: Float
    /// Elements of a row of the tensor.
    let rowLength: Int
    /// Rows of the tensor that share their factors, each with rows of `right` of its own.
    private let rowsPerOutput: Int
    /// `rank` factors for each output: of a matrix, each row of the tensor.
    private let left: [Float]
    /// `rank` rows as long as the tensor's, packed for the kernel, for each of `rowsPerOutput`.
    private let right: [Float]
    /// From one of `rowsPerOutput` to the next in `right`.
    private let rightStride: Int
    /// DoRA's length of each row.
    private let magnitude: [Float]?

    /// - Parameter read: the values of a tensor in an adapter's file, in float32.
    init(
        _ part: AdapterPart, rowLength: Int, read: (InputTensor) throws(MergeFailure) -> [Float]
    ) throws(MergeFailure) {
        rank = part.rank
        scale = part.scale
        self.rowLength = rowLength
        rowsPerOutput = part.rowsPerOutput(rowLength: rowLength)
        rightStride = part.rank * rowLength.roundedUp(to: RowKernels.adaptColumns)
        let down = try read(part.down), up = try read(part.up)
        left = part.isTransposed ? Self.transposed(down, rows: part.rank) : up
        right = Self.packed(
            part.isTransposed ? Self.transposed(up, columns: part.rank) : down, rank: part.rank,
            columns: rowLength, parts: rowsPerOutput)
        magnitude = try part.magnitude.map { (range) throws(MergeFailure) in try read(range) }
    }

    private static func transposed(_ matrix: [Float], rows: Int) -> [Float] {
        transposed(matrix, columns: rows == 0 ? 0 : matrix.count / rows)
    }

    private static func transposed(_ matrix: [Float], columns: Int) -> [Float] {
        guard columns > 0 else { return [] }
        let rows = matrix.count / columns
        var turned = Array(repeating: Float(0), count: matrix.count)
        for row in 0..<rows {
            for column in 0..<columns { turned[column * rows + row] = matrix[row * columns + column] }
        }
        return turned
    }

    /// Of each part of so many columns: of every 16 of them, 16 values for each of the ranks.
    private static func packed(_ matrix: [Float], rank: Int, columns: Int, parts: Int) -> [Float] {
        let width = RowKernels.adaptColumns
        let stride = rank * columns.roundedUp(to: width)
        var packed = Array(repeating: Float(0), count: parts * stride)
        for row in 0..<rank {
            for part in 0..<parts {
                let source = (row * parts + part) * columns, target = part * stride
                for column in 0..<columns {
                    packed[target + (column / width * rank + row) * width + column % width] =
                        matrix[source + column]
                }
            }
        }
        return packed
    }

    /// Elements of a row that are worked on at a time: with the factors of so many columns they stay in the caches.
    static let tile = 1024
    /// Rows that are worked on at a time, where what is written does not lie over what is yet to be read.
    static let rowsAtOnce = 16
    /// From row to row of a tile: not a power of two, which would make all rows of a column share a few lines of the
    /// cache.
    private static let tileStride = tile + RowKernels.adaptColumns

    /// Adapts rows, a tile at a time.
    ///
    /// - Parameters:
    ///   - rowsAtOnce: of which tiles are loaded before those to their right.
    ///   - load: puts a row's own values from an element on into memory, in float32.
    ///   - store: takes what has become of them.
    func adapt(
        _ rows: Range<Int>, rowsAtOnce: Int, kernels: RowKernels,
        load: (_ row: Int, _ start: Int, UnsafeMutableBufferPointer<Float>) -> Void,
        store: (_ row: Int, _ start: Int, UnsafeMutableBufferPointer<Float>) -> Void
    ) {
        let rowsAtOnce = min(rowsAtOnce, rows.count)
        withUnsafeTemporaryAllocation(of: Float.self, capacity: rowsAtOnce * Self.tileStride) { buffer in
            for first in stride(from: rows.lowerBound, to: rows.upperBound, by: max(1, rowsAtOnce)) {
                let group = first..<min(first + rowsAtOnce, rows.upperBound)
                guard let magnitude else {
                    forEachTile(group, kernels, buffer, load, store)
                    continue
                }
                withUnsafeTemporaryAllocation(of: Double.self, capacity: group.count) { norms in
                    norms.initialize(repeating: 0)
                    forEachTile(group, kernels, buffer, load) { row, _, values in
                        var norm = norms[row - first]
                        for value in values { norm += Double(value) * Double(value) }
                        norms[row - first] = norm
                    }
                    for index in norms.indices { norms[index] = norms[index].squareRoot() }
                    forEachTile(group, kernels, buffer, load) { row, start, values in
                        let (size, norm) = (magnitude[row], norms[row - first])
                        for index in values.indices {
                            values[index] = Float(Double(size * values[index]) / norm)
                        }
                        store(row, start, values)
                    }
                }
            }
        }
    }

    /// Goes through rows by what they are multiplied with.
    ///
    /// - Parameter body: takes rows, the output of the first, and which of an output's rows they are.
    private func forEachShare(of rows: Range<Int>, _ body: (Range<Int>, _ output: Int, _ place: Int) -> Void)
    {
        guard rowsPerOutput > 1 else { return body(rows, rows.lowerBound, 0) }
        for row in rows {
            let (output, place) = row.quotientAndRemainder(dividingBy: rowsPerOutput)
            body(row..<row + 1, output, place)
        }
    }

    /// - Parameter body: takes a tile's part of a row, adapted.
    private func forEachTile(
        _ rows: Range<Int>, _ kernels: RowKernels, _ buffer: UnsafeMutableBufferPointer<Float>,
        _ load: (Int, Int, UnsafeMutableBufferPointer<Float>) -> Void,
        _ body: (Int, Int, UnsafeMutableBufferPointer<Float>) -> Void
    ) {
        left.withUnsafeBufferPointer { left in
            right.withUnsafeBufferPointer { right in
                guard let values = buffer.baseAddress, let left = left.baseAddress,
                    let right = right.baseAddress
                else { return }
                for start in stride(from: 0, to: rowLength, by: Self.tile) {
                    let count = min(Self.tile, rowLength - start)
                    func part(_ row: Int) -> UnsafeMutableBufferPointer<Float> {
                        UnsafeMutableBufferPointer(
                            start: values + (row - rows.lowerBound) * Self.tileStride, count: count)
                    }
                    for row in rows { load(row, start, part(row)) }
                    forEachShare(of: rows) { shared, output, place in
                        kernels.adapt(
                            values + (shared.lowerBound - rows.lowerBound) * Self.tileStride,
                            stride: Self.tileStride, rowCount: shared.count, left: left + output * rank,
                            right: right + place * rightStride + start * rank, count: count, rank: rank,
                            scale: scale)
                    }
                    for row in rows { body(row, start, part(row)) }
                }
            }
        }
    }
}
