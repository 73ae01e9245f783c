/// Reads the pieces of a JSON text (RFC 8259) one after the other, without building the whole.
///
/// The caller has checked that the bytes are UTF-8.
struct JSONScanner {
    /// What a value starting at the current byte is.
    enum Kind {
        case object, array, string, number, bool, null
    }

    private let bytes: [UInt8]
    private let start: Int
    private let end: Int
    private(set) var offset: Int
    /// Whether `NaN`, `Infinity` and `-Infinity` are numbers, as Python's `json` writes them.
    private let allowsNonfinite: Bool
    /// Whether of a key that is there twice the last value counts.
    private let allowsRepeats: Bool
    private let valueLimit: Int
    private var valuesLeft: Int

    /// Of the text in a range of the bytes; in all of them where none is given.
    init(
        _ bytes: [UInt8], _ range: Range<Int>? = nil, allowsNonfinite: Bool = false,
        allowsRepeats: Bool = false, valueLimit: Int = .max
    ) {
        self.bytes = bytes
        start = range?.lowerBound ?? 0
        end = range?.upperBound ?? bytes.count
        offset = start
        self.allowsNonfinite = allowsNonfinite
        self.allowsRepeats = allowsRepeats
        self.valueLimit = valueLimit
        valuesLeft = valueLimit
    }

    func error(_ reason: JSONError.Reason, at place: Int? = nil) -> JSONError {
        let place = place ?? offset
        let line = bytes[start..<min(place, end)].reduce(1) { $1 == UInt8(ascii: "\n") ? $0 + 1 : $0 }
        return JSONError(reason: reason, offset: place - start, line: line)
    }

    private func unexpected() -> JSONError {
        error(offset < end ? .unexpectedByte(bytes[offset]) : .unexpectedEnd)
    }

    mutating func skipSpace() {
        while offset < end {
            switch bytes[offset] {
            case 0x20, 0x09, 0x0A, 0x0D: offset += 1
            default: return
            }
        }
    }

    /// Steps over one byte of punctuation, if it comes next after white space.
    mutating func skip(_ byte: Unicode.Scalar) -> Bool {
        skipSpace()
        guard offset < end, bytes[offset] == UInt8(ascii: byte) else { return false }
        offset += 1
        return true
    }

    mutating func expect(_ byte: Unicode.Scalar) throws(JSONError) {
        guard skip(byte) else { throw unexpected() }
    }

    /// Requires that nothing but white space is left.
    mutating func expectEnd() throws(JSONError) {
        skipSpace()
        if offset < end { throw error(.trailingBytes) }
    }

    /// The kind of the value that comes next.
    mutating func kind() throws(JSONError) -> Kind {
        skipSpace()
        guard offset < end else { throw unexpected() }
        switch bytes[offset] {
        case UInt8(ascii: "{"): return .object
        case UInt8(ascii: "["): return .array
        case UInt8(ascii: "\""): return .string
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
        case UInt8(ascii: "N"), UInt8(ascii: "I"):
            guard allowsNonfinite else { throw unexpected() }
            return .number
        case UInt8(ascii: "t"), UInt8(ascii: "f"): return .bool
        case UInt8(ascii: "n"): return .null
        default: throw unexpected()
        }
    }

    private mutating func word(_ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard end - offset >= count else { return false }
        for at in 0..<count where bytes[offset + at] != text.utf8Start[at] { return false }
        offset += count
        return true
    }

    mutating func null() throws(JSONError) {
        skipSpace()
        guard word("null") else { throw unexpected() }
    }

    mutating func bool() throws(JSONError) -> Bool {
        skipSpace()
        if word("true") { return true }
        guard word("false") else { throw unexpected() }
        return false
    }

