/// Reads the JSON of a safetensors header straight into entries, without building values of it.
struct SafetensorsParser: ~Copyable {
    /// The longest name of a tensor, in bytes.
    static let nameLimit = 4096
    /// The most dimensions of a tensor, as many as PyTorch's have.
    static let rankLimit = 64
    /// Bytes of metadata that are kept.
    static let metadataByteLimit = 1 << 16
    /// The most keys of the metadata, and of one entry.
    private static let metadataKeyLimit = 4096
    private static let fieldLimit = 64
    /// The most arrays and objects inside each other in a field that the format does not know.
    private static let depthLimit = 64

    private var reader: JSONReader
    /// One at a time: nothing is allocated for each.
    private var entry = HeaderEntry()
    /// Of the last entry, as most have the same.
    private var typeName: [UInt8] = []
    private var metadata: [String: String] = [:]

    private init(_ reader: consuming JSONReader) {
        self.reader = reader
    }

    /// Reads a header's JSON and hands out its entries in the order written; a name may come twice.
    ///
    /// - Returns: the metadata, of more than `metadataByteLimit` what fits.
    /// - Throws: `SafetensorsError`, and what `entry` and the reader's source throw.
    static func parse(
        _ reader: consuming JSONReader, _ entry: (HeaderEntry) throws -> Void
    ) throws -> [String: String] {
        var parser = Self(reader)
        do {
            try parser.content(entry)
            return parser.metadata
        } catch let error as JSONError {
            switch error.reason {
            case .invalidUTF8: throw SafetensorsError.invalidUTF8
            default: throw SafetensorsError.invalidJSON(error)
            }
        }
    }

    private mutating func content(_ receive: (HeaderEntry) throws -> Void) throws {
        var hasMetadata = false
        guard try reader.isNext("{") else { throw SafetensorsError.invalidStart }
        try reader.expect("{")
        if try !reader.skip("}") {
            repeat {
                try name()
                try reader.expect(":")
                if entry.name.elementsEqual("__metadata__".utf8) {
                    guard !hasMetadata else { throw SafetensorsError.duplicateTensor("__metadata__") }
                    hasMetadata = true
                    try readMetadata()
                } else {
                    try readEntry()
                    try receive(entry)
                }
            } while try reader.skip(",")
            try reader.expect("}")
        }
        try reader.expectEnd()
    }

    private mutating func name() throws {
        guard let name = try reader.string(atMost: Self.nameLimit) else {
            throw SafetensorsError.nameTooLong(limit: Self.nameLimit)
        }
        entry.name.removeAll(keepingCapacity: true)
        entry.name.append(contentsOf: name)
    }

    private mutating func readMetadata() throws {
        switch try reader.kind() {
        case .null:
            try reader.skipValue(depthLimit: 0)
            return
        case .object: break
        default: throw SafetensorsError.invalidMetadata(key: "its value")
        }
        var keys: Set<ExactString> = []
        var room = Self.metadataByteLimit
        try reader.expect("{")
        if try reader.skip("}") { return }
        repeat {
            guard let bytes = try reader.string(atMost: Self.nameLimit) else {
                throw SafetensorsError.nameTooLong(limit: Self.nameLimit)
            }
            let key = bytes.text
            guard keys.insert(ExactString(key)).inserted else { throw SafetensorsError.duplicateKey(key) }
            guard keys.count <= Self.metadataKeyLimit else {
                throw SafetensorsError.tooManyKeys(of: "__metadata__", limit: Self.metadataKeyLimit)
            }
            try reader.expect(":")
            guard try reader.kind() == .string else { throw SafetensorsError.invalidMetadata(key: key) }
            if let value = try reader.string(atMost: max(0, room - key.utf8.count)) {
                room -= key.utf8.count + value.count
                metadata[key] = value.text
            }
        } while try reader.skip(",")
        try reader.expect("}")
    }

