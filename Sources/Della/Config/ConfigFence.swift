/// The quotes or fences that a page had around a config, and that were copied with it.
struct ConfigFence {
    /// ```` ``` ````, `'''` and the like.
    let mark: String
    /// Where the first of them stands, and the last, if there is one.
    let first: Int, last: Int?
    /// What stands between.
    let inner: String

    private static let marks = ["```", "~~~", "'''", "\"\"\""]
    private static let languages = ["", "yaml", "yml", "json"]

    /// `nil` where the config begins as one should.
    init?(_ text: [UInt8]) {
        guard text.count <= YAMLReader.byteLimit, let whole = String(validating: text, as: UTF8.self) else {
            return nil
        }
        let lines = whole.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        func trimmed(_ index: Int) -> Substring {
            lines[index].drop { $0.isWhitespace || $0 == "\u{FEFF}" }.trimmingEnd
        }
        guard let start = lines.indices.first(where: { !trimmed($0).isEmpty }),
            let mark = Self.mark(opening: trimmed(start))
        else { return nil }
        let end = lines.indices.last { $0 > start && trimmed($0) == mark }
        self.mark = mark
        first = start + 1
        last = end.map { $0 + 1 }
        inner = lines[(start + 1)..<(end ?? lines.endIndex)].joined(separator: "\n") + "\n"
    }

    /// The mark that a line opens: alone, with a language, or as a value of a program, `config = """`.
    private static func mark(opening line: Substring) -> String? {
        if let mark = marks.first(where: { line.hasPrefix($0) }) {
            return languages.contains(line.dropFirst(mark.count).lowercased()) ? mark : nil
        }
        guard let mark = marks.first(where: { line.hasSuffix($0) }) else { return nil }
        let name = line.dropLast(mark.count).split(separator: "=", omittingEmptySubsequences: false)
        guard name.count == 2, name[1].allSatisfy(\.isWhitespace) else { return nil }
        let isName = name[0].allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" || $0 == " " }
        return isName ? mark : nil
    }

    /// What is said of it, with the config to paste where that is one.
    func problems(fileName: String) -> MergeProblems {
        let isPlain = inner.unicodeScalars.allSatisfy { $0.isPrintable || $0 == "\n" || $0 == "\t" }
        let isWhole = isPlain && ConfigParser.parse(Array(inner.utf8)).list.problems.isEmpty
        let place = last.map { "lines \(first) and \($0)" } ?? "line \(first)"
        let problem = Problem(
            line: first, "\(mark) stands around the config, as on a page",
            remedy: "remove \(place)" + (isWhole ? ": what remains is below" : ""))
        return MergeProblems(fileName: fileName, problems: [problem], suggestion: isWhole ? inner : nil)
    }
}

extension Substring {
    /// Without white space at the end.
    fileprivate var trimmingEnd: Substring {
        var text = self
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }
}
