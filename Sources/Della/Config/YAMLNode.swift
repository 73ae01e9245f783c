/// A YAML value and where it begins.
struct YAMLNode: Sendable {
    enum Value: Sendable {
        /// Plain scalars are resolved to numbers and truth values; quoted ones are text.
        case scalar(String, isPlain: Bool)
        case sequence([YAMLNode])
        case mapping([YAMLPair])
    }

    var value: Value
    /// From 1.
    var line: Int
    /// From 1.
    var column: Int
    /// Nodes below and with this one, aliases counted as often as they occur.
    var expandedCount: Int
    /// Levels below and with this one, through aliases.
    var depth: Int

    init(_ value: Value, line: Int, column: Int) {
        self.value = value
        self.line = line
        self.column = column
        switch value {
        case .scalar:
            (expandedCount, depth) = (1, 1)
        case .sequence(let items):
            expandedCount = items.reduce(1) { $0 + $1.expandedCount }
            depth = 1 + (items.map(\.depth).max() ?? 0)
        case .mapping(let pairs):
            expandedCount = pairs.reduce(1) { $0 + 1 + $1.value.expandedCount }
            depth = 1 + (pairs.map(\.value.depth).max() ?? 0)
        }
    }

    /// Whether another node says the same, wherever it stands. O(n).
    func isSame(as other: YAMLNode) -> Bool {
        switch (value, other.value) {
        case (.scalar(let left, let isPlain), .scalar(let right, let isOtherPlain)):
            left == right && isPlain == isOtherPlain
        case (.sequence(let left), .sequence(let right)):
            left.count == right.count && zip(left, right).allSatisfy { $0.isSame(as: $1) }
        case (.mapping(let left), .mapping(let right)):
            left.count == right.count
                && zip(left, right).allSatisfy { $0.key == $1.key && $0.value.isSame(as: $1.value) }
        default: false
        }
    }

    /// The kind of value in the words of a message.
    var kindName: String {
        switch value {
        case .scalar: isNull ? "nothing" : "a single value"
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }
}

/// Scalars, as YAML 1.1 and PyYAML, which reads mergekit's configs, resolve them.
extension YAMLNode {
    var isNull: Bool {
        guard case .scalar(let text, isPlain: true) = value else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(text)
    }

    /// The text of a scalar that is not null.
    var text: String? {
        guard case .scalar(let text, _) = value, !isNull else { return nil }
        return text
    }

    /// Bytes of a text that may be a number or a truth value, at most.
    private static let wordLimit = 1_000

    /// The text where it may be a number or a truth value.
    private var word: String? {
        guard let text, text.utf8.count <= Self.wordLimit else { return nil }
        return text
    }

    var items: [YAMLNode]? {
        guard case .sequence(let items) = value else { return nil }
        return items
    }

    var pairs: [YAMLPair]? {
        guard case .mapping(let pairs) = value else { return nil }
        return pairs
    }

    /// A truth value: YAML 1.1's words, and 0 and 1, which mergekit takes for one.
    var flag: Bool? {
        guard let word else { return nil }
        switch word.lowercased() {
        case "true", "yes", "on", "y", "t", "1", "1.0": return true
        case "false", "no", "off", "n", "f", "0", "0.0": return false
        default: return nil
        }
    }

    /// A number: decimal with `_` and exponents, hexadecimal, octal (`0o7`, and YAML 1.1's `07`), binary,
    /// `.inf`, `.nan`; quoted ones too, as mergekit converts text. Truth values are 1 and 0 there, and here.
    var number: Double? {
        guard let word else { return nil }
        let digits = word.filter { $0 != "_" }
        if let integer = YAMLNode.prefixedInteger(digits) { return integer }
        switch digits.lowercased() {
        case ".inf", "+.inf", "inf", "+inf", "infinity": return .infinity
        case "-.inf", "-inf", "-infinity": return -.infinity
        case ".nan", "nan", "+.nan", "-.nan": return .nan
        case "true", "yes", "on": return 1
        case "false", "no", "off": return 0
        default: break
        }
        guard digits.utf8.allSatisfy({ "+-.eE0123456789".utf8.contains($0) }) else { return nil }
        return Double(digits)
    }

    /// The number that a text means which is none: with a typographer's minus or quotes, characters that do not show, a comma
    /// for the point, or in percent.
    static func numberMeant(by text: String) -> String? {
        guard text.utf8.count <= 64 else { return nil }
        var digits = (TypedName.cleaned(text) ?? text).replacing("\u{2212}", with: "-").replacing(
            "\u{2013}", with: "-"
        ).filter {
            $0 != " "
        }
        let isPercent = digits.hasSuffix("%")
        if isPercent { digits.removeLast() }
        if digits.count(where: { $0 == "," }) == 1 { digits = digits.replacing(",", with: ".") }
        guard digits.utf8.allSatisfy({ "+-.eE0123456789".utf8.contains($0) }), let value = Double(digits),
            value.isFinite
        else { return nil }
        return isPercent ? "\((value * 1e4).rounded() / 1e6)" : digits
    }

    /// The list of numbers that a text means which was put in quotes.
    static func listMeant(by text: String) -> String? {
        guard text.utf8.count <= wordLimit, text.hasPrefix("["), text.hasSuffix("]") else { return nil }
        let items = text.dropFirst().dropLast().split(separator: ",", omittingEmptySubsequences: false)
            .map { String($0.drop(while: \.isWhitespace)) }
            .map { YAMLNode(.scalar($0, isPlain: true), line: 1, column: 1).number?.isFinite ?? false }
        return items.allSatisfy { $0 } ? text : nil
    }

    /// A whole number of 64 bits without sign.
    var unsignedInteger: UInt64? {
        guard let word else { return nil }
        let digits = word.filter { $0 != "_" }
        if digits.hasPrefix("0x") { return UInt64(digits.dropFirst(2), radix: 16) }
        return UInt64(digits)
    }

    private static func prefixedInteger(_ text: String) -> Double? {
        let isNegative = text.hasPrefix("-")
        let digits = text.drop { $0 == "-" || $0 == "+" }
        guard text.count - digits.count <= 1, digits.hasPrefix("0"), digits.count > 1 else { return nil }
        let magnitude: UInt64?
        switch digits.dropFirst().first {
        case "x": magnitude = UInt64(digits.dropFirst(2), radix: 16)
        case "o": magnitude = UInt64(digits.dropFirst(2), radix: 8)
        case "b": magnitude = UInt64(digits.dropFirst(2), radix: 2)
        default: magnitude = UInt64(digits.dropFirst(), radix: 8)
        }
        return magnitude.map { isNegative ? -Double($0) : Double($0) }
    }
}
