import StreamIO

/// Tokens that a tokenizer gets in addition to its own, in the order of their ids.
public struct AddedTokens: Hashable, Sendable {
    /// How a tokenizer treats an added token; the words are those of `tokenizer.json`.
    struct Traits: OptionSet, Hashable, Sendable {
        let rawValue: UInt8

        static let singleWord = Self(rawValue: 1), stripsLeft = Self(rawValue: 2)
        static let stripsRight = Self(rawValue: 4), normalized = Self(rawValue: 8)
        static let special = Self(rawValue: 16)

        /// In the order in which files have them.
        static let names: [(name: String, trait: Self)] = [
            ("single_word", .singleWord), ("lstrip", .stripsLeft), ("rstrip", .stripsRight),
            ("normalized", .normalized), ("special", .special),
        ]
        /// What transformers gives a token of which nothing is said.
        static let plain: Self = .normalized
    }

    /// The id of the first one; the others' follow it.
    let firstID: Int
    private var text: [UInt8] = []
    private var ends: [UInt32] = []
    private var traits: [Traits] = []

    /// No tokens yet.
    init(firstID: Int) { self.firstID = firstID }

    /// How many there are.
    var count: Int { ends.count }

    /// What they take, in bytes.
    var memory: UInt64 { UInt64(text.count + 5 * count) }

    mutating func append(_ token: ArraySlice<UInt8>, _ traits: Traits) {
        text += token
        ends.append(UInt32(text.count))
        self.traits.append(traits)
    }

    /// A token's text.
    func token(_ index: Int) -> String {
        let start = index == 0 ? 0 : Int(ends[index - 1])
        return String(decoding: text[start..<Int(ends[index])], as: UTF8.self)
    }

    /// The entry of `added_tokens` in `tokenizer.json`, or of `added_tokens_decoder` in `tokenizer_config.json`, which has
    /// the id as its key.
    func entry(_ index: Int, withID: Bool) -> JSON {
        var members: [(String, JSON)] = withID ? [("id", .int(firstID + index))] : []
        members.append(("content", .string(token(index))))
        members += Traits.names.map { ($0.name, .bool(traits[index].contains($0.trait))) }
        return .object(JSONObject(members))
    }
}
