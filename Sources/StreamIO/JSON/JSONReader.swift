import Glibc

/// Reads a JSON text (RFC 8259) of any length piece by piece, without holding it or building values of it.
///
/// Takes one window of `windowBytes` of memory, whatever the text. For the texts that grow with a model: headers and
/// indexes. Errors are `JSONError`s, and what the source of the bytes throws.
package struct JSONReader: ~Copyable {
    /// What a value starting at the current byte is.
    package enum Kind {
        case object, array, string, number, bool, null
    }

    /// A number, as far as counts and offsets go.
    package enum Number: Equatable {
        case whole(Int)
        /// A whole number from 0 up beyond 63 bits.
        case tooLarge
        /// Negative, or with a fraction or exponent.
        case other
    }

    /// Bytes of the text in memory at a time.
    static let windowBytes = 1 << 18
    /// The longest string that is handed out, in bytes; longer ones are only stepped over.
    static let stringLimit = 1 << 16

    /// Fills a buffer from an offset of the text on, and returns how much of it.
    package typealias Source = (UnsafeMutableRawBufferPointer, Int) throws -> Int

    private let source: Source
    private let byteCount: Int
    private let allowsNonfinite: Bool
    private let window: UnsafeMutablePointer<UInt8>
    /// Where the window starts in the text.
    private var windowStart = 0
    /// In the window: the next byte, the end of those that are valid UTF-8, and the end of those read.
    private var offset = 0
    private var end = 0
    private var filled = 0
    /// In the window: where the string under way starts, and where its decoded bytes end; `nil` where none is kept.
    private var token: Int?
    private var decoded = 0
    private var line = 1

    /// - Parameters:
    ///   - byteCount: the length of the text.
    ///   - allowsNonfinite: whether `NaN`, `Infinity` and `-Infinity` are numbers, as in Python.
    package init(byteCount: Int, allowsNonfinite: Bool = false, source: @escaping Source) {
        self.byteCount = byteCount
        self.allowsNonfinite = allowsNonfinite
        self.source = source
        window = .allocate(capacity: Self.windowBytes)
    }

    deinit { window.deallocate() }

    func error(_ reason: JSONError.Reason, at place: Int? = nil) -> JSONError {
        JSONError(reason: reason, offset: place ?? position, line: line)
    }

    /// The next byte's offset in the text.
    package var position: Int { windowStart + offset }

    private mutating func unexpected() throws -> JSONError {
        error(try peek().map { .unexpectedByte($0) } ?? .unexpectedEnd)
    }

    // MARK: Bytes

    @inline(__always)
    private mutating func peek() throws -> UInt8? {
        if offset < end { return window[offset] }
        return try refill() ? window[offset] : nil
    }

    /// Moves the window on, keeping the string under way; `false` at the end of the text.
    private mutating func refill() throws -> Bool {
        repeat {
            moveToFront()
            let room = min(Self.windowBytes - filled, byteCount - windowStart - filled)
            let count =
                room > 0
                ? try source(
                    UnsafeMutableRawBufferPointer(start: window + filled, count: room), windowStart + filled)
                : 0
            if count == 0 {
                if filled > end { throw error(.invalidUTF8, at: windowStart + end) }
                return false
            }
            filled += count
            let checked = windowStart + filled < byteCount ? scalarBoundary() : filled
            let piece = UnsafeBufferPointer(start: window + end, count: checked - end)
            guard (try? UTF8Span(validating: piece.span)) != nil else {
                throw error(.invalidUTF8, at: windowStart + end)
            }
            end = checked
        } while offset == end
        return true
    }

    /// Makes room behind what is read: of what was stepped over only the string under way is kept, decoded.
    private mutating func moveToFront() {
        var kept = 0
        if let start = token {
            // What an escape under way stands for goes where the escape was: twelve bytes at most.
            let gap = min(12, offset - decoded)
            memmove(window, window + start, decoded - start)
            (token, decoded) = (0, decoded - start)
            kept = decoded + gap
        }
        let shift = offset - kept
        memmove(window + kept, window + offset, filled - offset)
        windowStart += shift
        offset -= shift
        end -= shift
        filled -= shift
    }

    /// The end of the last whole character that was read.
    private func scalarBoundary() -> Int {
        var lead = filled - 1
        while lead > end, filled - lead < 4, window[lead] & 0xC0 == 0x80 { lead -= 1 }
        let length =
            switch window[lead] {
            case 0xC0..<0xE0: 2
            case 0xE0..<0xF0: 3
            case 0xF0...0xFF: 4
            default: 1
            }
        return lead + length > filled ? lead : filled
    }

    private mutating func skipSpace() throws {
        while let byte = try peek() {
            switch byte {
            case 0x0A:
                line += 1
                offset += 1
            case 0x20, 0x09, 0x0D: offset += 1
            default: return
            }
        }
    }

    /// Whether a byte comes next, before any white space.
    mutating func isNext(_ byte: Unicode.Scalar) throws -> Bool { try peek() == UInt8(ascii: byte) }

    /// Steps over one byte of punctuation, if it comes next after white space.
    package mutating func skip(_ byte: Unicode.Scalar) throws -> Bool {
        try skipSpace()
        guard try peek() == UInt8(ascii: byte) else { return false }
        offset += 1
        return true
    }

    /// Steps over one byte of punctuation, which must come next.
    package mutating func expect(_ byte: Unicode.Scalar) throws {
        guard try skip(byte) else { throw try unexpected() }
    }

    /// Requires that nothing but white space is left.
    mutating func expectEnd() throws {
        try skipSpace()
        if try peek() != nil { throw error(.trailingBytes) }
    }

    // MARK: Values

    /// The kind of the value that comes next.
    package mutating func kind() throws -> Kind {
        try skipSpace()
        guard let byte = try peek() else { throw error(.unexpectedEnd) }
        switch byte {
        case UInt8(ascii: "{"): return .object
        case UInt8(ascii: "["): return .array
        case UInt8(ascii: "\""): return .string
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
        case UInt8(ascii: "N") where allowsNonfinite, UInt8(ascii: "I") where allowsNonfinite: return .number
        case UInt8(ascii: "t"), UInt8(ascii: "f"): return .bool
        case UInt8(ascii: "n"): return .null
        default: throw try unexpected()
        }
    }

    private mutating func word(_ text: StaticString) throws {
        for at in 0..<text.utf8CodeUnitCount {
            guard try peek() == text.utf8Start[at] else { throw try unexpected() }
            offset += 1
        }
    }

    /// Steps over `true` or `false`.
    package mutating func bool() throws -> Bool {
        try skipSpace()
        let isTrue = try peek() == UInt8(ascii: "t")
        try word(isTrue ? "true" : "false")
        return isTrue
    }

    /// Steps over a number.
    package mutating func number() throws -> Number {
        try skipSpace()
        let start = position
        var isWhole = true
        if try peek() == UInt8(ascii: "-") {
            offset += 1
            isWhole = false
        }
        if allowsNonfinite, let byte = try peek(), byte == UInt8(ascii: "N") || byte == UInt8(ascii: "I") {
            try word(byte == UInt8(ascii: "I") ? "Infinity" : "NaN")
            return .other
        }
        var value: Int? = 0
        if try peek() == UInt8(ascii: "0") {
            offset += 1
        } else {
            value = try digits(from: start)
        }
        if try peek() == UInt8(ascii: ".") {
            offset += 1
            _ = try digits(from: start)
            isWhole = false
        }
        if let byte = try peek(), byte | 0x20 == UInt8(ascii: "e") {
            offset += 1
            if let sign = try peek(), sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { offset += 1 }
            _ = try digits(from: start)
            isWhole = false
        }
        return isWhole ? value.map { .whole($0) } ?? .tooLarge : .other
    }

    /// The value of one digit or more; `nil` beyond 63 bits.
    private mutating func digits(from start: Int) throws -> Int? {
        var value: Int? = 0
        var isThere = false
        while let byte = try peek(), (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
            isThere = true
            offset += 1
            guard let so = value else { continue }
            let (tens, isOver) = so.multipliedReportingOverflow(by: 10)
            let (sum, isOverToo) = tens.addingReportingOverflow(Int(byte - UInt8(ascii: "0")))
            value = isOver || isOverToo ? nil : sum
        }
        guard isThere else { throw error(.invalidNumber, at: start) }
        return value
    }

    /// Steps over a value of any kind.
    package mutating func skipValue(depthLimit: Int, depth: Int = 0) throws {
        switch try kind() {
        case .null: try word("null")
        case .bool: try peek() == UInt8(ascii: "t") ? try word("true") : try word("false")
        case .number: _ = try number()
        case .string: _ = try string(atMost: 0)
        case .array:
            guard depth < depthLimit else { throw error(.tooDeep(limit: depthLimit)) }
            try expect("[")
            if try skip("]") { return }
            repeat { try skipValue(depthLimit: depthLimit, depth: depth + 1) } while try skip(",")
            try expect("]")
        case .object:
            guard depth < depthLimit else { throw error(.tooDeep(limit: depthLimit)) }
            try expect("{")
            if try skip("}") { return }
            repeat {
                _ = try string(atMost: 0)
                try expect(":")
                try skipValue(depthLimit: depthLimit, depth: depth + 1)
            } while try skip(",")
            try expect("}")
        }
    }

    // MARK: Strings

    /// Steps over a string.
    ///
    /// - Parameter limit: at most `stringLimit`.
    /// - Returns: its bytes, escapes decoded, which are there until the next step; `nil` where it has more than `limit`.
    package mutating func string(atMost limit: Int) throws -> UnsafeBufferPointer<UInt8>? {
        precondition(limit <= Self.stringLimit, "no string is that long")
        try expect("\"")
        token = offset
        decoded = offset
        defer { token = nil }
        while true {
            try stepOverPlain()
            if let start = token, decoded - start > limit { token = nil }
            guard let byte = try peek() else { throw error(.unexpectedEnd) }
            switch byte {
            case UInt8(ascii: "\""):
                offset += 1
                return token.map { UnsafeBufferPointer(start: window + $0, count: decoded - $0) }
            case UInt8(ascii: "\\"): try add(try escape())
            case 0..<0x20: throw error(.invalidString)
            // The window has moved on.
            default: continue
            }
        }
    }

    /// Steps over what stands for itself, as far as the window goes.
    @inline(__always)
    private mutating func stepOverPlain() throws {
        var at = offset
        while at < end {
            let byte = window[at]
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte < 0x20 { break }
            at += 1
        }
        if token != nil {
            if decoded != offset { memmove(window + decoded, window + offset, at - offset) }
            decoded += at - offset
        }
        offset = at
    }

    /// Adds a decoded character to the string under way: never longer than its escape was.
    private mutating func add(_ scalar: Unicode.Scalar) throws {
        guard token != nil else { return }
        for byte in UTF8.encode(scalar).unsafelyUnwrapped {
            window[decoded] = byte
            decoded += 1
        }
    }

    /// The character of an escape sequence, whose backslash comes next.
    private mutating func escape() throws -> Unicode.Scalar {
        let place = position
        offset += 1
        let letter = try next()
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
            guard unit < 0xDC00, try next() == UInt8(ascii: "\\"), try next() == UInt8(ascii: "u") else {
                throw error(.invalidString, at: place)
            }
            let low = try hexadecimal(place)
            guard (0xDC00...0xDFFF).contains(low),
                let scalar = Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00))
            else { throw error(.invalidString, at: place) }
            return scalar
        default: throw error(.invalidString, at: place)
        }
    }

    private mutating func next() throws -> UInt8 {
        guard let byte = try peek() else { throw error(.unexpectedEnd) }
        offset += 1
        return byte
    }

    private mutating func hexadecimal(_ place: Int) throws -> UInt32 {
        var unit: UInt32 = 0
        for _ in 0..<4 {
            let byte = try next()
            guard byte < 0x80, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw error(.invalidString, at: place)
            }
            unit = unit << 4 | UInt32(digit)
        }
        return unit
    }
}

extension JSONReader {
    /// Calls `member` at the value of each member of an object, with its key: at most `keyLimit` bytes of it.
    ///
    /// - Parameter tooLong: what is thrown for a longer key.
    mutating func object(
        keyLimit: Int, tooLong: any Error,
        _ member: (inout JSONReader, UnsafeBufferPointer<UInt8>) throws -> Void
    ) throws {
        try expect("{")
        if try skip("}") { return }
        repeat {
            try skipSpace()
            guard let key = try string(atMost: keyLimit) else { throw tooLong }
            try member(&self, key)
        } while try skip(",")
        try expect("}")
    }
}
