/// The products of a tensor's columns and what follows from them: `nuslerp` by column.
///
/// A column is all elements with one index in every dimension but the first. The memory belongs to the merge.
struct ColumnTable: @unchecked Sendable {
    /// Elements that the kernels may touch behind the last column.
    private static let slack = 32

    let columnCount: Int
    private let start: UnsafeMutableRawPointer

    /// - Parameter start: `byteCount` bytes, aligned for Double.
    init(_ start: UnsafeMutableRawPointer, columnCount: Int) {
        self.start = start
        self.columnCount = columnCount
    }

    /// Three sums and two coefficients a column.
    static func byteCount(columnCount: Int) -> Int {
        3 * stride(columnCount) * MemoryLayout<Double>.stride + 2 * stride(columnCount)
            * MemoryLayout<Float>.stride
    }

    private static func stride(_ columnCount: Int) -> Int { columnCount + slack }

    /// From one product's sums to the next one's, from one input's coefficients to the other's.
    var stride: Int { Self.stride(columnCount) }

    /// The sums of the products 00, of those 01, of those 11.
    var sums: UnsafeMutablePointer<Double> { start.assumingMemoryBound(to: Double.self) }

    /// The first input's coefficients, then the second's.
    var coefficients: UnsafeMutablePointer<Float> {
        (start + 3 * stride * MemoryLayout<Double>.stride).assumingMemoryBound(to: Float.self)
    }

    /// Forgets all sums.
    func clear() { sums.update(repeating: 0, count: 3 * stride) }

    /// Finds the coefficients that follow from the sums.
    func settle(t: Double) {
        let (sums, coefficients) = (sums, coefficients)
        for column in 0..<columnCount {
            let pair = BlendCoefficients.nuslerp(
                t: t, sums[column], sums[stride + column], sums[2 * stride + column])
            coefficients[column] = Float(pair.0)
            coefficients[stride + column] = Float(pair.1)
        }
        // What a kernel reads behind the last column is multiplied with zeros and left out.
        for column in columnCount..<stride {
            coefficients[column] = 0
            coefficients[stride + column] = 0
        }
    }
}
