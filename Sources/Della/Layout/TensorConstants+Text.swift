/// The constants as a merge's record and journal keep them.
extension TensorConstants {
    /// Words of one tensor, at most; what has more is not kept, and found anew where it is needed.
    static let wordLimit = 4096

    /// The words in hexadecimal, a space between them.
    var text: String { words.map(\.hexadecimal).joined(separator: " ") }

    /// `nil` where the text is not of that form, or has too many words.
    init?(text: String) {
        let parts = text.split(separator: " ", maxSplits: Self.wordLimit)
        let words = parts.compactMap { $0.utf8.count == 8 ? UInt32($0, radix: 16) : nil }
        guard words.count == parts.count, words.count <= Self.wordLimit else { return nil }
        self.init(words: words)
    }

    /// Words as they are; what they mean is the rule's.
    init(words: [UInt32]) {
        self.init()
        self.words = words
    }

    /// The rescale factors of a tensor's terms, in their order.
    init(factors: [Float]) { self.init(words: factors.map(\.bitPattern)) }
}
