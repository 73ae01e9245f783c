/// What a header says of one tensor, not yet validated.
struct HeaderEntry {
    /// Its bytes in UTF-8.
    var name: [UInt8] = []
    var type = ElementType.u8
    var shape: [Int] = []
    /// Where its data begins and ends, in bytes after the header.
    var begin = 0
    var end = 0

    /// For messages.
    var nameText: String { String(decoding: name, as: UTF8.self) }
}
