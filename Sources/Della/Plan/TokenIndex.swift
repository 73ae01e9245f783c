/// Numbers tokens in the order in which they come, each once.
///
/// Takes the tokens' texts, at most `TokenizerVocabulary.textLimit` bytes, and up to 20 bytes a token.
struct TokenIndex {
    /// All texts, one after the other, and where each ends.
    private var text: [UInt8] = []
    private var ends: [UInt32] = []
    /// A token's number and one more, at the place of its hash or after it; 0 where there is none.
    private var slots: [UInt32] = Array(repeating: 0, count: 1 << 10)

    /// How many tokens there are.
    var count: Int { ends.count }

    /// The bytes of all texts.
    var byteCount: Int { text.count }

    /// What it takes, in bytes.
    var memory: UInt64 { UInt64(text.capacity + 4 * (ends.capacity + slots.count)) }

    func token(_ number: Int) -> ArraySlice<UInt8> {
        text[(number == 0 ? 0 : Int(ends[number - 1]))..<Int(ends[number])]
    }

    /// The number of a token; `nil` for one that has none.
    func number(of token: ArraySlice<UInt8>) -> Int? {
        let found = slots[slot(of: token)]
        return found == 0 ? nil : Int(found) - 1
    }

    /// Numbers a token, which has no number yet.
    mutating func append(_ token: ArraySlice<UInt8>) -> Int {
        if 2 * count >= slots.count { grow() }
        let place = slot(of: token)
        precondition(slots[place] == 0, "a token has one number")
        text += token
        ends.append(UInt32(text.count))
        slots[place] = UInt32(count)
        return count - 1
    }

    private mutating func grow() {
        slots = Array(repeating: 0, count: 2 * slots.count)
        for number in 0..<count { slots[slot(of: token(number))] = UInt32(number + 1) }
    }

    /// The slot that a token is in, or would be.
    private func slot(of token: ArraySlice<UInt8>) -> Int {
        var hasher = Hasher()
        token.withUnsafeBytes { hasher.combine(bytes: $0) }
        let mask = slots.count - 1
        var place = hasher.finalize() & mask
        while slots[place] != 0, self.token(Int(slots[place]) - 1) != token { place = (place + 1) & mask }
        return place
    }
}
