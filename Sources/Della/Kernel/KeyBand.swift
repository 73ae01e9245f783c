/// A place in the order of a tensor's elements by key, equal keys by position.
struct KeyCut: Hashable, Sendable {
    /// The key at which the order is cut. Keys are below 2³¹.
    var key: UInt32
    /// Of elements with that key, those before this position lie on one side, the others on the other.
    var position: UInt64
}

/// What lies between two cuts: the elements of a tensor that are kept.
struct KeyBand: Hashable, Sendable {
    /// Kept are elements above it. Of its own key, the earlier or the later.
    var low: KeyCut
    /// Kept are elements below it. Of its own key, the earlier.
    var high: KeyCut
    /// Whether of the low cut's key the earlier are kept.
    var keepsEarlier: Bool

    /// Above every key.
    static let top = KeyCut(key: 0x7FFF_FFFE, position: 0)
    /// Of no element.
    static let none = KeyBand(low: top, high: top, keepsEarlier: false)

    init(low: KeyCut, high: KeyCut, keepsEarlier: Bool) {
        (self.low, self.high, self.keepsEarlier) = (low, high, keepsEarlier)
    }

    /// Words of a journal.
    static let wordCount = 7

    var words: [UInt32] {
        [low, high].flatMap { cut in
            [
                cut.key, UInt32(truncatingIfNeeded: cut.position),
                UInt32(truncatingIfNeeded: cut.position >> 32),
            ]
        } + [keepsEarlier ? 1 : 0]
    }

    init(_ words: ArraySlice<UInt32>) {
        let words = Array(words)
        func cut(_ first: Int) -> KeyCut {
            KeyCut(key: words[first], position: UInt64(words[first + 1]) | UInt64(words[first + 2]) << 32)
        }
        self.init(low: cut(0), high: cut(3), keepsEarlier: words[6] != 0)
    }
}
