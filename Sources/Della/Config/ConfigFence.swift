/// The quotes or fences that a page had around a config, and that were copied with it.
struct ConfigFence {
    /// ```` ``` ````, `'''` and the like.
    let mark: String
    /// Where the first of them stands, and the last, if there is one.
    let first: Int, last: Int?
    /// What stands between.
    let inner: String
    /// Whether it is a model card that stands around it.
    let isCard: Bool

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
        guard let begin = lines.indices.first(where: { !trimmed($0).isEmpty }) else { return nil }
        let inCard = trimmed(begin) == "---" ? Self.start(inCard: lines, from: begin) : nil
        let start = inCard ?? begin
        guard let mark = Self.mark(opening: trimmed(start)) else { return nil }
        isCard = inCard != nil
        // A card goes on after it, perhaps with other fences.
        let end =
            isCard
            ? lines.indices.first { $0 > start && trimmed($0) == mark }
            : lines.indices.last { $0 > start && trimmed($0) == mark }
        self.mark = mark
        first = start + 1
        last = end.map { $0 + 1 }
        inner = lines[(start + 1)..<(end ?? lines.endIndex)].joined(separator: "\n") + "\n"
    }

    /// Where the config of a model card is opened; `nil` where the text is none.
    ///
    /// A card begins as a recipe may, with a document between two `---`: that of a card says nothing of a merge. In YAML no
    /// line begins with a fence.
    private static func start(inCard lines: [Substring], from begin: Int) -> Int? {
        let rest = lines.indices.dropFirst(begin + 1)
        func isOfMerge(_ line: Substring) -> Bool { line.hasPrefix("merge_method:") }
        guard let end = rest.first(where: { lines[$0].trimmingEnd == "---" }),
            !lines[begin..<end].contains(where: isOfMerge)
        else { return nil }
        // Of any language, where it is open.
        var open: (index: Int, mark: String)?
        for index in rest where index > end {
            let line = lines[index].trimmingEnd
            if let fence = open {
                if line == fence.mark { open = nil }
                if isOfMerge(line), mark(opening: lines[fence.index].trimmingEnd) != nil {
                    return fence.index
                }
            } else if let mark = marks.prefix(2).first(where: { line.hasPrefix($0) }) {
                open = (index, mark)
            }
        }
        return nil
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
        guard !isCard else {
            let end = last.map { " to \($0 - 1)" } ?? " on"
            let problem = Problem(
                line: first, "a model card stands around the config",
                remedy: "keep lines \(first + 1)\(end) alone" + (isWhole ? ", which are below" : ""))
            return MergeProblems(
                fileName: fileName, problems: [problem], suggestion: isWhole ? inner : nil)
        }
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