    private mutating func readEntry() throws {
        guard try reader.kind() == .object else { throw invalid("entry") }
        var hasType = false, hasShape = false, hasOffsets = false
        var others: Set<ExactString> = []
        entry.shape.removeAll(keepingCapacity: true)
        try reader.expect("{")
        if try !reader.skip("}") {
            repeat {
                guard let key = try reader.string(atMost: Self.nameLimit) else {
                    throw SafetensorsError.nameTooLong(limit: Self.nameLimit)
                }
                if key.equals("dtype") {
                    try once(&hasType, "dtype")
                    try readType()
                } else if key.equals("shape") {
                    try once(&hasShape, "shape")
                    try readShape()
                } else if key.equals("data_offsets") {
                    try once(&hasOffsets, "data_offsets")
                    try readOffsets()
                } else {
                    try skipField(key.text, &others)
                }
            } while try reader.skip(",")
            try reader.expect("}")
        }
        guard hasType else { throw invalid("dtype") }
        guard hasShape else { throw invalid("shape") }
        guard hasOffsets else { throw invalid("data_offsets") }
    }

    private func invalid(_ field: String) -> SafetensorsError {
        .invalidEntry(tensor: entry.nameText, field: field)
    }

    /// Notes a field and steps over its colon.
    private mutating func once(_ isThere: inout Bool, _ field: String) throws {
        if isThere { throw SafetensorsError.duplicateKey("\(entry.nameText).\(field)") }
        isThere = true
        try reader.expect(":")
    }

    private mutating func skipField(_ key: String, _ others: inout Set<ExactString>) throws {
        guard others.insert(ExactString(key)).inserted else {
            throw SafetensorsError.duplicateKey("\(entry.nameText).\(key)")
        }
        guard others.count <= Self.fieldLimit else {
            throw SafetensorsError.tooManyKeys(of: entry.nameText, limit: Self.fieldLimit)
        }
        try reader.expect(":")
        try reader.skipValue(depthLimit: Self.depthLimit)
    }

    private mutating func readType() throws {
        guard try reader.kind() == .string, let text = try reader.string(atMost: Self.nameLimit) else {
            throw invalid("dtype")
        }
        if typeName.elementsEqual(text) { return }
        guard let type = ElementType(rawValue: text.text) else {
            throw SafetensorsError.unknownType(tensor: entry.nameText, type: text.text)
        }
        entry.type = type
        typeName = Array(text)
    }

    private mutating func readShape() throws {
        guard try reader.kind() == .array else { throw invalid("shape") }
        try reader.expect("[")
        if try reader.skip("]") { return }
        repeat {
            guard try reader.kind() == .number else {
                throw SafetensorsError.invalidShape(tensor: entry.nameText)
            }
            switch try reader.number() {
            case .whole(let dimension): entry.shape.append(dimension)
            case .tooLarge: throw SafetensorsError.sizeOverflow(tensor: entry.nameText)
            case .other: throw SafetensorsError.invalidShape(tensor: entry.nameText)
            }
            guard entry.shape.count <= Self.rankLimit else {
                throw SafetensorsError.tooManyDimensions(tensor: entry.nameText, limit: Self.rankLimit)
            }
        } while try reader.skip(",")
        try reader.expect("]")
    }

    private mutating func readOffsets() throws {
        guard try reader.kind() == .array else { throw invalid("data_offsets") }
        try reader.expect("[")
        entry.begin = try readOffset()
        guard try reader.skip(",") else { throw SafetensorsError.invalidOffsets(tensor: entry.nameText) }
        entry.end = try readOffset()
        guard try reader.skip("]") else { throw SafetensorsError.invalidOffsets(tensor: entry.nameText) }
    }

    private mutating func readOffset() throws -> Int {
        guard try reader.kind() == .number, case .whole(let offset) = try reader.number() else {
            throw SafetensorsError.invalidOffsets(tensor: entry.nameText)
        }
        return offset
    }
}
