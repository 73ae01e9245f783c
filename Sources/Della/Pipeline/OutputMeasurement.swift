/// Measures a chunk's output against the reference.
struct OutputMeasurement {
    let segments: RowSegments
    let statistics: ChunkStatistics
    /// The chunk's values of the reference, and their type.
    let reference: UnsafeRawPointer
    let format: FloatFormat

    /// - Parameters:
    ///   - start: the first element, counted in the chunk.
    ///   - output: `count` elements of `outputFormat`.
    @inline(__always)
    func measure(
        _ kernels: RowKernels, from start: Int, count: Int, _ output: UnsafeMutableRawPointer,
        _ outputFormat: FloatFormat
    ) {
        segments.forEach(from: start, count: count) { place, count in
            let change = kernels.change(
                UnsafeRawPointer(output + (place - start) * outputFormat.byteWidth), outputFormat,
                from: reference + place * format.byteWidth, format, count: count)
            statistics.add(change.squares, toSum: statistics.shape.changeSum)
            statistics.add(change.changed, at: statistics.shape.changed)
            statistics.raisePeak(to: change.peak)
        }
    }
}
