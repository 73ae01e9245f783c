/// A tree that is written as YAML, in one of the many ways in which YAML says the same.
indirect enum YAMLText {
    /// Written as it is: a number or a truth value.
    case plain(String)
    /// May be quoted.
    case text(String)
    case list([YAMLText])
    case map([(key: String, value: YAMLText)])

    func rendered(using random: inout SeededRandom) -> String {
        var text = ""
        block(into: &text, indent: 0, isInList: false, using: &random)
        return text
    }

    private var isLeaf: Bool {
        switch self {
        case .plain, .text: true
        case .list(let items): items.isEmpty
        case .map(let pairs): pairs.isEmpty
        }
    }

    private func block(
        into text: inout String, indent: Int, isInList: Bool, using random: inout SeededRandom
    ) {
        let margin = String(repeating: " ", count: indent)
        switch self {
        case .plain, .text:
            text += flow(using: &random) + "\n"
        case .list(let items):
            for item in items {
                text += margin + "- "
                item.nested(into: &text, indent: indent + 2, isInline: true, using: &random)
            }
        case .map(let pairs):
            for (number, pair) in pairs.enumerated() {
                text += (number == 0 && isInList ? "" : margin) + pair.key + ":"
                pair.value.nested(into: &text, indent: indent + 2, isInline: false, using: &random)
                if Int.random(in: 0..<40, using: &random) == 0 { text += "\n# a remark\n" }
            }
        }
    }

    /// What follows `- ` (`isInline`) or `key:`.
    private func nested(
        into text: inout String, indent: Int, isInline: Bool, using random: inout SeededRandom
    ) {
        if isLeaf || Int.random(in: 0..<3, using: &random) == 0 {
            text += (isInline ? "" : " ") + flow(using: &random)
            text += Int.random(in: 0..<40, using: &random) == 0 ? "  # why not\n" : "\n"
            return
        }
        if case .list = self, isInline {
            text += flow(using: &random) + "\n"
            return
        }
        if !isInline { text += "\n" }
        block(into: &text, indent: indent, isInList: isInline, using: &random)
    }

    private func flow(using random: inout SeededRandom) -> String {
        switch self {
        case .plain(let text): return text
        case .text(let text):
            let isPlainSafe = text.allSatisfy { $0.isLetter || $0.isNumber || "/_.-".contains($0) }
            let quote = Int.random(in: 0..<4, using: &random)
            if isPlainSafe, quote < 2, text.first?.isLetter == true { return text }
            return quote % 2 == 0 ? "\"\(text)\"" : "'\(text)'"
        case .list(let items):
            return "[" + items.map { $0.flow(using: &random) }.joined(separator: ", ") + "]"
        case .map(let pairs):
            return "{" + pairs.map { "\($0.key): \($0.value.flow(using: &random))" }.joined(separator: ", ")
                + "}"
        }
    }
}
