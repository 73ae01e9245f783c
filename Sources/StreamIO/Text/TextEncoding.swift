/// What is known of a text before anything is read in it.
package enum TextEncoding {
    /// What Windows' editors put before UTF-8.
    package static let mark: [UInt8] = [0xEF, 0xBB, 0xBF]

    /// Where a text is no UTF-8 for the first time; `nil` where all of it is. Without a copy.
    package static func firstInvalid(in bytes: [UInt8]) -> Int? {
        do {
            _ = try UTF8Span(validating: bytes.span)
            return nil
        } catch {
            return error.byteOffsets.lowerBound
        }
    }

    /// The line of a byte, from 1.
    package static func line(of place: Int, in bytes: [UInt8]) -> Int {
        1 + bytes[..<min(place, bytes.count)].count { $0 == 0x0A }
    }

    /// Whether a text begins as HTML and XML do: what a browser or `curl` saved in place of a file.
    package static func isWebPage(_ bytes: some Sequence<UInt8>) -> Bool {
        var rest = bytes.lazy.drop { [0x20, 0x09, 0x0A, 0x0D].contains($0) || mark.contains($0) }
            .makeIterator()
        guard rest.next() == UInt8(ascii: "<"), let next = rest.next() else { return false }
        let letter = next | 0x20
        return "!?".utf8.contains(next) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(letter)
    }
}
