/// Why a text is not JSON, and where.
public struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong.
    public enum Reason: Hashable, Sendable {
        case invalidUTF8
        /// The text ended inside a value.
        case unexpectedEnd
        /// A comma after the last value of an array or object.
        case trailingComma
        /// `//`, `/*` or `#`, which JSON has not.
        case comment
        /// HTML in place of JSON.
        case webPage
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
            case .trailingComma: "a comma after the last value"
            case .comment: "a comment, which JSON has not"
            case .webPage: "a web page, and no JSON"
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

    /// What to do about a slip of whoever wrote the text by hand; `nil` for what a hand does not do.
    public var remedy: String? {
        switch reason {
        case .trailingComma, .comment: "remove it"
        default: nil
        }
    }

    /// The same, said in the words of who wrote it, where the text shows what was meant.
    func explained(by text: ArraySlice<UInt8>) -> JSONError {
        switch reason {
        case .unexpectedByte, .trailingBytes, .unexpectedEnd: break
        default: return self
        }
        let place = text.startIndex + offset
        let space: [UInt8] = [0x20, 0x09, 0x0A, 0x0D]
        var found = self
        let rest = text[min(place, text.endIndex)...]
        let before = text[..<min(place, text.endIndex)]
        if offset == before.prefix(while: space.contains).count, TextEncoding.isWebPage(rest) {
            found.reason = .webPage
        } else if rest.first == UInt8(ascii: "#") || rest.starts(with: "//".utf8)
            || rest.starts(with: "/*".utf8)
        {
            found.reason = .comment
        } else if let last = before.lastIndex(where: { !space.contains($0) }),
            text[last] == UInt8(ascii: ","),
            rest.first == UInt8(ascii: "}") || rest.first == UInt8(ascii: "]")
        {
            found.reason = .trailingComma
            found.offset = last - text.startIndex
            found.line -= text[last..<place].count { $0 == 0x0A }
        }
        return found
    }
}
