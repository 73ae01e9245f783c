extension String {
    /// The text as a terminal or a line of a log may show it: characters that steer either, end the line or turn the
    /// direction of writing are spelled, `\n` or `\u{1B}`.
    package var printable: String { Self.spelled(unicodeScalars[...]) }

    /// The printable text; of one with more characters than `limit` its beginning and its end, with `…` between.
    /// O(`limit`).
    package func printable(atMost limit: Int) -> String {
        // As many bytes as that are no more characters.
        guard utf8.count > limit else { return printable }
        let end = unicodeScalars.index(unicodeScalars.startIndex, offsetBy: limit, limitedBy: endIndex)
        guard let end, end < endIndex else { return printable }
        let tail = limit / 3
        return Self.spelled(unicodeScalars.prefix(limit - tail)) + "…"
            + Self.spelled(unicodeScalars.suffix(tail))
    }

    private static func spelled(_ scalars: Substring.UnicodeScalarView) -> String {
        guard !scalars.allSatisfy(\.isPrintable) else { return String(scalars) }
        var text = ""
        for scalar in scalars {
            switch scalar {
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case let scalar where scalar.isPrintable: text.unicodeScalars.append(scalar)
            default: text += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
            }
        }
        return text
    }
}

extension Unicode.Scalar {
    /// Whether it shows as itself: no control or format character, no end of a line or paragraph.
    package var isPrintable: Bool {
        if (0x20..<0x7F).contains(value) { return true }
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: return false
        default: return true
        }
    }
}
