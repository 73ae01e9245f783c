import StreamIO

/// Warnings as files keep them: so many, and of each so much, that those who read the files can.
package struct LimitedWarnings {
    /// Warnings, at most; the last of more says how many there are.
    package static let countLimit = 200
    /// Characters of one, at most.
    package static let lengthLimit = 1000

    /// In order.
    package let texts: [String]

    /// The first of all.
    package init(_ all: [String]) {
        let shown = all.count > Self.countLimit ? Self.countLimit - 1 : all.count
        var texts = all.prefix(shown).map { $0.printable(atMost: Self.lengthLimit) }
        if shown < all.count {
            texts.append("and \(all.count - shown) more warning\(all.count - shown == 1 ? "" : "s")")
        }
        self.texts = texts
    }
}
