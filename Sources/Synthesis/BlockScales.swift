/// Random scales of a weight's blocks, large enough for its values in 8 bits.
struct BlockScales {
    /// Rows and columns of a block.
    static let size = 128
    /// The largest number of E4M3.
    private static let largest: Float = 448

    private let columns: Int
    private let least: Float
    private let stream: UInt64

    /// - Parameters:
    ///   - columns: of the weight.
    ///   - deviation: the weight's standard deviation.
    ///   - stream: that of the weight's random numbers.
    init(columns: Int, deviation: Float, stream: UInt64) {
        self.columns = columns
        // Numbers are drawn within 5.1 deviations.
        least = 5.2 * deviation / Self.largest
        self.stream = NormalSource.draw(stream, .max)
    }

    /// The scale of the `block`-th block, row by row: from the least that serves to twice that.
    func scale(_ block: Int) -> Float {
        least * (1 + Float(NormalSource.draw(stream, UInt64(block)) >> 40) * 0x1p-24)
    }

    /// Divides bfloat16 values, the weight's elements from `element` on, by their blocks' scales.
    func quantise(
        _ values: UnsafeBufferPointer<UInt16>, from element: Int, into bytes: UnsafeMutableRawBufferPointer
    ) {
        let blocks = (columns + Self.size - 1) / Self.size
        var index = 0
        while index < values.count {
            let (row, column) = (element + index).quotientAndRemainder(dividingBy: columns)
            let count = min(Self.size - column % Self.size, columns - column, values.count - index)
            let scale = scale(row / Self.size * blocks + column / Self.size)
            for position in index..<index + count {
                bytes[position] = Self.e4m3(Float(bitPattern: UInt32(values[position]) << 16) / scale)
            }
            index += count
        }
    }

    /// Rounds to nearest even; what is larger than the largest number becomes that.
    static func e4m3(_ value: Float) -> UInt8 {
        let sign: UInt8 = value.sign == .minus ? 0x80 : 0
        let size = value.magnitude
        if value.isNaN { return 0x7F }
        if size >= largest { return sign | 0x7E }
        // Below 2⁻⁶ numbers are multiples of 2⁻⁹; the eighth is the first of those above.
        if size < 0x1p-6 { return sign | UInt8((size * 0x1p9).rounded(.toNearestOrEven)) }
        let bits = size.bitPattern
        let rounded = bits + 0x7FFFF + ((bits >> 20) & 1)
        return sign | UInt8((rounded >> 20) - (120 << 3))
    }
}
