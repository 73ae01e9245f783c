/// A sum of doubles that rounds nothing, so that it is the same in any order: a whole number of 2⁻³²⁰, in two's
/// complement, least word first.
///
/// Holds sums of products of float32, which are multiples of 2⁻²⁹⁸ and below 2²⁵⁶, of as many as there can be.
enum ExactSum {
    /// 64-bit words of a sum.
    static let wordCount = 10
    /// The exponent of the least bit.
    private static let least = -320

    /// Adds a finite number; what lies below the least bit is cut off, which of such products is nothing.
    static func add(_ value: Double, to words: UnsafeMutablePointer<UInt64>) {
        guard value != 0 else { return }
        precondition(value.isFinite, "an exact sum of what is not finite")
        let shift = Int(value.exponent) - 52 - least
        var significand = value.significandBitPattern | 1 << 52
        var place = shift
        if shift < 0 {
            guard shift > -53 else { return }
            significand >>= UInt64(-shift)
            place = 0
        }
        precondition(place < 64 * (wordCount - 1), "beyond any product of float32")
        let (index, bit) = (place / 64, UInt64(place % 64))
        let low = significand << bit
        let high = bit > 11 ? significand >> (64 - bit) : 0
        if value > 0 {
            carry(low, high, into: words, from: index) { $0.addingReportingOverflow($1) }
        } else {
            carry(low, high, into: words, from: index) { $0.subtractingReportingOverflow($1) }
        }
    }

    /// Adds or subtracts two words, and what is carried or borrowed with it.
    @inline(__always)
    private static func carry(
        _ low: UInt64, _ high: UInt64, into words: UnsafeMutablePointer<UInt64>, from index: Int,
        _ combine: (UInt64, UInt64) -> (partialValue: UInt64, overflow: Bool)
    ) {
        var (result, isOver) = combine(words[index], low)
        words[index] = result
        // The upper word has at most 53 bits: a carry fits in.
        var next = high + (isOver ? 1 : 0)
        var place = index + 1
        while next != 0, place < wordCount {
            (result, isOver) = combine(words[place], next)
            words[place] = result
            next = isOver ? 1 : 0
            place += 1
        }
    }

    /// Adds another sum.
    static func add(_ other: UnsafePointer<UInt64>, to words: UnsafeMutablePointer<UInt64>) {
        var carry = false
        for index in 0..<wordCount {
            let (sum, first) = words[index].addingReportingOverflow(other[index])
            let (whole, second) = sum.addingReportingOverflow(carry ? 1 : 0)
            words[index] = whole
            carry = first || second
        }
    }

    /// The sum, rounded to nearest even.
    static func value(_ words: UnsafePointer<UInt64>) -> Double {
        var magnitude = (0..<wordCount).map { words[$0] }
        let isNegative = words[wordCount - 1] >> 63 == 1
        if isNegative {
            var carry = true
            for index in 0..<wordCount {
                (magnitude[index], carry) = (~magnitude[index]).addingReportingOverflow(carry ? 1 : 0)
            }
        }
        guard let top = magnitude.lastIndex(where: { $0 != 0 }) else { return 0 }
        let zeros = magnitude[top].leadingZeroBitCount
        let below = top > 0 ? magnitude[top - 1] : 0
        var leading = magnitude[top] << UInt64(zeros)
        if zeros > 0 { leading |= below >> UInt64(64 - zeros) }
        // Of what is cut off it only matters whether there is any: one bit stands for all of it.
        if below << UInt64(zeros) != 0 || magnitude.prefix(max(0, top - 1)).contains(where: { $0 != 0 }) {
            leading |= 1
        }
        let value = Double(
            sign: .plus, exponent: 64 * top - zeros + least, significand: Double(leading))
        return isNegative ? -value : value
    }
}
