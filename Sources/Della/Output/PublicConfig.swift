/// A config for others to read: models that were named by path have their names in its place.
struct PublicConfig {
    private var lines: [[Unicode.Scalar]] = []
    private let paths: [String: String]

    /// Keys whose values name a model.
    private static let keys: Set<String> = [
        "base_model", "model", "path", "source", "tokenizer_source",
    ]

    /// - Parameters:
    ///   - text: the config as given, which has been read without a problem.
    ///   - models: the models as the config names them, and what others may call them.
    init(_ text: String, models: [(reference: ModelReference, name: ModelName)]) {
        var paths: [String: String] = [:]
        for (reference, name) in models where reference.path != name.text {
            paths[reference.path] = name.text
            paths[reference.text] = name.text + (reference.revision.map { "@" + $0 } ?? "")
        }
        self.paths = paths
        lines = Self.lines(of: text)
        guard !paths.isEmpty else { return }
        var list = ProblemList()
        var places: Set<Place> = []
        if let root = YAMLReader.read(Array(text.utf8), into: &list) { collect(root, into: &places) }
        // From the end: what is put in moves what comes after it in its line.
        for place in places.sorted(by: { ($0.line, $0.column) > ($1.line, $1.column) }) {
            rename(place)
        }
        for index in lines.indices { renameMentions(index) }
    }

    /// The config's text.
    var text: String {
        var text = String.UnicodeScalarView()
        for line in lines { text += line }
        return String(text)
    }

    // MARK: Values

    /// Where a value begins, from 0, and what it says.
    private struct Place: Hashable {
        var line: Int
        var column: Int
        var text: String
    }

    private func collect(_ node: YAMLNode, into places: inout Set<Place>) {
        for item in node.items ?? [] { collect(item, into: &places) }
        for pair in node.pairs ?? [] {
            if Self.keys.contains(pair.key), let text = pair.value.text, paths[text] != nil {
                places.insert(Place(line: pair.value.line - 1, column: pair.value.column - 1, text: text))
            }
            collect(pair.value, into: &places)
        }
    }

    /// Renames one value, where it stands as it is read: plain or in quotes, perhaps after an anchor.
    private mutating func rename(_ place: Place) {
        guard place.line < lines.count, let name = paths[place.text] else { return }
        let line = lines[place.line]
        var start = place.column
        while start < line.count, line[start] == "&" || line[start] == "!" {
            while start < line.count, line[start] != " " { start += 1 }
            while start < line.count, line[start] == " " { start += 1 }
        }
        let text = Array(place.text.unicodeScalars)
        let quote =
            start < line.count && (line[start] == "\"" || line[start] == "'") ? [line[start]] : []
        let value = quote + text + quote
        guard line.dropFirst(start).starts(with: value) else { return }
        lines[place.line].replaceSubrange(
            start..<(start + value.count), with: ModelCard.scalar(name).unicodeScalars)
    }

    // MARK: Mentions

    /// Renames absolute paths of models elsewhere: in comments, and in values that begin on another line.
    private mutating func renameMentions(_ index: Int) {
        let absolute = paths.keys.filter { $0.hasPrefix("/") && $0.count > 1 }
        for path in absolute.sorted(by: { ($0.count, $0) > ($1.count, $1) }) {
            let piece = Array(path.unicodeScalars)
            var start = 0
            while let found = lines[index].dropFirst(start).firstRange(of: piece) {
                start = found.upperBound
                let before = found.lowerBound > 0 ? lines[index][found.lowerBound - 1] : " "
                let after = found.upperBound < lines[index].count ? lines[index][found.upperBound] : " "
                guard let name = paths[path], !Self.isPartOfPath(before), !Self.isPartOfPath(after) else {
                    continue
                }
                lines[index].replaceSubrange(found, with: name.unicodeScalars)
                start = found.lowerBound + name.unicodeScalars.count
            }
        }
    }

    private static func isPartOfPath(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isAlphabetic || scalar.properties.numericType != nil
            || "/_-.~".unicodeScalars.contains(scalar)
    }

    /// The lines as YAML counts them, each with its end.
    static func lines(of text: String) -> [[Unicode.Scalar]] {
        var lines: [[Unicode.Scalar]] = [[]]
        var last: Unicode.Scalar?
        for scalar in text.unicodeScalars {
            let endedBefore =
                last == "\n" || last == "\u{85}" || last == "\u{2028}" || last == "\u{2029}"
                || (last == "\r" && scalar != "\n")
            if endedBefore { lines.append([]) }
            lines[lines.count - 1].append(scalar)
            last = scalar
        }
        return lines
    }
}
