import Testing

@testable import StreamIO

@Suite struct SafetensorsHeaderTests {
    /// A file of that JSON and that many bytes of data.
    static func file(_ json: String, data: Int, length: UInt64? = nil) -> (bytes: [UInt8], byteCount: UInt64)
    {
        let count = length ?? UInt64(json.utf8.count)
        let prefix = withUnsafeBytes(of: count.littleEndian) { Array($0) }
        let bytes = prefix + Array(json.utf8)
        return (bytes, UInt64(bytes.count + data))
    }

    static func entry(_ type: String = "U8", _ shape: String = "[4]", _ offsets: String = "[0,4]") -> String {
        #"{"dtype":"\#(type)","shape":\#(shape),"data_offsets":\#(offsets)}"#
    }

    static func parse(_ json: String, data: Int) throws -> SafetensorsHeader {
        let file = file(json, data: data)
        return try SafetensorsHeader(parsing: file.bytes, fileByteCount: file.byteCount)
    }

    struct Broken: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let json: String
        let data: Int
        let error: SafetensorsError

        init(_ description: String, _ json: String, data: Int = 4, _ error: SafetensorsError) {
            testDescription = description
            self.json = json
            self.data = data
            self.error = error
        }
    }

    static let broken: [Broken] = [
        Broken("array", "[]", .invalidStart),
        Broken("white space first", " {}", .invalidStart),
        Broken("empty header", "", .invalidStart),
        Broken("duplicate tensor", "{\"a\":\(entry()),\"a\":\(entry())}", .duplicateTensor("a")),
        Broken("duplicate metadata", #"{"__metadata__":{"k":"1","k":"2"}}"#, .duplicateKey("k")),
        Broken("duplicate field", #"{"a":{"dtype":"U8","dtype":"U8"}}"#, .duplicateKey("a.dtype")),
        Broken("metadata twice", #"{"__metadata__":{},"__metadata__":{}}"#, .duplicateTensor("__metadata__")),
        Broken("entry is no object", #"{"a":1}"#, .invalidEntry(tensor: "a", field: "entry")),
        Broken(
            "no dtype", #"{"a":{"shape":[4],"data_offsets":[0,4]}}"#,
            .invalidEntry(tensor: "a", field: "dtype")),
        Broken(
            "no shape", #"{"a":{"dtype":"U8","data_offsets":[0,4]}}"#,
            .invalidEntry(tensor: "a", field: "shape")),
        Broken(
            "no offsets", #"{"a":{"dtype":"U8","shape":[4]}}"#,
            .invalidEntry(tensor: "a", field: "data_offsets")),
        Broken("dtype is a number", #"{"a":{"dtype":8}}"#, .invalidEntry(tensor: "a", field: "dtype")),
        Broken("shape is a number", #"{"a":{"shape":4}}"#, .invalidEntry(tensor: "a", field: "shape")),
        Broken("unknown type", "{\"a\":\(entry("U7"))}", .unknownType(tensor: "a", type: "U7")),
        Broken("type in small letters", "{\"a\":\(entry("u8"))}", .unknownType(tensor: "a", type: "u8")),
        Broken("negative dimension", "{\"a\":\(entry("U8", "[-4]"))}", .invalidShape(tensor: "a")),
        Broken("fractional dimension", "{\"a\":\(entry("U8", "[4.0]"))}", .invalidShape(tensor: "a")),
        Broken("dimension with exponent", "{\"a\":\(entry("U8", "[4e0]"))}", .invalidShape(tensor: "a")),
        Broken("dimension is a string", "{\"a\":\(entry("U8", "[\"4\"]"))}", .invalidShape(tensor: "a")),
        Broken(
            "huge dimension", "{\"a\":\(entry("U8", "[99999999999999999999]"))}", .sizeOverflow(tensor: "a")),
        Broken(
            "huge product", "{\"a\":\(entry("U8", "[4294967296,4294967296]"))}", .sizeOverflow(tensor: "a")),
        Broken("huge size", "{\"a\":\(entry("F64", "[1152921504606846976]"))}", .sizeOverflow(tensor: "a")),
        Broken("offsets backwards", "{\"a\":\(entry("U8", "[4]", "[4,0]"))}", .invalidOffsets(tensor: "a")),
        Broken("one offset", "{\"a\":\(entry("U8", "[4]", "[4]"))}", .invalidOffsets(tensor: "a")),
        Broken("three offsets", "{\"a\":\(entry("U8", "[4]", "[0,4,4]"))}", .invalidOffsets(tensor: "a")),
        Broken("negative offset", "{\"a\":\(entry("U8", "[4]", "[-4,0]"))}", .invalidOffsets(tensor: "a")),
        Broken("beyond the file", "{\"a\":\(entry())}", data: 3, .invalidOffsets(tensor: "a")),
        Broken(
            "overlap", "{\"a\":\(entry()),\"b\":\(entry("U8", "[4]", "[3,7]"))}", data: 7,
            .overlap(tensor: "b")),
        Broken(
            "hole", "{\"a\":\(entry()),\"b\":\(entry("U8", "[4]", "[5,9]"))}", data: 9, .hole(tensor: "b")),
        Broken("hole at the start", "{\"a\":\(entry("U8", "[4]", "[1,5]"))}", data: 5, .hole(tensor: "a")),
        Broken(
            "too few bytes", "{\"a\":\(entry("U16"))}",
            .lengthMismatch(tensor: "a", byteCount: 4, expected: 8)),
        Broken(
            "bytes of an empty tensor", "{\"a\":\(entry("U8", "[0]"))}",
            .lengthMismatch(tensor: "a", byteCount: 4, expected: 0)),
        Broken("half a byte", "{\"a\":\(entry("F4", "[7]"))}", .misaligned(tensor: "a")),
        Broken("trailing bytes", "{\"a\":\(entry())}", data: 6, .trailingBytes(count: 2)),
        Broken("data of no tensor", "{}", data: 1, .trailingBytes(count: 1)),
        Broken("metadata is a number", #"{"__metadata__":{"k":1}}"#, .invalidMetadata(key: "k")),
        Broken("metadata is nested", #"{"__metadata__":{"k":{}}}"#, .invalidMetadata(key: "k")),
        Broken("metadata is a list", #"{"__metadata__":[]}"#, .invalidMetadata(key: "its value")),
    ]

    @Test func refusesWhatHasNoEnd() throws {
        let name = String(repeating: "n", count: 4096)
        #expect(try Self.parse("{\"\(name)\":\(Self.entry())}", data: 4).tensors[0].name == name)
        let cases: [(String, SafetensorsError)] = [
            ("{\"\(name)n\":\(Self.entry())}", .nameTooLong(limit: 4096)),
            (
                "{\"a\":\(Self.entry("U8", "[4" + String(repeating: ",1", count: 64) + "]"))}",
                .tooManyDimensions(tensor: "a", limit: 64)
            ),
            (
                "{\"a\":{" + (0..<65).map { "\"k\($0)\":0" }.joined(separator: ",") + "}}",
                .tooManyKeys(of: "a", limit: 64)
            ),
            (
                "{\"__metadata__\":{" + (0..<4097).map { "\"k\($0)\":\"\"" }.joined(separator: ",") + "}}",
                .tooManyKeys(of: "__metadata__", limit: 4096)
            ),
        ]
        for (json, expected) in cases {
            #expect(throws: expected) { try Self.parse(json, data: 4) }
        }
    }

    @Test func keepsSomeMetadataAndReadsPastTheRest() throws {
        let long = String(repeating: "m", count: 300_000)
        let json = "{\"__metadata__\":{\"a\":\"1\",\"b\":\"\(long)\",\"c\":\"3\"},\"t\":\(Self.entry())}"
        let header = try Self.parse(json, data: 4)
        #expect(header.metadata == ["a": "1", "c": "3"] && header.tensors.count == 1)
    }

    @Test(arguments: broken)
    func namesWhatIsWrong(_ broken: Broken) throws {
        let error = try #require(throws: SafetensorsError.self) {
            _ = try Self.parse(broken.json, data: broken.data)
        }
        #expect(error == broken.error)
        #expect(!error.description.isEmpty)
    }

    @Test(arguments: [
        "{", "{\"a\"}", "{\"a\":}", "{\"a\":\u{1}}", "{}x", "{\"a\":{\"dtype\":\"U8\",}}", "{\"\\x\":1}",
    ])
    func refusesWhatIsNotJSON(_ json: String) throws {
        let error = try #require(throws: SafetensorsError.self) { _ = try Self.parse(json, data: 0) }
        guard case .invalidJSON = error else {
            Issue.record("\(error)")
            return
        }
    }

    @Test func refusesAFileShorterThanItsLength() throws {
        for count in 0..<8 {
            #expect(throws: SafetensorsError.fileTooShort(byteCount: UInt64(count))) {
                try SafetensorsHeader(
                    parsing: [UInt8](repeating: 0, count: count), fileByteCount: UInt64(count))
            }
        }
    }

    @Test func refusesAHeaderBeyondItsLimitBeforeReadingIt() throws {
        for length in [100_000_001, UInt64(Int64.max), .max] {
            let file = Self.file("{}", data: 0, length: length)
            #expect(throws: SafetensorsError.headerTooLarge(byteCount: length)) {
                try SafetensorsHeader(parsing: file.bytes, fileByteCount: .max)
            }
        }
    }

    @Test func refusesAHeaderBeyondTheFile() throws {
        let file = Self.file("{}", data: 0, length: 3)
        #expect(throws: SafetensorsError.headerBeyondFile(byteCount: 3, fileByteCount: 10)) {
            try SafetensorsHeader(parsing: file.bytes, fileByteCount: file.byteCount)
        }
    }

    @Test(arguments: [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xE2, 0x82]] as [[UInt8]])
    func refusesInvalidUTF8(_ sequence: [UInt8]) throws {
        let json = Array("{\"".utf8) + sequence + Array("\":1}".utf8)
        let bytes = withUnsafeBytes(of: UInt64(json.count).littleEndian) { Array($0) } + json
        #expect(throws: SafetensorsError.invalidUTF8) {
            try SafetensorsHeader(parsing: bytes, fileByteCount: UInt64(bytes.count))
        }
    }

    @Test func acceptsScalarsEmptyTensorsAndFilesWithout() throws {
        #expect(try Self.parse("{}", data: 0).tensors.isEmpty)
        #expect(try Self.parse("{}   \n", data: 0).byteCount == 14)
        let scalar = try Self.parse("{\"s\":\(Self.entry("F32", "[]"))}", data: 4)
        #expect(scalar.tensors[0].shape == [] && scalar.tensors[0].byteCount == 4)
        let json =
            "{\"b\":\(Self.entry("U8", "[4]", "[0,4]")),\"z\":\(Self.entry("F32", "[3,0]", "[4,4]")),"
            + "\"a\":\(Self.entry("F32", "[0]", "[0,0]"))}"
        #expect(try Self.parse(json, data: 4).tensors.map(\.name) == ["a", "b", "z"])
    }

    @Test func acceptsMetadataUnknownFieldsAndSubByteTypes() throws {
        let json =
            #"{"__metadata__":{"format":"pt","ü":""},"a":{"new":[{}],"dtype":"F4","shape":[2,4],"data_offsets":[0,4]}}"#
        let header = try Self.parse(json, data: 4)
        #expect(header.metadata == ["format": "pt", "ü": ""])
        #expect(header.tensors[0].type == .f4)
        #expect(try Self.parse(#"{"__metadata__":null}"#, data: 0).metadata.isEmpty)
    }

    @Test func keepsNamesApartThatLookAlike() throws {
        let json =
            "{\"\u{E9}\":\(Self.entry("U8", "[2]", "[0,2]")),\"e\u{301}\":\(Self.entry("U8", "[2]", "[2,4]"))}"
        #expect(try Self.parse(json, data: 4).tensors.count == 2)
    }

    @Test func decodesEscapesInNames() throws {
        let json = #"{"\u0061\n\ud83d\ude00\"\\\/":\#(Self.entry())}"#
        #expect(try Self.parse(json, data: 4).tensors[0].name == "a\n😀\"\\/")
    }

    @Test func encodedHeadersReadBackAndEndOnAPage() throws {
        var generator = SeededGenerator()
        for count in [0, 1, 5, 60, 700] {
            let tensors = (0..<count).map { number in
                let shape = (0..<Int.random(in: 0...4, using: &generator)).map { _ in
                    Int.random(in: 0...9, using: &generator)
                }
                let type = [ElementType.bf16, .f16, .f32, .f64, .i64, .bool].randomElement(using: &generator)
                return (name: "layer.\(number)\n\"é😀\u{1}", type: type ?? .u8, shape: shape)
            }
            let header = SafetensorsHeader(layingOut: tensors, metadata: ["format": "pt", "b": "\\"])
            let bytes = header.encoded()
            #expect(bytes.count % 4096 == 0 && UInt64(bytes.count) == header.byteCount)
            let read = try SafetensorsHeader(
                parsing: bytes, fileByteCount: header.byteCount + header.dataByteCount)
            #expect(read.byteCount == header.byteCount && read.metadata == header.metadata)
            // Empty tensors may change places with one that starts where they are.
            #expect(Set(read.tensors) == Set(header.tensors), "seed \(generator.seed)")
        }
    }
}
