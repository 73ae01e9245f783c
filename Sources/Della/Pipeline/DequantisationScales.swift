import StreamIO

/// The scales of an 8-bit tensor, read and ready. Held while the tensor is merged; part of the budget.
struct DequantisationScales: Sendable {
    private let part: ScalePart
    private let scales: [Float]
    private let values: [Float]

    /// - Parameters:
    ///   - type: of the tensor.
    ///   - read: the values of a tensor, in float32.
    init(
        _ part: ScalePart, of type: ElementType, read: (InputTensor) throws(MergeFailure) -> [Float]
    ) throws(MergeFailure) {
        self.part = part
        scales = try read(part.values)
        values = type.float8Values ?? []
    }

    /// A stretch of a row in float32: each value times its block's scale.
    ///
    /// - Parameters:
    ///   - row: of the tensor.
    ///   - start: the first element of the stretch, in the row.
    ///   - source: the stretch's bytes.
    func decode(
        row: Int, from start: Int, _ source: UnsafeRawPointer, to target: UnsafeMutableBufferPointer<Float>
    ) {
        let first = row / part.blockRows * part.columnCount
        values.withUnsafeBufferPointer { values in
            scales.withUnsafeBufferPointer { scales in
                var index = 0
                while index < target.count {
                    let block = (start + index) / part.blockColumns
                    let end = min(target.count, (block + 1) * part.blockColumns - start)
                    let scale = scales[first + block]
                    while index < end {
                        let byte = source.load(fromByteOffset: index, as: UInt8.self)
                        target[index] = values[Int(byte)] * scale
                        index += 1
                    }
                }
            }
        }
    }
}
