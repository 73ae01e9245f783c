/// The eight words of a SHA-256: its digest at the end; before, between whole blocks of 64 bytes, the state that
/// it goes on from.
public struct SHA256Words: Hashable, Sendable {
    /// As in FIPS 180-4: A to H, or H₀ to H₇.
    public var words: SIMD8<UInt32>

    /// These words.
    public init(_ words: SIMD8<UInt32>) {
        self.words = words
    }

    /// Reads what `hexadecimal` writes, in digits of either case; `nil` for anything else.
    public init?(hexadecimal text: String) {
        let digits = text.utf8.compactMap { Character(UnicodeScalar($0)).hexDigitValue }
        guard digits.count == 64, text.utf8.count == 64 else { return nil }
        var words = SIMD8<UInt32>()
        for (index, digit) in digits.enumerated() { words[index / 8] = words[index / 8] << 4 | UInt32(digit) }
        self.words = words
    }

    /// 64 digits, as `sha256sum` prints a digest.
    public var hexadecimal: String {
        words.indices.map { index in
            let digits = String(words[index], radix: 16)
            return String(repeating: "0", count: 8 - digits.count) + digits
        }.joined()
    }
}
