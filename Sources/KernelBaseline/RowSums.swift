import CKernel

/// Sums in Double, element i in lane i mod 16, of pairs.
struct RowSums {
    /// Lanes 0…7 and 8…15 for float32; even and odd lanes for a 16-bit format.
    var first = SIMD8<Double>(repeating: 0)
    var second = SIMD8<Double>(repeating: 0)

    @inline(always)
    init() {}

    @inline(always)
    mutating func add(_ format: Int32, _ pair: (Floats, Floats)) {
        first += lowDoubles(pair.0)
        if format == 2 {
            second += highDoubles(pair.0)
            first += lowDoubles(pair.1)
        } else {
            first += highDoubles(pair.0)
            second += lowDoubles(pair.1)
        }
        second += highDoubles(pair.1)
    }

    /// The lanes in order.
    @inline(always)
    func lanes(_ format: Int32) -> SIMD16<Double> {
        if format == 2 { return SIMD16(lowHalf: first, highHalf: second) }
        let (e, o) = (first, second)
        return SIMD16(
            e[0], o[0], e[1], o[1], e[2], o[2], e[3], o[3], e[4], o[4], e[5], o[5], e[6], o[6], e[7], o[7])
    }
}
