import Glibc

/// Keys and texts where they lie in the window of a `JSONReader`.
extension UnsafeBufferPointer<UInt8> {
    /// Whether these are the bytes of a text.
    func equals(_ text: StaticString) -> Bool {
        guard let baseAddress, count == text.utf8CodeUnitCount else { return false }
        return memcmp(baseAddress, text.utf8Start, count) == 0
    }

    /// The text that these bytes, valid UTF-8, are.
    var text: String { String(decoding: self, as: UTF8.self) }
}
