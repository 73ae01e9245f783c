import StreamIO
import Testing

@testable import Della
@testable import MergeReference

/// Decoding, in every pair of types.
@Suite struct ConversionTests {
    @Test func everyFloat16WidensExactly() throws {
        let patterns = (0...UInt16.max).map { $0 }
        for level in RowKernels.availableLevels {
            let values: [Float] = try decoded(patterns, .f16, to: .float32, level)
            for (pattern, value) in zip(patterns, values) {
                let expected = ReferenceFormat.float16(pattern)
                #expect(
                    expected.isNaN ? value.isNaN : value.bitPattern == expected.bitPattern,
                    "\(pattern) at \(level)")
            }
            let back: [UInt16] = try decoded(values, .f32, to: .float16, level)
            for (pattern, returned) in zip(patterns, back) {
                #expect(returned == (ReferenceFormat.float16(pattern).isNaN ? 0x7E00 : pattern))
            }
        }
    }

    /// Around every float16: the midpoints to its neighbours, and the floats beside those.
    @Test func narrowingToFloat16RoundsToNearestEven() throws {
        var values: [Float] = []
        for pattern in UInt16(0)..<0x7C00 {
            let low = ReferenceFormat.float16(pattern)
            let high = pattern + 1 == 0x7C00 ? 65536 : ReferenceFormat.float16(pattern + 1)
            let middle = (low + high) / 2
            values += [middle.nextDown, middle, middle.nextUp, -middle]
        }
        values += [
            65519.996, 65520, 65536, .greatestFiniteMagnitude, .infinity, 0x1p-25, 0x1.000002p-25, 0x1p-149,
        ]
        try expectReference(values, .float16)
    }

    @Test func narrowingToBFloat16RoundsToNearestEven() throws {
        var values: [Float] = []
        for high in stride(from: UInt32(0), to: 0x7F80, by: 7) {
            for low in [0x0001, 0x7FFF, 0x8000, 0x8001, 0xFFFF] as [UInt32] {
                values += [Float(bitPattern: high << 16 | low), -Float(bitPattern: high << 16 | low)]
            }
        }
        values += [
            .greatestFiniteMagnitude, -.greatestFiniteMagnitude, .infinity, .nan,
            Float(bitPattern: 0x7F80_0001),
            Float(bitPattern: 0xFFFF_FFFF), .leastNonzeroMagnitude, 0, -0.0, Float(bitPattern: 0x7F7F_7FFF),
        ]
        try expectReference(values, .bfloat16)
    }

    @Test func doublesAreRoundedToFloatFirst() throws {
        // Just above the midpoint of two bfloat16 values, but on it once rounded to float: so to even.
        let value = 1 + 0x1p-8 + 0x1p-40
        for level in RowKernels.availableLevels {
            let found: [UInt16] = try decoded([value, -value, .nan], .f64, to: .bfloat16, level)
            #expect(found == [0x3F80, 0xBF80, 0x7FC0])
        }
    }

    /// Rows are decoded where they were read: at the start of their memory, or at its end where they grow.
    @Test(arguments: [1, 15, 31, 32, 33, 64, 1000])
    func decodingWorksInPlace(_ count: Int) throws {
        let types: [ElementType] = [.bf16, .f16, .f32, .f64]
        for level in RowKernels.availableLevels {
            let kernels = try RowKernels.select(level: level)
            for type in types {
                for format in FloatFormat.allCases {
                    var random = SeededRandom(seed: UInt64(count))
                    let (bytes, _) = RowValues.weights.tensors(type, count: count, models: 0, using: &random)
                    let width = type.bitWidth / 8
                    let memory = Memory(count * max(width, format.byteWidth), 2)
                    let source = memory.start + count * max(0, format.byteWidth - width)
                    bytes.withUnsafeBytes { source.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
                    kernels.decode(type, source, to: format, memory.start, count: count)
                    let expected = ReferenceFormat.encode(ReferenceFormat.decode(type, bytes), as: format)
                    #expect(
                        Array(memory.bytes.prefix(expected.count)) == expected,
                        "\(type) to \(format), \(level)")
                }
            }
        }
    }

    @Test func nonfiniteValuesAreCounted() throws {
        let values: [Float] = [1, .nan, -.infinity, .infinity, 0, -.nan, -3e38, 0x1p-149]
        for level in RowKernels.availableLevels {
            for format in FloatFormat.allCases {
                let bytes = ReferenceFormat.encode(values, as: format)
                let found = bytes.withUnsafeBytes {
                    try? RowKernels.select(level: level)
                        .countNonfinite(format, $0.baseAddress!, count: values.count)
                }
                // −3e38 has no float16.
                #expect(found == NonfiniteCount(nans: 2, infinities: format == .float16 ? 3 : 2))
            }
        }
    }

    @Test func aLevelThisProcessorLacksIsRefusedByName() {
        for level in SIMDLevel.allCases where !RowKernels.availableLevels.contains(level) {
            #expect(throws: SIMDLevelError.unsupported(level, best: RowKernels.availableLevels.last!)) {
                try RowKernels.select(level: level)
            }
        }
        #expect(RowKernels.availableLevels.first == .baseline)
    }

    private func expectReference(_ values: [Float], _ format: FloatFormat) throws {
        let expected = values.map { ReferenceFormat.pattern($0, format) }
        for level in RowKernels.availableLevels {
            let found: [UInt16] = try decoded(values, .f32, to: format, level)
            for (index, value) in values.enumerated() {
                #expect(found[index] == expected[index], "\(value) at \(level)")
            }
        }
    }

    private func decoded<Source, Result: BitwiseCopyable>(
        _ source: [Source], _ type: ElementType, to format: FloatFormat, _ level: SIMDLevel
    ) throws -> [Result] {
        let kernels = try RowKernels.select(level: level)
        return [Result](unsafeUninitializedCapacity: source.count) { result, count in
            source.withUnsafeBytes {
                kernels.decode(type, $0.baseAddress!, to: format, result.baseAddress!, count: source.count)
            }
            count = source.count
        }
    }
}
