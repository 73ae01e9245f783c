import StreamIO

/// Where in a slot the rows of one input of one chunk lie, and what is read for them.
///
/// Direct reads start and end on pages; rows start anywhere. Values that grow while being converted (bfloat16
/// computed as float32) are read to the end of the room they will fill, so that a conversion from front to
/// back never overwrites what it has not yet read.
struct InputPlace {
    let reads: [StagedRows.Read]
    /// Where the stored bytes begin; of rows that lie scattered, the slot. `nil` where another input has them.
    let stored: UnsafeMutableRawPointer?
    let values: UnsafeMutableRawPointer
    /// Of rows that lie scattered, what becomes of what is read.
    let staged: StagedRows?

    /// Of all inputs of a chunk, in order.
    static func of(_ layout: TensorLayout, rows: Range<Int>, slots: [UnsafeMutableRawPointer]) -> [Self] {
        var reads: [[StagedRows.Read]] = []
        return slots.enumerated().map { input, slot in
            let place = Self(layout, input: input, rows: rows, slot: slot, after: reads)
            reads.append(place.reads)
            return place
        }
    }

    private init(
        _ layout: TensorLayout, input: Int, rows: Range<Int>, slot: UnsafeMutableRawPointer,
        after earlier: [[StagedRows.Read]]
    ) {
        let source = layout.inputRows[input]
        if source.lender != nil {
            (reads, stored, values, staged) = ([], nil, slot, nil)
            return
        }
        if source.isScattered, let sources = layout.inputs[input].rows {
            let rows = StagedRows(
                sources, rows, of: layout.tensor, workRowBytes: layout.workRowBytes, after: earlier)
            let start = rows.startOfValues(
                computedAs: layout.tensor.arithmetic?.format, sources, input: input)
            (reads, stored, values, staged) = (rows.reads, slot, slot + start, rows)
            return
        }
        let page = MergeLayout.pageSize
        let range = layout.inputRange(input, rows)
        let head = Int(range.lowerBound % UInt64(page))
        let growth =
            layout.workRowBytes > layout.inputRowBytes[input]
            ? rows.count * (layout.workRowBytes - layout.inputRowBytes[input]) : 0
        let start = growth.roundedUp(to: page)
        let needed = head + range.count
        reads = [
            StagedRows.Read(
                file: source.range.file, offset: range.lowerBound - UInt64(head), start: start,
                byteCount: needed.roundedUp(to: page), needed: needed)
        ]
        stored = slot + start + head
        // As long as they are stored, values take their own bytes' place.
        let isMoved = layout.isConverted[input] && layout.workRowBytes != layout.inputRowBytes[input]
        values = isMoved ? slot : slot + start + head
        staged = nil
    }
}
