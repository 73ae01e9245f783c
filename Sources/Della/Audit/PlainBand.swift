/// Which elements of a tensor lie between two cuts of an order by magnitude, equal ones by position (METHODS, Cuts).
struct PlainBand {
    let band: KeyBand

    /// Whether an element is kept.
    /// - Parameter position: the element's in the tensor.
    func holds(_ key: UInt32, at position: UInt64) -> Bool {
        let (low, high) = (band.low, band.high)
        if key < low.key || key > high.key { return false }
        if key == low.key, (position < low.position) != band.keepsEarlier { return false }
        return key < high.key || position < high.position
    }

    /// The magnitude of a value rounded to a format, as a number of the same order: NaNs are equal, and above infinity.
    static func key(_ value: Float, _ format: FloatFormat) -> UInt32 {
        guard value.isNaN else { return PlainFormat.bits(value.magnitude, format) }
        return switch format {
        case .bfloat16: 0x7FC0
        case .float16: 0x7E00
        case .float32: 0x7F80_0001
        }
    }
}
