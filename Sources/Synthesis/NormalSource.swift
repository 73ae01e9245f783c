import Glibc

/// Normally distributed numbers by position: element `i` of a stream is the same whoever asks, in any order.
///
/// A number is the sum of two equally likely quantiles of the normal distribution, over √2: sixteen million
/// different values within ±5.1 σ, for two table look-ups. The tables fit the first-level cache.
struct NormalSource: Sendable {
    /// Twelve bits select a quantile.
    private static let bits: UInt64 = 12
    private static let mask: UInt64 = (1 << bits) - 1

    /// Quantiles at (i + ½)/4096, scaled so that the sum of two has variance 1.
    private let quantiles: [Float]

    init() {
        let count = Int(Self.mask) + 1
        var values = (0..<count).map { Self.quantile((Double($0) + 0.5) / Double(count)) }
        let variance = values.reduce(0) { $0 + $1 * $1 } / Double(count)
        let scale = 1 / (2 * variance).squareRoot()
        for index in values.indices { values[index] *= scale }
        quantiles = values.map { Float($0) }
    }

    /// Writes bfloat16 values `center + N(0, deviation)` of elements `first..<first + count / 2 bytes`.
    func fill(
        _ destination: UnsafeMutableBufferPointer<UInt16>, stream: UInt64, first: UInt64, center: Float,
        deviation: Float
    ) {
        generate(count: destination.count, stream: stream, first: first) { index, normal in
            destination[index] = Self.bfloat16(center + normal * deviation)
        }
    }

    /// Adds N(0, deviation) to bfloat16 values in place.
    func perturb(
        _ values: UnsafeMutableBufferPointer<UInt16>, stream: UInt64, first: UInt64, deviation: Float
    ) {
        generate(count: values.count, stream: stream, first: first) { index, normal in
            let value = Float(bitPattern: UInt32(values[index]) << 16)
            values[index] = Self.bfloat16(value + normal * deviation)
        }
    }

    /// Each draw of 64 bits serves two neighbouring elements.
    @inline(__always)
    private func generate(count: Int, stream: UInt64, first: UInt64, _ body: (Int, Float) -> Void) {
        quantiles.withUnsafeBufferPointer { table in
            var index = 0
            if first & 1 == 1, count > 0 {
                body(0, Self.normal(table, Self.draw(stream, first >> 1) >> (2 * Self.bits)))
                index = 1
            }
            var pair = (first + UInt64(index)) >> 1
            while index + 1 < count {
                let random = Self.draw(stream, pair)
                body(index, Self.normal(table, random))
                body(index + 1, Self.normal(table, random >> (2 * Self.bits)))
                index += 2
                pair += 1
            }
            if index < count { body(index, Self.normal(table, Self.draw(stream, pair))) }
        }
    }

    @inline(__always)
    private static func normal(_ table: UnsafeBufferPointer<Float>, _ random: UInt64) -> Float {
        table[Int(random & mask)] + table[Int((random >> bits) & mask)]
    }

    /// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014) at a position of its sequence.
    @inline(__always)
    static func draw(_ stream: UInt64, _ position: UInt64) -> UInt64 {
        var z = stream &+ (position &+ 1) &* 0x9E37_79B9_7F4A_7C15
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// Rounds to nearest even. The values are finite.
    @inline(__always)
    static func bfloat16(_ value: Float) -> UInt16 {
        let bits = value.bitPattern
        return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) >> 16)
    }

    /// The normal distribution's quantile by bisection; only the table is made with it.
    static func quantile(_ probability: Double) -> Double {
        var low = -9.0
        var high = 9.0
        for _ in 0..<60 {
            let middle = (low + high) / 2
            if erfc(-middle / 2.0.squareRoot()) / 2 < probability { low = middle } else { high = middle }
        }
        return (low + high) / 2
    }
}
