import Testing

@testable import StreamIO

@Suite struct CRC32CTests {
    @Test func knownAnswers() {
        #expect(CRC32C.of(Array("123456789".utf8)) == 0xE306_9283)
        #expect(CRC32C.of([]) == 0)
        // RFC 3720, B.4.
        #expect(CRC32C.of([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
        #expect(CRC32C.of([UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
        #expect(CRC32C.of(Array(0..<32)) == 0x46DD_794E)
    }

    @Test func tableAgreesWithTheInstructionAtAnyLengthAndAlignment() {
        var generator = SeededGenerator()
        let bytes = generator.bytes(20_000 + 64)
        bytes.withUnsafeBytes { raw in
            for length in Array(0...70) + [255, 1000, 4095, 4096, 6143, 6144, 6145, 12_288, 20_000] {
                for start in [0, 1, 3, 7, 8, 13] {
                    let slice = UnsafeRawBufferPointer(rebasing: raw[start..<start + length])
                    var one = CRC32C()
                    one.update(slice)
                    var other = CRC32C()
                    other.updateByTable(slice)
                    #expect(one == other, "length \(length) from \(start), seed \(generator.seed)")
                }
            }
        }
    }

    @Test func combineEqualsTheChecksumOfTheWhole() {
        var generator = SeededGenerator()
        let bytes = generator.bytes(10_000)
        for cut in [0, 1, 7, 63, 4096, 9_999, 10_000] {
            let first = CRC32C.of(Array(bytes[..<cut]))
            let second = CRC32C.of(Array(bytes[cut...]))
            let whole = CRC32C.combine(first, second, secondLength: UInt64(bytes.count - cut))
            #expect(whole == CRC32C.of(bytes), "cut at \(cut), seed \(generator.seed)")
        }
    }

    @Test func updatesGoOnWhereTheLastEnded() {
        let bytes = Array("123456789".utf8)
        var checksum = CRC32C()
        for byte in bytes { withUnsafeBytes(of: byte) { checksum.update($0) } }
        #expect(checksum.value == 0xE306_9283)
    }
}
