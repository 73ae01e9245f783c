/// Reads the JSON of a safetensors header straight into tensors; a header of the largest size allowed would
/// take a gigabyte as a tree of values.
struct SafetensorsParser {
    /// What the JSON says, not yet validated as a whole.
    struct Content {
        var metadata: [String: String] = [:]
        var tensors: [SafetensorsHeader.Tensor] = []
    }

    /// The most arrays and objects inside each other in a field that the format does not know.
    private static let depthLimit = 64

    private var scanner: JSONScanner

    /// Reads the JSON in a range of bytes that are UTF-8.
    static func parse(_ bytes: [UInt8], _ range: Range<Int>) throws(SafetensorsError) -> Content {
        var parser = Self(scanner: JSONScanner(bytes, range))
        return try parser.content()
    }

    /// Runs a step of the scanner.
    private mutating func scan<Value>(
        _ step: (inout JSONScanner) throws(JSONError) -> Value
    ) throws(SafetensorsError) -> Value {
        do {
            return try step(&scanner)
        } catch {
            if case .duplicateKey(let key) = error.reason { throw .duplicateKey(key) }
            throw .invalidJSON(error)
        }
    }

    /// Calls `member` at the value of each member of an object; each key once.
    private mutating func object(
        duplicate: (String) -> SafetensorsError,
        _ member: (inout Self, String) throws(SafetensorsError) -> Void
    ) throws(SafetensorsError) {
        try scan { (scanner) throws(JSONError) in try scanner.expect("{") }
        if scanner.skip("}") { return }
        var seen: Set<ExactString> = []
        repeat {
            let key = try scan { (scanner) throws(JSONError) in try scanner.string() }
            guard seen.insert(ExactString(key)).inserted else { throw duplicate(key) }
            try scan { (scanner) throws(JSONError) in try scanner.expect(":") }
            try member(&self, key)
        } while scanner.skip(",")
        try scan { (scanner) throws(JSONError) in try scanner.expect("}") }
    }

    private mutating func kind() throws(SafetensorsError) -> JSONScanner.Kind {
        try scan { (scanner) throws(JSONError) in try scanner.kind() }
    }

    private mutating func content() throws(SafetensorsError) -> Content {
        var content = Content()
        try object(duplicate: { .duplicateTensor($0) }) { (parser, name) throws(SafetensorsError) in
            if name == "__metadata__" {
                content.metadata = try parser.metadata()
            } else {
                content.tensors.append(try parser.tensor(name))
            }
        }
        try scan { (scanner) throws(JSONError) in try scanner.expectEnd() }
        return content
    }

    private mutating func metadata() throws(SafetensorsError) -> [String: String] {
        switch try kind() {
        case .null:
            try scan { (scanner) throws(JSONError) in try scanner.null() }
            return [:]
        case .object: break
        default: throw .invalidMetadata(key: "its value")
        }
        var metadata: [String: String] = [:]
        try object(duplicate: { .duplicateKey($0) }) { (parser, key) throws(SafetensorsError) in
            guard try parser.kind() == .string else { throw .invalidMetadata(key: key) }
            metadata[key] = try parser.scan { (scanner) throws(JSONError) in try scanner.string() }
        }
        return metadata
    }

    private mutating func tensor(_ name: String) throws(SafetensorsError) -> SafetensorsHeader.Tensor {
        guard try kind() == .object else { throw .invalidEntry(tensor: name, field: "entry") }
        var type: ElementType?
        var shape: [Int]?
        var offsets: [Int]?
        try object(duplicate: { .duplicateKey("\(name).\($0)") }) { (parser, key) throws(SafetensorsError) in
            switch key {
            case "dtype":
                guard try parser.kind() == .string else { throw .invalidEntry(tensor: name, field: key) }
                let text = try parser.scan { (scanner) throws(JSONError) in try scanner.string() }
                type = ElementType(rawValue: text)
                if type == nil { throw .unknownType(tensor: name, type: text) }
            case "shape":
                shape = try parser.integers(of: name, key, otherwise: .invalidShape(tensor: name))
            case "data_offsets":
                offsets = try parser.integers(of: name, key, otherwise: .invalidOffsets(tensor: name))
            default:
                try parser.scan { (scanner) throws(JSONError) in
                    try scanner.skipValue(depthLimit: Self.depthLimit)
                }
            }
        }
        guard let type else { throw .invalidEntry(tensor: name, field: "dtype") }
        guard let shape else { throw .invalidEntry(tensor: name, field: "shape") }
        guard let offsets else { throw .invalidEntry(tensor: name, field: "data_offsets") }
        guard offsets.count == 2 else { throw .invalidOffsets(tensor: name) }
        return SafetensorsHeader.Tensor(
            name: name, type: type, shape: shape, begin: UInt64(offsets[0]), end: UInt64(offsets[1]))
    }

    /// An array of whole numbers from 0 up; a whole number beyond 63 bits is an overflow of the shape.
    private mutating func integers(
        of name: String, _ field: String, otherwise invalid: SafetensorsError
    ) throws(SafetensorsError) -> [Int] {
        guard try kind() == .array else { throw .invalidEntry(tensor: name, field: field) }
        try scan { (scanner) throws(JSONError) in try scanner.expect("[") }
        var numbers: [Int] = []
        if scanner.skip("]") { return numbers }
        repeat {
            guard try kind() == .number else { throw invalid }
            let text = try scan { (scanner) throws(JSONError) in try scanner.number() }
            guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
                throw invalid
            }
            guard let number = Int(text) else {
                throw field == "shape" ? .sizeOverflow(tensor: name) : invalid
            }
            numbers.append(number)
        } while scanner.skip(",")
        try scan { (scanner) throws(JSONError) in try scanner.expect("]") }
        return numbers
    }
}
