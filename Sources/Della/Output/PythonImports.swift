/// The modules beside it that a Python file imports: `from .a import x` and `from . import a, b`.
///
/// The text is looked through, not parsed: a module too many is a file too many in the output, no more.
struct PythonImports {
    /// Without their `.py`, in the order found.
    let modules: [String]

    init(_ text: String) {
        var found: [String] = []
        var lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)[...]
        while let line = lines.popFirst() {
            let words = line.drop { $0 == " " || $0 == "\t" }
            guard words.hasPrefix("from"), let place = Self.afterDot(words.dropFirst(4)) else { continue }
            if let module = Self.name(at: place) {
                found.append(module)
                continue
            }
            guard let first = Self.afterImport(place) else { continue }
            found += Self.names(in: Self.statement(first, lines: &lines))
        }
        modules = found
    }

    /// What follows the one dot of a relative import; `nil` where there is none.
    private static func afterDot(_ text: Substring) -> Substring? {
        let place = text.drop { $0 == " " || $0 == "\t" }
        guard place.first == ".", place.count < text.count else { return nil }
        return place.dropFirst().drop { $0 == " " || $0 == "\t" }
    }

    /// `a` of `a.b import c`; `nil` where the names after `import` are the modules.
    private static func name(at place: Substring) -> String? {
        let name = place.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
        return name.isEmpty || name == "import" ? nil : String(name)
    }

    private static func afterImport(_ place: Substring) -> Substring? {
        guard place.hasPrefix("import") else { return nil }
        let names = place.dropFirst(6)
        return names.first.map { " \t(\\".contains($0) } ?? false ? names : nil
    }

    /// The rest of a statement, which may go on over lines in parentheses or after backslashes.
    private static func statement(_ first: Substring, lines: inout ArraySlice<Substring>) -> String {
        var text = withoutComment(first)
        let isOpen = text.contains("(")
        while isOpen ? !text.contains(")") : text.hasSuffix("\\") {
            guard let next = lines.popFirst() else { break }
            text = text.replacing("\\", with: " ") + " " + withoutComment(next)
        }
        return text
    }

    private static func withoutComment(_ line: Substring) -> String {
        var text = String(line.prefix { $0 != "#" })
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }

    /// `a` and `c` of `(a as b, c)`.
    private static func names(in list: String) -> [String] {
        list.filter { !"()\\".contains($0) }.prefix { $0 != ";" }.split(separator: ",").compactMap { item in
            item.split(whereSeparator: \.isWhitespace).first.map(String.init)
        }
    }
}
