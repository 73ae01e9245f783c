/// Writes the header of a safetensors file tensor by tensor, its data laid out without holes.
///
/// The bytes are those of `SafetensorsHeader(layingOut:metadata:).encoded()`.
public struct SafetensorsHeaderEncoder {
    /// The JSON so far, after room for its length.
    private var bytes: [UInt8]
    private var isFirst = true
    /// Where the next tensor's data begins, in bytes after the header.
    private var offset: UInt64 = 0
    /// The JSON's length where it is only counted.
    private var count: Int
    private let keeps: Bool

    /// - Parameters:
    ///   - metadata: `__metadata__`; left out where it is empty.
    ///   - keeping: the length of the whole header, where it is known and to be made; where it is `nil`, the header is
    ///     only measured, in constant memory.
    public init(metadata: [String: String] = ["format": "pt"], keeping byteCount: Int?) {
        bytes = Array(repeating: 0, count: 8)
        if let byteCount { bytes.reserveCapacity(byteCount) }
        keeps = byteCount != nil
        count = 0
        bytes.append(UInt8(ascii: "{"))
        if !metadata.isEmpty {
            start("__metadata__")
            bytes.append(UInt8(ascii: "{"))
            isFirst = true
            for (key, value) in metadata.sorted(by: { ExactString($0.key) < ExactString($1.key) }) {
                start(key)
                write(value)
            }
            bytes.append(UInt8(ascii: "}"))
            isFirst = false
        }
        settle()
    }

    /// The length of the header as it stands, its padding included.
    public var byteCount: Int {
        let alignment = SafetensorsHeader.encodedAlignment
        return (8 + count + 1 + alignment - 1) / alignment * alignment
    }

    /// Where the next tensor's data begins, in bytes after the header.
    public var dataByteCount: UInt64 { offset }

    /// Adds a tensor whose data follows that of the one before.
    ///
    /// - Parameter byteCount: the length of its data.
    public mutating func append(name: String, type: ElementType, shape: some Sequence<Int>, byteCount: UInt64)
    {
        start(name)
        write(ascii: "{\"dtype\":\"")
        bytes.append(contentsOf: type.rawValue.utf8)
        write(ascii: "\",\"shape\":[")
        for (index, dimension) in shape.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            write(UInt64(dimension))
        }
        write(ascii: "],\"data_offsets\":[")
        write(offset)
        bytes.append(UInt8(ascii: ","))
        offset += byteCount
        write(offset)
        write(ascii: "]}")
        settle()
    }

    /// The header, its length first, padded with spaces to a multiple of `encodedAlignment`.
    public consuming func encoded() -> [UInt8] {
        precondition(keeps, "the header was only measured")
        let total = byteCount
        bytes.append(UInt8(ascii: "}"))
        bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: total - bytes.count))
        withUnsafeBytes(of: UInt64(total - 8).littleEndian) { bytes.replaceSubrange(0..<8, with: $0) }
        return bytes
    }

    /// Counts what was written, and forgets it where it is only measured.
    private mutating func settle() {
        if keeps {
            count = bytes.count - 8
        } else {
            count += bytes.count - (count == 0 ? 8 : 0)
            bytes.removeAll(keepingCapacity: true)
        }
    }

    private mutating func start(_ key: String) {
        if !isFirst { bytes.append(UInt8(ascii: ",")) }
        isFirst = false
        write(key)
        bytes.append(UInt8(ascii: ":"))
    }

    private mutating func write(ascii text: StaticString) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    private mutating func write(_ number: UInt64) {
        var digits: (UInt64, Int) = (1, 1)
        while number / digits.0 >= 10 { digits = (digits.0 * 10, digits.1 + 1) }
        var rest = number
        for _ in 0..<digits.1 {
            bytes.append(UInt8(ascii: "0") + UInt8(rest / digits.0))
            rest %= digits.0
            digits.0 = max(1, digits.0 / 10)
        }
    }

    /// Writes a string in quotes, with the escapes that JSON requires and no others.
    private mutating func write(_ string: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in string.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case UInt8(ascii: "\n"): write(ascii: "\\n")
            case UInt8(ascii: "\r"): write(ascii: "\\r")
            case UInt8(ascii: "\t"): write(ascii: "\\t")
            case 0..<0x20:
                let digits = Array("0123456789abcdef".utf8)
                write(ascii: "\\u00")
                bytes.append(digits[Int(byte >> 4)])
                bytes.append(digits[Int(byte & 15)])
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
