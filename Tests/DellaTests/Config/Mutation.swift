@testable import MergeReference

/// Small damage to files, as fuzz tests do it.
enum Mutation {
    private static let words = [
        "model", "models", "parameters", "weight", "density", "epsilon", "lambda", "filter", "value",
        "slices",
        "sources", "layer_range", "modules", "dellad", "tokenizer", "<<", "*a", "&a ", "[", "]", "{", "}",
        ": ", "- ",
        "\n", "\n  ", "\t", "# ", "\"", "'", "|", ">", "~", "!", "?", "---", "...", "1e309", "-1e-320",
        ".nan", "0x",
        "18446744073709551616", "99999999999999999999", "-", "+", "0.5", "Test/Base", "../..", "/", "\u{0}",
        "\u{FEFF}",
        "é", "\u{1F4A3}",
    ].map { Array($0.utf8) }

    /// One of the corpus with a few changes: bytes, words, lines moved, repeated or taken from another.
    static func config(_ corpus: [[UInt8]], using random: inout SeededRandom) -> [UInt8] {
        var text = corpus[Int.random(in: corpus.indices, using: &random)]
        for _ in 0..<Int.random(in: 0...4, using: &random) {
            guard !text.isEmpty else { break }
            let at = Int.random(in: text.indices, using: &random)
            switch Int.random(in: 0..<8, using: &random) {
            case 0: text[at] = UInt8.random(in: 0...255, using: &random)
            case 1: text.insert(contentsOf: words[Int.random(in: words.indices, using: &random)], at: at)
            case 2: text.removeSubrange(at..<min(text.count, at + Int.random(in: 1...8, using: &random)))
            case 3:
                text.replaceSubrange(
                    at..<min(text.count, at + 4), with: words[Int.random(in: words.indices, using: &random)])
            case 4: moveLines(&text, using: &random)
            case 5:
                let other = corpus[Int.random(in: corpus.indices, using: &random)]
                let start = Int.random(in: 0..<other.count, using: &random)
                text.insert(contentsOf: other[start..<min(other.count, start + 120)], at: at)
            case 6:
                let piece = Array(text[at..<min(text.count, at + 40)])
                for _ in 0..<Int.random(in: 1...300, using: &random) {
                    text.insert(contentsOf: piece, at: at)
                }
            default: text[at] = UInt8(ascii: "0") + UInt8.random(in: 0...9, using: &random)
            }
        }
        return text
    }

    /// Takes lines out, doubles them, or changes their indentation.
    private static func moveLines(_ text: inout [UInt8], using random: inout SeededRandom) {
        var lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map(
            Array.init)
        let index = Int.random(in: lines.indices, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: lines.remove(at: index)
        case 1: lines.insert(lines[index], at: Int.random(in: lines.indices, using: &random))
        case 2:
            lines[index].insert(
                contentsOf: Array(repeating: 0x20, count: Int.random(in: 1...6, using: &random)), at: 0)
        default: lines[index] = Array(lines[index].drop { $0 == 0x20 })
        }
        text = Array(lines.joined(separator: [UInt8(ascii: "\n")]))
    }

    /// A safetensors file with a few changes to its header: its length, bytes, digits and words of the JSON.
    static func header(_ file: [UInt8], using random: inout SeededRandom) -> [UInt8] {
        var file = file
        let headerCount = file[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
        let words = [
            "\"dtype\"", "\"F64\"", "\"F4\"", "\"I8\"", "9999999999", "-1", "0", "[", "]", "{", "}",
            "\\u0000", "null",
        ]
        for _ in 0..<Int.random(in: 0...3, using: &random) {
            let at = Int.random(in: 8..<(8 + headerCount), using: &random)
            switch Int.random(in: 0..<6, using: &random) {
            case 0: file[Int.random(in: 0..<8, using: &random)] = UInt8.random(in: 0...255, using: &random)
            case 1: file[at] = UInt8.random(in: 0...255, using: &random)
            case 2:
                // Most of a padded header is spaces: look for a digit to change.
                let digits = file.indices.prefix(8 + headerCount).filter { (0x30...0x39).contains(file[$0]) }
                if let digit = digits.randomElement(using: &random) {
                    file[digit] = UInt8.random(in: 0x30...0x39, using: &random)
                }
            case 3:
                let word = Array(words[Int.random(in: words.indices, using: &random)].utf8)
                file.replaceSubrange(at..<min(file.count, at + word.count), with: word)
            case 4: file.removeLast(Int.random(in: 0...min(64, file.count - 1), using: &random))
            default:
                file.append(contentsOf: Array(repeating: 0, count: Int.random(in: 0...64, using: &random)))
            }
            guard file.count > 8 + headerCount else { break }
        }
        return file
    }
}
