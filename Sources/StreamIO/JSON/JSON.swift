/// A JSON value (RFC 8259) that keeps the order of members and the spelling of numbers.
public indirect enum JSON: Hashable, Sendable {
    case null
    case bool(Bool)
    /// As written.
    case number(String)
    case string(String)
    case array([JSON])
    case object(JSONObject)

    /// Reads one value; white space may surround it.
    ///
    /// - Parameters:
    ///   - depthLimit: the most arrays and objects inside each other.
    ///   - allowsNonfinite: whether `NaN`, `Infinity` and `-Infinity` are numbers, as in Python.
    ///   - isLenient: whether a byte order mark before the text is passed over, and of a key that is there twice the last
    ///     value taken, as Python does: for files that people wrote.
    ///   - valueLimit: the most values, those of arrays and objects counted too. Each takes up to `bytesPerValue`, where a
    ///     text has two for it.
    public init(
        parsing bytes: [UInt8], depthLimit: Int = 64, allowsNonfinite: Bool = false, isLenient: Bool = false,
        valueLimit: Int = .max
    ) throws(JSONError) {
        if let place = TextEncoding.firstInvalid(in: bytes) {
            throw JSONScanner(bytes).error(.invalidUTF8, at: place)
        }
        let start = isLenient && bytes.starts(with: TextEncoding.mark) ? TextEncoding.mark.count : 0
        var scanner = JSONScanner(
            bytes, start..<bytes.count, allowsNonfinite: allowsNonfinite, allowsRepeats: isLenient,
            valueLimit: valueLimit)
        do throws(JSONError) {
            self = try scanner.value(depthLimit: depthLimit)
            try scanner.expectEnd()
        } catch {
            throw error.explained(by: bytes[start...])
        }
    }

    /// What a value takes in memory, in bytes, at most, its text aside.
    public static let bytesPerValue = 350

    /// This value and those in it.
    public var valueCount: Int {
        switch self {
        case .array(let elements): elements.reduce(1) { $0 + $1.valueCount }
        case .object(let object): object.members.reduce(1) { $0 + $1.value.valueCount }
        default: 1
        }
    }

    /// A whole number.
    public static func int(_ value: some BinaryInteger) -> JSON { .number(String(value)) }

    /// A finite number, in the shortest spelling that reads back the same; `null` for others.
    public static func double(_ value: Double) -> JSON { value.isFinite ? .number("\(value)") : .null }

    /// `nil` for other kinds.
    public var stringValue: String? { if case .string(let value) = self { value } else { nil } }
    /// `nil` for other kinds.
    public var boolValue: Bool? { if case .bool(let value) = self { value } else { nil } }
    /// `nil` for other kinds.
    public var arrayValue: [JSON]? { if case .array(let value) = self { value } else { nil } }
    /// `nil` for other kinds.
    public var objectValue: JSONObject? { if case .object(let value) = self { value } else { nil } }
    /// `nil` for numbers with a fraction or an exponent and those outside `Int`.
    public var intValue: Int? { if case .number(let text) = self { Int(text) } else { nil } }
    /// `nil` for what is no whole number from 0 to 2⁶³−1.
    public var countValue: UInt64? { intValue.flatMap { UInt64(exactly: $0) } }
    /// The nearest value; `nil` for other kinds.
    public var doubleValue: Double? { if case .number(let text) = self { Double(text) } else { nil } }
    /// Whether this is `null`.
    public var isNull: Bool { self == .null }

    /// The value of an object's key; `nil` for other kinds. Setting does nothing to other kinds.
    public subscript(key: String) -> JSON? {
        get { objectValue?[key] }
        set {
            guard case .object(var object) = self else { return }
            object[key] = newValue
            self = .object(object)
        }
    }

    /// The text of the value, without a line end after it.
    ///
    /// - Parameters:
    ///   - indent: spaces per level, each member and element on its own line; `nil` for one line.
    ///   - level: how many levels enclose the value, of whose lines the first is begun.
    public func serialized(indentedBy indent: Int? = nil, level: Int = 0) -> String {
        var text = ""
        write(to: &text, indent: indent, level: level)
        return text
    }

    private func write(to text: inout String, indent: Int?, level: Int) {
        switch self {
        case .null: text += "null"
        case .bool(let value): text += value ? "true" : "false"
        case .number(let value): text += value
        case .string(let value): Self.write(value, to: &text)
        case .array(let elements):
            text += "["
            for (index, element) in elements.enumerated() {
                if index > 0 { text += indent == nil ? ", " : "," }
                Self.breakLine(&text, indent, level + 1)
                element.write(to: &text, indent: indent, level: level + 1)
            }
            if !elements.isEmpty { Self.breakLine(&text, indent, level) }
            text += "]"
        case .object(let object):
            text += "{"
            for (index, member) in object.members.enumerated() {
                if index > 0 { text += indent == nil ? ", " : "," }
                Self.breakLine(&text, indent, level + 1)
                Self.write(member.key, to: &text)
                text += ": "
                member.value.write(to: &text, indent: indent, level: level + 1)
            }
            if !object.isEmpty { Self.breakLine(&text, indent, level) }
            text += "}"
        }
    }

    private static func breakLine(_ text: inout String, _ indent: Int?, _ level: Int) {
        guard let indent else { return }
        text += "\n"
        text += String(repeating: " ", count: indent * level)
    }

    /// Appends a string in quotes, with the escapes that JSON requires and no others.
    static func write(_ string: String, to text: inout String) {
        guard
            string.utf8.contains(where: { $0 < 0x20 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") })
        else {
            text += "\""
            text += string
            text += "\""
            return
        }
        text.unicodeScalars.append("\"")
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case "\u{0}"..<" ":
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text.unicodeScalars.append("\"")
    }
}
