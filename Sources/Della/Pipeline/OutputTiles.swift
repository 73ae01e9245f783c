import StreamIO

/// The output of a chunk, a tile at a time: as many elements as all inputs of fit a processor's nearest caches,
/// wherever rows begin.
struct OutputTiles {
    /// The type that is written.
    let format: FloatFormat
    /// What the kernels may use; behind it lies the room for a tile that straddles blocks.
    let scratch: UnsafeMutableRawPointer
    /// Where the output is measured as it is written; `nil` where it is not.
    let measurement: OutputMeasurement?
    private let work: ChunkWork
    private let window: OutputWindow
    private let straddling: UnsafeMutableRawPointer

    /// - Parameter scratch: of this thread, 64-byte aligned; its last `MergeLayout.tileBytes` are the tiles'.
    init(
        _ work: ChunkWork, _ window: OutputWindow, _ format: FloatFormat, scratch: UnsafeMutableRawPointer,
        scratchBytes: Int, measurement: OutputMeasurement? = nil
    ) {
        self.work = work
        self.window = window
        self.format = format
        self.scratch = scratch
        self.measurement = measurement
        straddling = scratch + (scratchBytes - MergeLayout.tileBytes)
    }

    /// Has every element of the chunk computed.
    ///
    /// - Parameters:
    ///   - rowLength: where given, a tile ends where a row does, as all do where the output is measured.
    ///   - compute: writes `count` elements, from the `start`-th of the chunk on, and returns whether any is NaN or
    ///     infinite; these are counted.
    @inline(__always)
    func forEach(
        _ kernels: RowKernels, rowLength: Int? = nil,
        _ compute: (_ start: Int, _ count: Int, _ destination: UnsafeMutableRawPointer) -> Bool
    ) {
        let width = format.byteWidth
        let total = work.rows.count * work.layout.tensor.rowLength
        let first = work.layout.outputRange(work.rows).lowerBound
        var start = 0
        while start < total {
            var count =
                measurement?.segments.tile(from: start, of: total)
                ?? min(MergeLayout.tileLength, total - start)
            if let rowLength { count = min(count, rowLength - start % rowLength) }
            let offset = first + UInt64(start * width)
            let direct = window.destination(at: offset, count: count * width)
            let destination = direct ?? straddling
            if compute(start, count, destination) {
                work.found[work.found.count - 1] += kernels.countNonfinite(
                    format, UnsafeRawPointer(destination), count: count)
            }
            measurement?.measure(kernels, from: start, count: count, destination, format)
            if direct == nil { window.copy(destination, count: count * width, at: offset) }
            start += count
        }
    }
}
