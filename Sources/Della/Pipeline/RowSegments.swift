/// The stretches of rows over which figures are summed: the same ones however a tensor is cut into chunks. Segments of long
/// rows are about a tile long; rows shorter than that are one each.
struct RowSegments {
    let rowLength: Int
    /// Elements of a segment, but for a row's last.
    let length: Int

    /// - Parameter rowLength: elements; at least one.
    init(rowLength: Int) {
        self.rowLength = rowLength
        let parts = (rowLength + MergeLayout.tileLength - 1) / MergeLayout.tileLength
        // Whole blocks of the kernels.
        let block = RowKernels.blockLength
        length =
            parts <= 1 ? rowLength : ((rowLength + parts - 1) / parts + block - 1) / block * block
    }

    private var isWholeRow: Bool { length == rowLength }

    /// The elements from `start` on that are worked on together: a segment, or several short rows.
    @inline(__always)
    func tile(from start: Int, of total: Int) -> Int {
        guard isWholeRow else { return min(length, rowLength - start % rowLength) }
        return min(MergeLayout.tileLength / rowLength * rowLength, total - start)
    }

    /// The segments of such a stretch.
    @inline(__always)
    func forEach(from start: Int, count: Int, _ body: (_ start: Int, _ count: Int) -> Void) {
        let step = isWholeRow ? rowLength : count
        for place in stride(from: start, to: start + count, by: step) { body(place, step) }
    }
}
