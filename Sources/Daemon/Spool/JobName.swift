/// A job's name: `[A-Za-z0-9._-]`, at most 128 bytes, not starting with a dot.
///
/// What a name may be makes it safe as a part of any path: no separator, no `..`, no control characters, no
/// look-alikes.
struct JobName: Hashable, Comparable, Sendable, CustomStringConvertible {
    static let byteLimit = 128

    /// What a name may be, for those who chose another.
    static let rule =
        "job names are made of A-Z a-z 0-9 . _ - and have at most \(byteLimit) characters, not beginning with a dot"

    let text: String

    /// `nil` for what is not a name.
    init?(_ text: some StringProtocol) {
        guard (1...Self.byteLimit).contains(text.utf8.count), text.utf8.first != UInt8(ascii: "."),
            text.utf8.allSatisfy(Self.allows)
        else { return nil }
        self.text = String(text)
    }

    private static func allows(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    static func < (left: Self, right: Self) -> Bool {
        left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
    }

    var description: String { text }
}
