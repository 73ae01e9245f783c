import StreamIO
import Testing

@testable import Della
@testable import MergeReference

/// The conversions of the plain reference against their definition.
@Suite struct PlainFormatTests {
    @Test func everyPatternOf16BitsHasItsValue() {
        var wrong: [UInt16] = []
        for pattern in 0...UInt16.max {
            let half = PlainFormat.value(UInt32(pattern), .float16)
            let expected = ReferenceFormat.float16(pattern)
            let isHalf = expected.isNaN ? half.isNaN : half.bitPattern == expected.bitPattern
            let brain = PlainFormat.value(UInt32(pattern), .bfloat16)
            if !isHalf || brain.bitPattern != UInt32(pattern) << 16 { wrong.append(pattern) }
        }
        #expect(wrong.prefix(10) == [])
    }

    /// Around every value of 16 bits: the midpoints to its neighbours, and the floats beside those.
    @Test(arguments: [FloatFormat.float16, .bfloat16])
    func valuesAreRoundedToNearestEven(format: FloatFormat) {
        var seen = 0
        var wrong: [Float] = []
        for pattern in UInt32(0)..<(format == .float16 ? 0x7C00 : 0x7F80) {
            let low = PlainFormat.value(pattern, format)
            let middle = low + (PlainFormat.value(pattern + 1, format) - low) / 2
            let values = [low, middle.nextDown, middle, middle.nextUp].filter(\.isFinite)
            for value in values + values.map({ -$0 }) {
                let found = PlainFormat.bits(value, format)
                if found != UInt32(ReferenceFormat.pattern(value, format)) { wrong.append(value) }
                seen += 1
            }
        }
        #expect(seen > 100_000)
        #expect(wrong.prefix(10) == [])
        for value in [
            65519.996, 65520, 65536, .greatestFiniteMagnitude, .infinity, -.infinity, .nan, 0x1p-25,
            0x1.000002p-25,
            0x1p-149, -0.0, Float(bitPattern: 0x7F80_0001), Float(bitPattern: 0xFFFF_FFFF),
            Float(bitPattern: 0x7F7F_7FFF), Float(bitPattern: 0x7F7F_8000),
        ] as [Float] {
            #expect(PlainFormat.bits(value, format) == UInt32(ReferenceFormat.pattern(value, format)))
        }
    }

    @Test func storedValuesOfEveryTypeAreRead() {
        let doubles: [Double] = [1 + 0x1p-8 + 0x1p-40, -2.5, .nan, .infinity, 1e300, 1e-300]
        let bytes = doubles.flatMap { value in
            withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
        }
        for type in [ElementType.f64, .f32, .f16, .bf16] {
            let found = PlainFormat.values(bytes, type)
            let expected = ReferenceFormat.decode(type, bytes)
            #expect(found.count == expected.count)
            for (value, wanted) in zip(found, expected) {
                #expect(wanted.isNaN ? value.isNaN : value.bitPattern == wanted.bitPattern, "\(type)")
            }
        }
    }

    @Test func randomNumbersAreTheReferences() {
        let seed = TestSeed.drawn()
        let name = "model.layers.1.mlp.up_proj.weight"
        var random = PlainRandom(seed: seed, tensor: name, ordinal: 12)
        let expected = ReferencePhilox.uniforms(
            seed: seed, stream: RandomStream.identifier(tensor: name, ordinal: 12), count: 1001)
        for (element, value) in expected.enumerated() {
            #expect(random.uniform(UInt64(element)) == value, "seed \(seed)")
        }
        #expect(random.uniform(3) == expected[3])
    }
}
