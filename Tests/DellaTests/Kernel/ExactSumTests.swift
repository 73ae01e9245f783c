import Testing

@testable import Della
@testable import MergeReference

/// Sums that round nothing.
@Suite struct ExactSumTests {
    @Test func theSameInAnyOrderAndInAnyParts() {
        let seed = TestSeed.drawn()
        var random = SeededRandom(seed: seed)
        for _ in 0..<200 {
            // Products of float32 of any magnitude, of both signs.
            let values = (0..<Int.random(in: 1...60, using: &random)).map { _ -> Double in
                func factor() -> Double {
                    let bits = UInt32.random(in: 0..<0x7F80_0000, using: &random)
                    return Double(Float(bitPattern: bits)) * (Bool.random(using: &random) ? 1 : -1)
                }
                return factor() * factor()
            }
            let right = sum(values)
            #expect(sum(values.shuffled(using: &random)) == right, "seed \(seed)")
            let cut = Int.random(in: 0...values.count, using: &random)
            var (first, second) = (words(values[..<cut]), words(values[cut...]))
            ExactSum.add(&second, to: &first)
            #expect(ExactSum.value(&first) == right, "seed \(seed)")
            // What is taken away again leaves nothing.
            #expect(sum(values + values.map { -$0 }) == 0, "seed \(seed)")
        }
    }

    /// Whole numbers times a power of two, which 128 bits hold.
    @Test func roundsOnceToNearestEven() {
        let seed = TestSeed.drawn()
        var random = SeededRandom(seed: seed)
        for _ in 0..<2000 {
            let exponent = Int.random(in: -290...180, using: &random)
            var whole: Int128 = 0
            var values: [Double] = []
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                let part = Int64.random(in: -(1 << 53)...1 << 53, using: &random)
                let shift = Int.random(in: 0...40, using: &random)
                whole += Int128(part) << Int128(shift)
                values.append(
                    Double(sign: .plus, exponent: exponent + shift, significand: Double(part)))
            }
            let right = Double(sign: .plus, exponent: exponent, significand: Double(whole))
            #expect(sum(values) == right, "seed \(seed), \(values)")
        }
    }

    private func words(_ values: some Sequence<Double>) -> [UInt64] {
        var words = [UInt64](repeating: 0, count: ExactSum.wordCount)
        for value in values { ExactSum.add(value, to: &words) }
        return words
    }

    private func sum(_ values: some Sequence<Double>) -> Double {
        var words = words(values)
        return ExactSum.value(&words)
    }
}
