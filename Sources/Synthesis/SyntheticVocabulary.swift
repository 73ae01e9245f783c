import StreamIO
import SystemPackage

/// A tokenizer of words, each a token, of which another seed's has most, not all, and in another order.
///
/// Three special tokens come first and four last, two of these the seed's own. Of the words one in 16 is the seed's own;
/// stretches of 64 that keep their order stand in a random one, so that rows of tokens in common come in runs.
package struct SyntheticVocabulary: Sendable {
    /// How many tokens there may be.
    package static let counts = 8...1 << 20

    private static let first = ["<unk>", "<s>", "</s>"]
    private static let stretch = 64
    /// Bytes that are gathered before they are written.
    private static let pieceBytes = 1 << 16

    let count: Int
    let seed: UInt64

    init(count: Int, seed: UInt64) {
        precondition(Self.counts.contains(count), "special tokens are seven")
        self.count = count
        self.seed = seed
    }

    private var last: [String] {
        ["<|user|>", "<|assistant|>", "<|first\(seed)|>", "<|last\(seed)|>"]
    }
    private var words: Int { count - Self.first.count - last.count }

    /// Writes `tokenizer.json` and syncs it; takes a piece and 8 bytes for each stretch of words.
    func write(to path: FilePath) throws(IOError) {
        try FileSystem.writeNew(path) { write in
            var piece: [UInt8] = []
            piece.reserveCapacity(Self.pieceBytes + 4096)
            piece += Array(beginning.utf8)
            try forEachWord { id, word in
                piece += Array(",\n      \"\(word)\": \(id)".utf8)
                if piece.count >= Self.pieceBytes {
                    try write(piece)
                    piece.removeAll(keepingCapacity: true)
                }
            }
            piece += Array("\n    }\n  }\n}\n".utf8)
            try write(piece)
        }
    }

    /// Hands out each word with its id, ids in order.
    private func forEachWord(_ body: (Int, String) throws -> Void) rethrows {
        let stream = NormalSource.draw(seed, .max)
        var id = Self.first.count
        for stretch in order(stream) {
            for number in stretch * Self.stretch..<min(words, (stretch + 1) * Self.stretch) {
                let isOwn = NormalSource.draw(~stream, UInt64(number)) % 16 == 0
                try body(id, Self.letters(number) + (isOwn ? "\(seed)" : ""))
                id += 1
            }
        }
    }

    /// The stretches, shuffled.
    private func order(_ stream: UInt64) -> [Int] {
        var order = Array(0..<(words + Self.stretch - 1) / Self.stretch)
        for index in order.indices.dropFirst().reversed() {
            order.swapAt(index, Int(NormalSource.draw(stream, UInt64(index)) % UInt64(index + 1)))
        }
        return order
    }

    /// `a` to `z`, `aa` and so on.
    private static func letters(_ number: Int) -> String {
        var rest = number + 1
        var letters: [UInt8] = []
        while rest > 0 {
            letters.append(UInt8(97 + (rest - 1) % 26))
            rest = (rest - 1) / 26
        }
        return String(decoding: letters.reversed(), as: UTF8.self)
    }

    /// Up to the first three entries of the vocabulary.
    private var beginning: String {
        let added =
            Self.first.enumerated().map { ($0, $1) }
            + last.enumerated().map { (count - last.count + $0, $1) }
        let entries = added.map { id, token in
            """
                {
                  "id": \(id),
                  "content": "\(token)",
                  "single_word": false,
                  "lstrip": false,
                  "rstrip": false,
                  "normalized": false,
                  "special": true
                }
            """
        }
        let first = Self.first.enumerated().map { "      \"\($1)\": \($0)" }
        return """
            {
              "version": "1.0",
              "truncation": null,
              "padding": null,
              "added_tokens": [
            \(entries.joined(separator: ",\n"))
              ],
              "normalizer": null,
              "pre_tokenizer": {
                "type": "Whitespace"
              },
              "post_processor": null,
              "decoder": null,
              "model": {
                "type": "WordLevel",
                "unk_token": "<unk>",
                "vocab": {
            \(first.joined(separator: ",\n"))
            """
    }
}
