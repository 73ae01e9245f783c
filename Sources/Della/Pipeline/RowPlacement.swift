import StreamIO

/// Where in a slot, and from where in a file, the rows of one input of one chunk are read.
///
/// Direct reads start and end on pages; rows start anywhere. Values that grow while being converted (bfloat16
/// computed as float32) are read to the end of the room they will fill, so that a conversion from front to
/// back never overwrites what it has not yet read.
struct RowPlacement {
    let fileOffset: UInt64
    let buffer: UnsafeMutableRawBufferPointer
    /// Bytes of the read that hold rows or come before them.
    let needed: Int
    let stored: UnsafeMutableRawPointer
    let values: UnsafeMutableRawPointer

    init(_ layout: TensorLayout, input: Int, rows: Range<Int>, slot: UnsafeMutableRawPointer) {
        let page = MergeLayout.pageSize
        let range = layout.inputRange(input, rows)
        let head = Int(range.lowerBound % UInt64(page))
        let growth =
            layout.workRowBytes > layout.inputRowBytes[input]
            ? rows.count * (layout.workRowBytes - layout.inputRowBytes[input]) : 0
        let start = slot + growth.roundedUp(to: page)
        needed = head + range.count
        fileOffset = range.lowerBound - UInt64(head)
        buffer = UnsafeMutableRawBufferPointer(start: start, count: needed.roundedUp(to: page))
        stored = start + head
        values = layout.isConverted[input] ? slot : stored
    }
}
