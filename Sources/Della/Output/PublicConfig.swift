/// A config for others to read: models that were named by path have their names in its place.
struct PublicConfig {
    private var lines: [[Unicode.Scalar]] = []
    /// What models are called, by the paths that the config has for them; those alone of which the two differ.
    private let names: [String: String]
    /// The same of models and adapters, for what is no value of its own.
    private let mentions: [String: String]

    /// - Parameters:
    ///   - text: the config as given, which has been read without a problem.
    ///   - models: the models as the config names them, and what others may call them.
    init(_ text: String, models: [(reference: ModelReference, name: ModelName)]) {
        var names: [String: String] = [:], mentions: [String: String] = [:]
        for (reference, name) in models {
            if reference.path != name.model { names[reference.path] = name.model }
            if let adapter = reference.adapter { mentions[adapter] = name.adapter }
        }
        self.names = names
        self.mentions = mentions.merging(names) { $1 }
        lines = Self.lines(of: text)
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

    /// Where a value begins, from 0, what it says, and what it is to say.
    private struct Place: Hashable {
        var line: Int
        var column: Int
        var text: String
        var name: String
    }

    /// Looks for the keys whose values name a model.
    private func collect(_ node: YAMLNode, into places: inout Set<Place>) {
        for item in node.items ?? [] { collect(item, into: &places) }
        for pair in node.pairs ?? [] {
            switch pair.key {
            case "base_model", "model", "source", "tokenizer_source":
                collectModel(pair.value, into: &places)
            case "lora": collectAdapter(pair.value, into: &places)
            default: collect(pair.value, into: &places)
            }
        }
    }

    /// A model: in the short form, in the long one, or in the source of a token's row.
    private func collectModel(_ node: YAMLNode, into places: inout Set<Place>) {
        if let text = node.text {
            guard var reference = ModelReference(text) else { return }
            reference.path = names[reference.path] ?? reference.path
            reference.adapter = reference.adapter.map(Self.adapterName)
            note(node, reference.text, in: &places)
        } else if let pairs = node.pairs, !pairs.contains(where: { $0.key == "kind" }) {
            for pair in pairs { collectPart(pair, into: &places) }
        } else {
            collect(node, into: &places)
        }
    }

    /// An entry of the long form: no `+` divides a model from its adapter there, and in `path` no `@` anything.
    private func collectPart(_ pair: YAMLPair, into places: inout Set<Place>) {
        switch (pair.key, pair.value.text) {
        case ("path", let path?): note(pair.value, names[path] ?? path, in: &places)
        case ("model", let text?):
            let path = text.prefix { $0 != "@" }
            note(pair.value, (names[String(path)] ?? String(path)) + text.dropFirst(path.count), in: &places)
        case ("model", nil): for inner in pair.value.pairs ?? [] { collectPart(inner, into: &places) }
        case ("lora", _): collectAdapter(pair.value, into: &places)
        default: break
        }
    }

    /// What `lora:` has: a text, a path, or a model in the long form.
    private func collectAdapter(_ node: YAMLNode, into places: inout Set<Place>) {
        if let text = node.text { note(node, Self.adapterName(text), in: &places) }
        for item in node.items ?? [] { collectAdapter(item, into: &places) }
        for pair in node.pairs ?? [] where pair.key == "path" || pair.key == "model" {
            collectAdapter(pair.value, into: &places)
        }
    }

    private static func adapterName(_ text: String) -> String { ModelReference(path: text).displayName }

    private func note(_ node: YAMLNode, _ name: String, in places: inout Set<Place>) {
        guard let text = node.text, text != name else { return }
        places.insert(Place(line: node.line - 1, column: node.column - 1, text: text, name: name))
    }

    /// Renames one value, where it stands as it is read: plain or in quotes, perhaps after an anchor.
    private mutating func rename(_ place: Place) {
        guard place.line < lines.count else { return }
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
            start..<(start + value.count), with: ModelCard.scalar(place.name).unicodeScalars)
    }

    // MARK: Mentions

    /// Renames absolute paths of models elsewhere: in comments, and in values that begin on another line.
    private mutating func renameMentions(_ index: Int) {
        let absolute = mentions.keys.filter { $0.hasPrefix("/") && $0.count > 1 }
        for path in absolute.sorted(by: { ($0.count, $0) > ($1.count, $1) }) {
            let piece = Array(path.unicodeScalars)
            var start = 0
            while let found = lines[index].dropFirst(start).firstRange(of: piece) {
                start = found.upperBound
                let before = found.lowerBound > 0 ? lines[index][found.lowerBound - 1] : " "
                let after = found.upperBound < lines[index].count ? lines[index][found.upperBound] : " "
                guard let name = mentions[path], !Self.isPartOfPath(before), !Self.isPartOfPath(after) else {
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
