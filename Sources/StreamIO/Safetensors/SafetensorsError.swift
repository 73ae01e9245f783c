/// Why a file is not a valid safetensors file. Each way of being wrong is a case of its own.
public enum SafetensorsError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Fewer than the eight bytes that hold the header's length.
    case fileTooShort(byteCount: UInt64)
    /// More than the format's limit of 100,000,000 bytes.
    case headerTooLarge(byteCount: UInt64)
    /// The header's length leads beyond the end of the file.
    case headerBeyondFile(byteCount: UInt64, fileByteCount: UInt64)
    case invalidUTF8
    /// The header does not start with `{`.
    case invalidStart
    case invalidJSON(JSONError)
    case duplicateTensor(String)
    /// A key twice in the metadata or in one tensor's entry.
    case duplicateKey(String)
    /// An entry is not an object of `dtype`, `shape` and `data_offsets` as the format has them.
    case invalidEntry(tensor: String, field: String)
    case unknownType(tensor: String, type: String)
    /// A dimension that is not a whole number from 0 up.
    case invalidShape(tensor: String)
    /// The element or byte count does not fit in 63 bits.
    case sizeOverflow(tensor: String)
    /// Offsets that are not two whole numbers from 0 up, that run backwards, or that leave the file.
    case invalidOffsets(tensor: String)
    /// The tensor starts before the one in front of it ends.
    case overlap(tensor: String)
    /// Bytes before the tensor belong to none.
    case hole(tensor: String)
    /// The offsets span another number of bytes than the shape and type take.
    case lengthMismatch(tensor: String, byteCount: UInt64, expected: UInt64)
    /// The elements, of a type smaller than a byte, do not end on a byte.
    case misaligned(tensor: String)
    /// Bytes after the last tensor belong to none.
    case trailingBytes(count: UInt64)
    /// `__metadata__` is not an object of strings.
    case invalidMetadata(key: String)
    /// A tensor's name, or another key, of more bytes than any has.
    case nameTooLong(limit: Int)
    /// Keys without end in the metadata or in one tensor's entry.
    case tooManyKeys(of: String, limit: Int)
    case tooManyDimensions(tensor: String, limit: Int)

    /// What is wrong, without the file's name.
    public var description: String {
        switch self {
        case .fileTooShort(let count): "\(count) bytes are too few for a safetensors file"
        case .headerTooLarge(let count): "the header takes \(count) bytes, the format allows 100000000"
        case .headerBeyondFile(let count, let file):
            "the header takes \(count) bytes, which leads beyond the file's \(file)"
        case .invalidUTF8: "the header is not UTF-8"
        case .invalidStart: "the header does not start with '{'"
        case .invalidJSON(let error): "the header is not JSON: \(error)"
        case .duplicateTensor(let name): "tensor \(name) is there twice"
        case .duplicateKey(let key): "key \(key) is there twice"
        case .invalidEntry(let name, let field): "tensor \(name): invalid or missing \(field)"
        case .unknownType(let name, let type): "tensor \(name): unknown dtype \(type)"
        case .invalidShape(let name): "tensor \(name): invalid shape"
        case .sizeOverflow(let name): "tensor \(name): the shape is too large for any file"
        case .invalidOffsets(let name): "tensor \(name): data_offsets run backwards or leave the file"
        case .overlap(let name): "tensor \(name) overlaps the one before it"
        case .hole(let name): "there are bytes of no tensor before \(name)"
        case .lengthMismatch(let name, let count, let expected):
            "tensor \(name): \(count) bytes of data, its shape takes \(expected)"
        case .misaligned(let name): "tensor \(name): its elements do not end on a byte"
        case .trailingBytes(let count): "\(count) bytes after the last tensor belong to none"
        case .invalidMetadata(let key): "__metadata__: \(key) is not a string"
        case .nameTooLong(let limit): "the header holds a name of more than \(limit) bytes"
        case .tooManyKeys(let name, let limit): "\(name): more than \(limit) keys"
        case .tooManyDimensions(let name, let limit): "tensor \(name): more than \(limit) dimensions"
        }
    }

    /// Whether the file may simply have been cut short, by an interrupted download for instance.
    public var suggestsTruncation: Bool {
        switch self {
        case .fileTooShort, .headerBeyondFile, .invalidOffsets: true
        default: false
        }
    }
}
