import StreamIO

/// Restores the indentation of a config that lost it, as when it is copied from a web page.
///
/// Works by lines, from what the language allows at each place, and ignores the indentation there is. A repair is
/// believed only when what it gives reads without a problem.
struct IndentationRepair {
    /// Bytes and lines of a config that a repair looks at, at most.
    static let byteLimit = 64 << 10
    static let lineLimit = 2_000

    /// The config as it was meant.
    var text: String
    /// The first line that stood in the wrong column.
    var line: Int
    /// The line of a `parameters:` that may belong elsewhere.
    var doubtfulLine: Int?
    /// Names that were mended too: slashes that the page had eaten.
    var renamed: [(line: Int, from: String, to: String)]

    /// The repair of `text`; `nil` where indentation is not what is wrong with it.
    ///
    /// - Parameter listing: the library's names, for all that is asked of them.
    static func repair(
        _ text: [UInt8], library: ModelLibrary, listing: NameListing = NameListing(),
        isStopped: () -> Bool = { false }
    ) -> IndentationRepair? {
        guard text.count <= byteLimit, let whole = String(validating: text, as: UTF8.self) else {
            return nil
        }
        let source = withPlainSpaces(whole)
        // What is to be pasted is shown as it is: it must not steer a terminal.
        guard source.unicodeScalars.allSatisfy({ $0.isPrintable || $0 == "\n" || $0 == "\t" }) else {
            return nil
        }
        var lines = source.split(separator: "\n", omittingEmptySubsequences: false).map(Line.init)
        guard lines.count <= lineLimit else { return nil }
        while lines.last?.content.isEmpty == true { lines.removeLast() }
        let writer = Reindenter(lines)
        let plain = writer.lines.joined(separator: "\n") + "\n"
        // Spaces that YAML does not take for such are as good as none.
        let raw = whole.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        let first = lines.indices.first { index in
            lines[index].isMoved(to: writer.lines[index])
                || index < raw.count && raw[index].unicodeScalars.contains(noBreakSpace)
        }
        guard let first, ConfigParser.parse(Array(plain.utf8)).list.problems.isEmpty
        else { return nil }
        var repair = IndentationRepair(
            text: plain, line: first + 1, doubtfulLine: writer.doubtfulLine.map { $0 + 1 }, renamed: [])
        repair.restoreNames(writer.lines, library, listing, isStopped: isStopped)
        return repair
    }

    private static let noBreakSpace: Unicode.Scalar = "\u{A0}"

    /// The text with the no-break spaces of web pages as spaces, and lines that end as they do here.
    private static func withPlainSpaces(_ text: String) -> String {
        var plain = String.UnicodeScalarView()
        for scalar in text.unicodeScalars where scalar != "\r" && scalar != "\u{FEFF}" {
            plain.append(scalar == noBreakSpace ? " " : scalar)
        }
        return String(plain)
    }

    /// Puts back the slashes of model names, where the library has exactly one model that fits.
    private mutating func restoreNames(
        _ lines: [String], _ library: ModelLibrary, _ listing: NameListing, isStopped: () -> Bool
    ) {
        let config = ConfigParser.parse(Array(text.utf8)).config
        var references: [ModelReference] = []
        if let base = config.base?.value { references.append(base) }
        references += config.slices.flatMap { $0.sources.map(\.model) }
        let distinct = Set(references)
        guard distinct.count <= PlanLimits.models else { return }
        var lines = lines
        for model in distinct where !isStopped() && library.find(model) == .missing {
            guard let name = library.nameWithSeparatorsRestored(model.path, in: listing) else { continue }
            for index in lines.indices where Line(lines[index][...]).value == model.path {
                lines[index] = lines[index].replacing(model.path, with: name)
                renamed.append((index + 1, model.path, name))
            }
        }
        renamed.sort { $0.line < $1.line }
        text = lines.joined(separator: "\n") + "\n"
    }

    /// What is said of a config that needs this repair: that its indentation is lost, the names that are not
    /// found, and the config to paste.
    func problems(
        fileName: String, library: ModelLibrary, listing: NameListing = NameListing(), memory: UInt64? = nil,
        isStopped: () -> Bool = { false }
    ) -> MergeProblems {
        var remedy = "paste the re-indented config below"
        if let doubtfulLine {
            remedy +=
                ", and check where the parameters: of line \(doubtfulLine) stand: they may be one model's, or those "
                + "of the whole merge"
        }
        var list = ProblemList()
        list.add(line, "the indentation is lost, as when a config is copied from a web page", remedy)
        for name in renamed {
            list.add(
                name.line, "the model \(name.from) was not found",
                "did you mean \(name.to)? its slash is lost too", kind: .missingInput)
        }
        let config = ConfigParser.parse(Array(text.utf8)).config
        var draft = PlanDraft(config: config, library: library, list: list, listing: listing, memory: memory)
        draft.openModels(isStopped: isStopped)
        _ = draft.plan(seed: 0, text: Array(text.utf8), outputName: "", isStopped: isStopped)
        let all = draft.list
        return MergeProblems(
            fileName: fileName, problems: all.problems, suggestion: text, left: all.left)
    }
}

extension IndentationRepair {
    /// One line, without its indentation.
    struct Line {
        /// Columns before the first character.
        var indent: Int
        /// From the first character that is no space to the last.
        var content: String
        /// Whether it begins an entry of a list: `- `.
        var isItem: Bool
        var key: String?
        var value: String?

        init(_ raw: Substring) {
            let text = raw.drop { $0 == " " || $0 == "\t" }
            indent = raw.count - text.count
            var content = String(text)
            while let last = content.last, last.isWhitespace { content.removeLast() }
            self.content = content
            isItem = content == "-" || content.hasPrefix("- ")
            let body = isItem ? content.dropFirst(1).drop { $0 == " " } : content[...]
            guard let colon = body.firstIndex(of: ":"),
                body.index(after: colon) == body.endIndex || body[body.index(after: colon)] == " "
            else {
                value = body.isEmpty ? nil : String(body)
                return
            }
            let key = body[..<colon]
            guard !key.isEmpty, key.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" }) else {
                value = String(body)
                return
            }
            self.key = String(key)
            let rest = body[body.index(after: colon)...].drop { $0 == " " }
            value = Self.withoutComment(rest)
        }

        /// What stands before a comment; `nil` for nothing.
        private static func withoutComment(_ text: Substring) -> String? {
            guard !text.hasPrefix("#") else { return nil }
            var value = text[..<(text.firstRange(of: " #")?.lowerBound ?? text.endIndex)]
            while value.last == " " { value.removeLast() }
            return value.isEmpty ? nil : String(value)
        }

        var isBlank: Bool { content.isEmpty || content.hasPrefix("#") }

        /// Whether the repair put the line into another column.
        func isMoved(to repaired: String) -> Bool {
            !isBlank && repaired.prefix { $0 == " " }.count != indent
        }
    }
}
