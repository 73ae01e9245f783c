import Glibc
import Testing

@testable import Della
@testable import MergeReference

/// The sine, cosine and arc cosine of the coefficients: their bits, which results depend on, and that they are right.
@Suite struct PlainMathTests {
    /// Angles and cosines: ends, middles, neighbours of where one formula takes over from another.
    private static let angles = [
        0, 0x1p-30, 0x1p-8, 0.3, 0.7853981633974483, 0.7853981633974484, 1, 1.5707963267948966, 2,
        2.356194490192345, 3,
        3.1415926535897931, 3.1415926535897936, 4.5, 6.283185307179586, 7, 100, 1e5, -0.5, -3,
    ]
    private static let cosines = [
        0, 0x1p-30, 0.25, 0.4999999999999999, 0.5, 0.75, 0.9995, 0.9999999999999999, 1, -0.25, -0.5, -0.75,
        -0.9995,
        -0.9999999999999999, -1,
    ]

    @Test func theBitsAreThoseOfTheRevision() {
        #expect(print(Self.angles.map(PlainMath.sin)) == 0xE7C8_73FA_00B4_297B)
        #expect(print(Self.angles.map(PlainMath.cos)) == 0xE415_D4B2_2B0F_BA6B)
        #expect(print(Self.cosines.map(PlainMath.acos)) == 0x985F_1761_6BFD_B550)
    }

    @Test func theValuesAreTheLibrarys() {
        let seed = TestSeed.drawn()
        var random = SeededRandom(seed: seed)
        var angles = Self.angles
        for _ in 0..<20_000 { angles.append(Double.random(in: -7...7, using: &random)) }
        for angle in angles {
            expectNear(PlainMath.sin(angle), sin(angle), "sin \(angle), seed \(seed)")
            expectNear(PlainMath.cos(angle), cos(angle), "cos \(angle), seed \(seed)")
        }
        var cosines = Self.cosines
        for _ in 0..<20_000 { cosines.append(Double.random(in: -1...1, using: &random)) }
        for step in 1...300 {
            let distance = Double(step) * 0x1p-53
            cosines += [1 - distance, distance - 1]
        }
        for cosine in cosines {
            expectNear(PlainMath.acos(cosine), acos(cosine), "acos \(cosine), seed \(seed)")
        }
    }

    @Test func whatHasNoAngleIsNaN() {
        for x in [1.0000000000000002, -1.0000000000000002, .infinity, -.infinity, .nan] {
            #expect(PlainMath.acos(x).isNaN)
        }
        for x in [Double.infinity, -.infinity, .nan] {
            #expect(PlainMath.sin(x).isNaN && PlainMath.cos(x).isNaN)
        }
    }

    /// Within two units of the last place, or of 2⁻⁶⁰ near zeros of the function.
    private func expectNear(_ found: Double, _ wanted: Double, _ words: String) {
        #expect(abs(found - wanted) <= max(2 * wanted.ulp, 0x1p-60), "\(words): \(found), \(wanted)")
    }

    /// FNV-1a over the bits.
    private func print(_ values: [Double]) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for value in values {
            for shift in stride(from: 0, to: 64, by: 8) {
                hash = (hash ^ (value.bitPattern >> UInt64(shift)) & 0xFF) &* 0x100_0000_01B3
            }
        }
        return hash
    }
}
