import StreamIO

/// One of the YAML documents of a config, cut out of its text by lines.
///
/// A mark, `---` or `...`, is one wherever it begins a line: YAML allows it in no text, quoted or not. So a document that
/// is no YAML keeps nobody from reading the others.
struct RecipeDocument: Hashable, Sendable {
    /// Lines before it in the config.
    var lead: Int
    /// Its text without the marks, which spaces stand for, so that every character keeps its place.
    var text: String
    /// Where its first line with anything on it is, from 1; where it begins if there is none.
    var line: Int
    /// Whether there is nothing in it.
    var isEmpty: Bool

    /// The text with as many empty lines before it as there are lines in the config, so that messages name the config's.
    var padded: [UInt8] { Array(repeating: UInt8(ascii: "\n"), count: lead) + Array(text.utf8) }

    /// The documents of a text, in order; at least one.
    static func all(in text: String) -> [Self] {
        let lines = PublicConfig.lines(of: text)
        var documents: [Self] = []
        var draft = Draft(start: 0)
        for (index, line) in lines.enumerated() {
            let bare = index == 0 && line.first == "\u{FEFF}" ? line.dropFirst() : line[...]
            if isMark("---", bare) {
                if draft.hasContent || draft.hasMark || draft.hasEnded {
                    documents.append(draft.document)
                    draft = Draft(start: index)
                }
                draft.hasMark = true
                draft.add(blanked(line, from: bare.startIndex), isContent: hasContent(bare.dropFirst(3)))
            } else if isMark("...", bare) {
                draft.hasEnded = true
                draft.add(blanked(line, from: bare.startIndex), isContent: false)
            } else {
                if draft.hasEnded, hasContent(bare) {
                    documents.append(draft.document)
                    draft = Draft(start: index)
                }
                // A directive comes before the mark of its document.
                let isDirective = bare.first == "%" && !draft.hasContent
                draft.add(line, isContent: !isDirective && hasContent(bare))
            }
        }
        documents.append(draft.document)
        return documents
    }

    /// Documents joined as one text, as they would be written.
    static func joined(_ documents: [String]) -> String {
        documents.map { document in
            // The line of a mark that had nothing else on it.
            let blank = document.prefix { $0 == " " }
            var text =
                document.dropFirst(blank.count).first?.isNewline == true
                ? String(document.dropFirst(blank.count + 1)) : document
            if !text.isEmpty, text.last?.isNewline == false { text += "\n" }
            return text
        }.joined(separator: "---\n")
    }

    /// What its name seems to be and where, of a document that cannot be read.
    var likelyName: (value: String, line: Int)? {
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
            .enumerated() where line.hasPrefix("name:")
        {
            let words = line.dropFirst("name:".count).split { " \t\"'".contains($0) }
            guard let name = words.first, RecipeStage.isName(String(name)) else { return nil }
            return (String(name), lead + index + 1)
        }
        return nil
    }

    /// A document that is being read.
    private struct Draft {
        let start: Int
        var lines: [[Unicode.Scalar]] = []
        var first: Int?
        var hasMark = false
        var hasEnded = false

        init(start: Int) { self.start = start }

        var hasContent: Bool { first != nil }

        mutating func add(_ line: [Unicode.Scalar], isContent: Bool) {
            if isContent, first == nil { first = start + lines.count }
            lines.append(line)
        }

        var document: RecipeDocument {
            var text = String.UnicodeScalarView()
            for line in lines { text += line }
            return RecipeDocument(
                lead: start, text: String(text), line: (first ?? start) + 1, isEmpty: first == nil)
        }
    }

    private static func isMark(_ mark: String, _ line: ArraySlice<Unicode.Scalar>) -> Bool {
        guard line.starts(with: mark.unicodeScalars) else { return false }
        return line.dropFirst(3).first.map { isBlank($0) } ?? true
    }

    private static func isBlank(_ scalar: Unicode.Scalar) -> Bool {
        [" ", "\t", "\r", "\n", "\u{85}", "\u{2028}", "\u{2029}"].contains(scalar)
    }

    private static func hasContent(_ line: some Collection<Unicode.Scalar>) -> Bool {
        line.first { !isBlank($0) }.map { $0 != "#" } ?? false
    }

    /// The line with spaces in place of its mark.
    private static func blanked(_ line: [Unicode.Scalar], from start: Int) -> [Unicode.Scalar] {
        var line = line
        for index in start..<(start + 3) { line[index] = " " }
        return line
    }
}
