/// What typing and copying add to a name without being seen, or hardly.
enum TypedName {
    private static let quotes: Set<Character> = [
        "\u{201C}", "\u{201D}", "\u{201E}", "\u{201F}", "\u{2018}", "\u{2019}", "\u{201A}", "\u{201B}",
        "\u{AB}",
        "\u{BB}",
    ]

    /// What stands between typographic quotes; `nil` where a text is not all in them.
    static func unquoted(_ text: String) -> String? {
        guard let first = text.first, quotes.contains(first), let last = text.last, quotes.contains(last)
        else { return nil }
        let inner = text.dropFirst().dropLast()
        return inner.isEmpty ? nil : String(inner)
    }

    /// A name without typographic quotes at its ends, and without characters that do not show and other spaces than the
    /// plain one; `nil` where it has none.
    static func cleaned(_ name: String) -> String? {
        var scalars = String.UnicodeScalarView()
        for scalar in name.unicodeScalars where !isUnseen(scalar) { scalars.append(scalar) }
        var clean = String(scalars)[...]
        while let first = clean.first, quotes.contains(first) { clean.removeFirst() }
        while let last = clean.last, quotes.contains(last) { clean.removeLast() }
        return clean.isEmpty || clean.unicodeScalars.elementsEqual(name.unicodeScalars) ? nil : String(clean)
    }

    private static func isUnseen(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .format, .lineSeparator, .paragraphSeparator: true
        case .spaceSeparator: scalar != " "
        default: false
        }
    }
}
