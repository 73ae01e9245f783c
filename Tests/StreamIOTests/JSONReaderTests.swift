import Testing

@testable import StreamIO

/// The reader that goes piece by piece, against the one that builds values.
@Suite struct JSONReaderTests {
    /// A reader of a text that comes in pieces of up to `piece` bytes.
    private static func reader(
        _ bytes: [UInt8], piece: Int, allowsNonfinite: Bool = false
    ) -> JSONReader {
        JSONReader(byteCount: bytes.count, allowsNonfinite: allowsNonfinite) { buffer, offset in
            let count = min(piece, buffer.count)
            bytes[offset..<offset + count].withUnsafeBytes { buffer.copyMemory(from: $0) }
            return count
        }
    }

    /// What is wrong with a text; `nil` where nothing is.
    private static func reason(_ bytes: [UInt8], piece: Int, depthLimit: Int = 64) throws -> JSONError? {
        var reader = reader(bytes, piece: piece)
        do {
            try reader.skipValue(depthLimit: depthLimit)
            try reader.expectEnd()
            return nil
        } catch let error as JSONError {
            return error
        }
    }

    private static func string(_ text: String, piece: Int, atMost limit: Int = 100) throws -> String? {
        var reader = reader(Array(text.utf8), piece: piece)
        return try reader.string(atMost: limit)?.text
    }

    @Test func takesAndRefusesWhatTheOtherReaderDoes() throws {
        var random = SeededGenerator()
        for _ in 0..<3_000 {
            var bytes = Array(Self.text(depth: 3, using: &random).utf8)
            for _ in 0..<Int.random(in: 0...2, using: &random) where !bytes.isEmpty {
                let place = bytes.indices.randomElement(using: &random) ?? 0
                switch Int.random(in: 0...2, using: &random) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: place)
                default:
                    bytes.insert(
                        Array("\"\\{}[],:0-.eu \n\u{E9}".utf8).randomElement(using: &random) ?? 0, at: place)
                }
            }
            var expected: JSONError?
            do throws(JSONError) {
                _ = try JSON(parsing: bytes)
            } catch {
                expected = error
            }
            // This reader does not know what it stepped over.
            if case .duplicateKey = expected?.reason { continue }
            let found = try Self.reason(bytes, piece: Int.random(in: 1...9, using: &random))
            #expect(
                (found == nil) == (expected == nil),
                "\(String(decoding: bytes, as: UTF8.self)): \(String(describing: found)), seed \(random.seed)"
            )
        }
    }

    /// A random value with white space and escapes.
    private static func text(depth: Int, using random: inout SeededGenerator) -> String {
        let space = ["", " ", "\n", "\t \r"].randomElement(using: &random) ?? ""
        let kind = Int.random(in: 0...(depth > 0 ? 5 : 3), using: &random)
        let count = Int.random(in: 0...3, using: &random)
        switch kind {
        case 0: return space + (["null", "true", "false"].randomElement(using: &random) ?? "")
        case 1:
            return space
                + (["0", "-1", "12.5", "1e9", "3E-2", "98765432109876543210"].randomElement(using: &random)
                    ?? "")
        case 2, 3:
            let pieces = ["a", "é", "😀", "\\n", "\\\"", "\\u00e9", "\\ud83d\\ude00", "\\/", "long text"]
            return space + "\"" + (0..<count).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
                + "\""
        case 4:
            return space + "["
                + (0..<count).map { _ in text(depth: depth - 1, using: &random) }.joined(separator: ",")
                + space + "]"
        default:
            return space + "{"
                + (0..<count).map { "\"\($0)\"\(space):" + text(depth: depth - 1, using: &random) }
                .joined(separator: ",") + "}" + space
        }
    }

    @Test(arguments: [1, 2, 3, 5, 100])
    func decodesStringsWhereverTheyAreCut(piece: Int) throws {
        #expect(try Self.string(#""a\n\u00e9\ud83d\ude00é😀\\""#, piece: piece) == "a\né😀é😀\\")
        #expect(try Self.string(#""""#, piece: piece) == "")
        #expect(try Self.string(#""12345""#, piece: piece, atMost: 5) == "12345")
        #expect(try Self.string(#""123456""#, piece: piece, atMost: 5) == nil)
    }

    @Test func keepsTheLongestStringThatIsMadeOfEscapes() throws {
        let text = "\"" + String(repeating: "\\u0061", count: JSONReader.stringLimit) + "\""
        let long = try Self.string(text, piece: .max, atMost: JSONReader.stringLimit)
        #expect(long == String(repeating: "a", count: JSONReader.stringLimit))
        let longer = text.replacing("\\u0061\"", with: "\\u0061b\"")
        #expect(try Self.string(longer, piece: .max, atMost: JSONReader.stringLimit) == nil)
    }

    @Test func tellsLinesAndOffsets() throws {
        let error = try #require(try Self.reason(Array("{\n \"a\":\n x}".utf8), piece: 2))
        #expect(error.line == 3 && error.offset == 9 && error.reason == .unexpectedByte(UInt8(ascii: "x")))
        let cut = try #require(try Self.reason(Array("[1".utf8), piece: 1))
        #expect(cut.reason == .unexpectedEnd)
        let deep = try #require(try Self.reason(Array("[[[]]]".utf8), piece: 1, depthLimit: 2))
        #expect(deep.reason == .tooDeep(limit: 2))
        for bytes in [[0x22, 0xC3], [0x22, 0xC3, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22]] as [[UInt8]] {
            #expect(try Self.reason(bytes, piece: 1)?.reason == .invalidUTF8)
        }
    }

    @Test func countsInWholeNumbers() throws {
        let cases: [(String, JSONReader.Number)] = [
            ("0", .whole(0)), ("9223372036854775807", .whole(.max)), ("9223372036854775808", .tooLarge),
            ("99999999999999999999999", .tooLarge), ("-1", .other), ("1.0", .other), ("1e2", .other),
            ("NaN", .other), ("-Infinity", .other),
        ]
        for (text, expected) in cases {
            var reader = Self.reader(Array(text.utf8), piece: 3, allowsNonfinite: true)
            #expect(try reader.number() == expected, "\(text)")
        }
    }
}
