import StreamIO

/// An adapter's matrices for one tensor, read and ready: rows of `left` times `right` are added to the tensor's.
///
/// Held while the tensor is merged; part of the budget.
struct AdapterFactors: Sendable {
    let rank: Int
    let scale: Float
    /// Elements of a row of the tensor.
    let rowLength: Int
    /// `rank` factors for each row of the tensor.
    private let left: [Float]
    /// `rank` rows as long as the tensor's.
    private let right: [Float]
    /// DoRA's length of each row.
    private let magnitude: [Float]?

    /// - Parameter read: the values of a tensor in an adapter's file, in float32.
    init(
        _ part: AdapterPart, rowLength: Int, read: (InputTensor) throws(MergeFailure) -> [Float]
    ) throws(MergeFailure) {
        rank = part.rank
        scale = part.scale
        self.rowLength = rowLength
        let down = try read(part.down), up = try read(part.up)
        left = part.isTransposed ? Self.transposed(down, rows: part.rank) : up
        right = part.isTransposed ? Self.transposed(up, columns: part.rank) : down
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

    /// Elements of a row that are worked on at a time.
    static let tile = 512

    /// Adapts a row, a tile at a time.
    ///
    /// - Parameters:
    ///   - load: puts the tensor's own values from an element on into memory, in float32.
    ///   - store: takes what has become of them.
    func adapt(
        row: Int, kernels: RowKernels, load: (Int, UnsafeMutableBufferPointer<Float>) -> Void,
        store: (Int, UnsafeMutableBufferPointer<Float>) -> Void
    ) {
        withUnsafeTemporaryAllocation(of: Float.self, capacity: Self.tile) { buffer in
            var norm = 0.0
            if magnitude != nil {
                forEachTile(row, kernels, buffer, load) { _, values in
                    for value in values { norm += Double(value) * Double(value) }
                }
                norm = norm.squareRoot()
            }
            forEachTile(row, kernels, buffer, load) { start, values in
                if let magnitude {
                    let size = magnitude[row]
                    for index in values.indices { values[index] = Float(Double(size * values[index]) / norm) }
                }
                store(start, values)
            }
        }
    }

    private func forEachTile(
        _ row: Int, _ kernels: RowKernels, _ buffer: UnsafeMutableBufferPointer<Float>,
        _ load: (Int, UnsafeMutableBufferPointer<Float>) -> Void,
        _ body: (Int, UnsafeMutableBufferPointer<Float>) -> Void
    ) {
        left.withUnsafeBufferPointer { left in
            right.withUnsafeBufferPointer { right in
                for start in stride(from: 0, to: rowLength, by: Self.tile) {
                    let count = min(Self.tile, rowLength - start)
                    let values = UnsafeMutableBufferPointer(rebasing: buffer[..<count])
                    load(start, values)
                    guard let target = values.baseAddress, let left = left.baseAddress,
                        let right = right.baseAddress
                    else { continue }
                    kernels.adapt(
                        target, left: left + row * rank, right: right + start, count: count, rank: rank,
                        stride: rowLength, scale: scale)
                    body(start, values)
                }
            }
        }
    }
}
