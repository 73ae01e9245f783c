/// Why a text is not JSON, and where.
public struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong.
    public enum Reason: Hashable, Sendable {
        case invalidUTF8
        /// The text ended inside a value.
        case unexpectedEnd
        /// A byte that cannot be there.
        case unexpectedByte(UInt8)
        /// Something after the value that is not white space.
        case trailingBytes
        case invalidNumber
        /// A control character, an unknown escape or half of a surrogate pair in a string.
        case invalidString
        case duplicateKey(String)
        /// More arrays and objects inside each other than allowed.
        case tooDeep(limit: Int)
        /// More values than whoever reads them takes.
        case tooManyValues(limit: Int)
    }

    /// What is wrong.
    public var reason: Reason
    /// Where, in bytes from the start of the text.
    public var offset: Int
    /// The line, from 1.
    public var line: Int

    /// The line and what is wrong there.
    public var description: String {
        let what =
            switch reason {
            case .invalidUTF8: "invalid UTF-8"
            case .unexpectedEnd: "the text ends inside a value"
            case .unexpectedByte(let byte) where (0x21...0x7E).contains(byte):
                "unexpected '\(Character(Unicode.Scalar(byte)))'"
            case .unexpectedByte(let byte): "unexpected byte \(byte)"
            case .trailingBytes: "something follows the value"
            case .invalidNumber: "invalid number"
            case .invalidString: "invalid string"
            case .duplicateKey(let key): "duplicate key \"\(key)\""
            case .tooDeep(let limit): "nested more than \(limit) deep"
            case .tooManyValues(let limit): "more than \(limit) values"
            }
        return "line \(line): \(what)"
    }
}