    /// A number as it is written.
    mutating func number() throws(JSONError) -> String {
        skipSpace()
        let start = offset
        if allowsNonfinite, word("NaN") || word("Infinity") || word("-Infinity") {
            return String(decoding: bytes[start..<offset], as: UTF8.self)
        }
        if offset < end, bytes[offset] == UInt8(ascii: "-") { offset += 1 }
        if offset < end, bytes[offset] == UInt8(ascii: "0") {
            offset += 1
        } else {
            try digits(from: start)
        }
        if offset < end, bytes[offset] == UInt8(ascii: ".") {
            offset += 1
            try digits(from: start)
        }
        if offset < end, bytes[offset] | 0x20 == UInt8(ascii: "e") {
            offset += 1
            if offset < end, bytes[offset] == UInt8(ascii: "+") || bytes[offset] == UInt8(ascii: "-") {
                offset += 1
            }
            try digits(from: start)
        }
        return String(decoding: bytes[start..<offset], as: UTF8.self)
    }

    private mutating func digits(from start: Int) throws(JSONError) {
        let first = offset
        while offset < end, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[offset]) { offset += 1 }
        if offset == first { throw error(.invalidNumber, at: start) }
    }

    mutating func string() throws(JSONError) -> String {
        try expect("\"")
        var start = offset
        var decoded: [UInt8] = []
        while offset < end {
            switch bytes[offset] {
            case UInt8(ascii: "\""):
                let rest = bytes[start..<offset]
                offset += 1
                if decoded.isEmpty { return String(decoding: rest, as: UTF8.self) }
                decoded.append(contentsOf: rest)
                return String(decoding: decoded, as: UTF8.self)
            case UInt8(ascii: "\\"):
                decoded.append(contentsOf: bytes[start..<offset])
                decoded.append(contentsOf: String(Character(try escape())).utf8)
                start = offset
            case 0..<0x20:
                throw error(.invalidString)
            default:
                offset += 1
            }
        }
        throw error(.unexpectedEnd)
    }

    /// The character of an escape sequence, whose backslash comes next.
    private mutating func escape() throws(JSONError) -> Unicode.Scalar {
        let place = offset
        guard end - offset >= 2 else { throw error(.unexpectedEnd, at: end) }
        let letter = bytes[offset + 1]
        offset += 2
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(letter)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            let unit = try hexadecimal(place)
            if let scalar = Unicode.Scalar(unit) { return scalar }
            guard unit < 0xDC00, word("\\u") else { throw error(.invalidString, at: place) }
            let low = try hexadecimal(place)
            guard (0xDC00...0xDFFF).contains(low),
                let scalar = Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00))
            else { throw error(.invalidString, at: place) }
            return scalar
        default: throw error(.invalidString, at: place)
        }
    }

    private mutating func hexadecimal(_ place: Int) throws(JSONError) -> UInt32 {
        guard end - offset >= 4 else { throw error(.unexpectedEnd, at: end) }
        var unit: UInt32 = 0
        for byte in bytes[offset..<offset + 4] {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
                throw error(.invalidString, at: place)
            }
            unit = unit << 4 | UInt32(digit)
        }
        offset += 4
        return unit
    }

    /// A value of any kind, whole.
    mutating func value(depthLimit: Int, depth: Int = 0) throws(JSONError) -> JSON {
        guard valuesLeft > 0 else { throw error(.tooManyValues(limit: valueLimit)) }
        valuesLeft -= 1
        switch try kind() {
        case .null:
            try null()
            return .null
        case .bool: return .bool(try bool())
        case .number: return .number(try number())
        case .string: return .string(try string())
        case .array:
            guard depth < depthLimit else { throw error(.tooDeep(limit: depthLimit)) }
            try expect("[")
            var elements: [JSON] = []
            if skip("]") { return .array(elements) }
            repeat { elements.append(try value(depthLimit: depthLimit, depth: depth + 1)) } while skip(",")
            try expect("]")
            return .array(elements)
        case .object:
            guard depth < depthLimit else { throw error(.tooDeep(limit: depthLimit)) }
            try expect("{")
            var object = JSONObject()
            if skip("}") { return .object(object) }
            repeat {
                skipSpace()
                let place = offset
                let key = try string()
                try expect(":")
                let value = try value(depthLimit: depthLimit, depth: depth + 1)
                if allowsRepeats {
                    object[key] = value
                } else if !object.insert(value, for: key) {
                    throw error(.duplicateKey(key), at: place)
                }
            } while skip(",")
            try expect("}")
            return .object(object)
        }
    }
}
