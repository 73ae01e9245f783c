internal import CYaml
import StreamIO

/// Reads one YAML document of bounded size into a tree whose every node knows its line.
///
/// Works on the events of libyaml, the parser inside Yams, as Yams' own tree is complete before it could be
/// measured, and hashes keys through aliases. The limits below hold before anything grows: an alias is shared,
/// never copied, and what it stands for is counted each time.
struct YAMLReader {
    /// Bytes of a config.
    static let byteLimit = 1 << 20
    /// Collections within collections.
    static let depthLimit = 32
    /// Keys, values and lists, aliases counted as what they stand for.
    static let nodeLimit = 50_000
    static let aliasLimit = 1_000

    /// What ends the reading: the first syntax error or limit passed.
    struct Failure: Error {
        var problem: Problem
    }

    private var parser = yaml_parser_t()
    private var anchors: [String: YAMLNode] = [:]
    private var aliases = 0
    private var nodes = 0
    /// Problems that reading went on after: repeated keys, keys that are no text.
    private var found: [Problem] = []
    /// Keys that were repeated with the same value.
    private var repeated: [(line: Int, text: String)] = []

    private init() {}

    /// Reads `text`, which must be UTF-8. `nil` where the document is empty, or after a problem that ends reading.
    static func read(_ text: [UInt8], into list: inout ProblemList) -> YAMLNode? {
        if let problem = refuse(text) {
            list.add(problem)
            return nil
        }
        var reader = YAMLReader()
        defer {
            reader.found.forEach { list.add($0) }
            reader.repeated.forEach { list.warn($0.line, $0.text) }
        }
        do throws(Failure) {
            return try text.withUnsafeBufferPointer { (bytes) throws(Failure) -> YAMLNode? in
                try reader.document(UnsafeBufferPointer(rebasing: bytes.dropFirst(markLength(text))))
            }
        } catch {
            list.add(
                missingSpace(in: text, before: error.problem.line) ?? indentedMark(in: text) ?? error.problem)
            return nil
        }
    }

    /// The mark of a document that is indented, as a recipe is that was copied out of a text: it is none then.
    private static func indentedMark(in text: [UInt8]) -> Problem? {
        let lines = String(decoding: text, as: UTF8.self)
            .split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        guard
            let index = lines.firstIndex(where: {
                $0.first == " " && $0.split(separator: " ").map(String.init) == ["---"]
            })
        else { return nil }
        return Problem(
            line: index + 1, "not YAML: --- divides documents only where it begins its line",
            remedy: "remove the spaces before it, and as many before every other line")
    }

    /// What is behind many a syntax error: a known key without a space after its colon, above where it is noticed.
    private static func missingSpace(in text: [UInt8], before line: Int?) -> Problem? {
        let lines = String(decoding: text, as: UTF8.self)
            .split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        for index in lines.indices.prefix(line ?? 1).reversed() {
            let entry = lines[index].drop { $0 == " " || $0 == "-" }
            guard let colon = entry.firstIndex(of: ":") else { continue }
            let rest = entry[entry.index(after: colon)...]
            guard let next = rest.first, !next.isWhitespace, ConfigParser.isKey(String(entry[..<colon]))
            else {
                continue
            }
            return Problem(
                line: index + 1, "there is no space after '\(entry[..<colon]):'",
                remedy: "write '\(entry[..<colon]): \(String(rest).excerpt)'")
        }
        return nil
    }

    /// Bytes of the mark that Windows editors put before UTF-8. libyaml counts it as a column, in which the keys
    /// of the first line then stand alone.
    private static func markLength(_ text: [UInt8]) -> Int {
        text.starts(with: TextEncoding.mark) ? TextEncoding.mark.count : 0
    }

    /// What is no config at all: too long, binary.
    private static func refuse(_ text: [UInt8]) -> Problem? {
        if text.count > byteLimit {
            return Problem(
                line: nil, "the config has \(text.count) bytes, more than the 1 MiB that one may have",
                remedy: "is this the right file?")
        }
        if let index = text.firstIndex(where: { $0 < 0x20 && $0 != 0x0A && $0 != 0x0D && $0 != 0x09 }) {
            let line = 1 + text[..<index].count { $0 == 0x0A }
            return Problem(
                line: line, "byte \(text[index]) cannot be part of a config",
                remedy: "a config is UTF-8 text, not a binary file")
        }
        if let place = TextEncoding.firstInvalid(in: text) {
            return Problem(
                line: TextEncoding.line(of: place, in: text),
                "the config is not UTF-8 text: byte \(text[place]) here is none of its characters",
                remedy: "save it as UTF-8")
        }
        return nil
    }

    private mutating func document(_ bytes: UnsafeBufferPointer<UInt8>) throws(Failure) -> YAMLNode? {
        guard yaml_parser_initialize(&parser) == 1 else {
            throw Failure(problem: Problem(line: nil, "out of memory while reading the config"))
        }
        defer { yaml_parser_delete(&parser) }
        yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING)
        yaml_parser_set_input_string(&parser, bytes.baseAddress, bytes.count)
        var root: YAMLNode?
        while true {
            let event = try next()
            switch event.kind {
            case YAML_STREAM_START_EVENT, YAML_DOCUMENT_END_EVENT:
                continue
            case YAML_STREAM_END_EVENT, YAML_NO_EVENT:
                return root
            case YAML_DOCUMENT_START_EVENT:
                if root != nil {
                    throw Failure(
                        problem: Problem(
                            line: event.line, "a second document begins here",
                            remedy: "a config is one document: keep one, without the ---"))
                }
            default:
                root = try node(event, depth: 1)
            }
        }
    }

    private mutating func node(_ event: Event, depth: Int) throws(Failure) -> YAMLNode {
        nodes += 1
        guard depth <= Self.depthLimit else {
            throw Failure(
                problem: Problem(line: event.line, "more than \(Self.depthLimit) levels within each other"))
        }
        let node: YAMLNode
        switch event.kind {
        case YAML_ALIAS_EVENT:
            return try alias(event)
        case YAML_SEQUENCE_START_EVENT:
            node = try sequence(event, depth: depth)
        case YAML_MAPPING_START_EVENT:
            node = try mapping(event, depth: depth)
        default:
            node = YAMLNode(
                .scalar(unquoted(event), isPlain: event.isPlain), line: event.line, column: event.column)
        }
        guard node.expandedCount <= Self.nodeLimit, nodes <= Self.nodeLimit, node.depth <= Self.depthLimit
        else {
            throw Failure(
                problem: Problem(
                    line: event.line,
                    "more than \(Self.nodeLimit) values, counting what aliases stand for",
                    remedy: "no merge needs that many"))
        }
        if let anchor = event.anchor { anchors[anchor] = node }
        return node
    }

    /// A scalar's text, without the quotes that a word processor or a page made of straight ones, which is noted.
    private mutating func unquoted(_ event: Event) -> String {
        guard event.isPlain, let inner = TypedName.unquoted(event.text) else { return event.text }
        found.append(
            Problem(
                line: event.line,
                "typographic quotes around '\(inner.excerpt)', which YAML takes for part of it",
                remedy: "remove them, or write straight ones"))
        return inner
    }

    private mutating func alias(_ event: Event) throws(Failure) -> YAMLNode {
        aliases += 1
        guard let target = anchors[event.anchor ?? ""] else {
            throw Failure(
                problem: Problem(
                    line: event.line, "*\(event.anchor?.excerpt ?? "") names no anchor above it",
                    remedy: "write &\(event.anchor?.excerpt ?? "") before the value that is meant"))
        }
        guard aliases <= Self.aliasLimit else {
            throw Failure(problem: Problem(line: event.line, "more than \(Self.aliasLimit) aliases"))
        }
        return target
    }

    private mutating func sequence(_ start: Event, depth: Int) throws(Failure) -> YAMLNode {
        var items: [YAMLNode] = []
        var count = 0
        var event = try next()
        while event.kind != YAML_SEQUENCE_END_EVENT {
            items.append(try node(event, depth: depth + 1))
            count += items[items.count - 1].expandedCount
            try check(count, at: event.line)
            event = try next()
        }
        return YAMLNode(.sequence(items), line: start.line, column: start.column)
    }

    private mutating func mapping(_ start: Event, depth: Int) throws(Failure) -> YAMLNode {
        var pairs: [YAMLPair] = []
        var merged: [YAMLPair] = []
        var lines: [String: Int] = [:]
        var count = 0
        var event = try next()
        while event.kind != YAML_MAPPING_END_EVENT {
            let key = try node(event, depth: depth + 1)
            let value = try node(next(), depth: depth + 1)
            count += 1 + value.expandedCount
            try check(count, at: event.line)
            if case .scalar("<<", isPlain: true) = key.value {
                merged += mergedPairs(value)
            } else if case .scalar(let name, _) = key.value {
                if let first = lines[name],
                    pairs.contains(where: { $0.key == name && $0.value.isSame(as: value) })
                {
                    repeated.append(
                        (
                            event.line,
                            "the key '\(name.excerpt)' is here a second time, after line \(first), with the same value"
                        ))
                } else if let first = lines[name] {
                    found.append(
                        Problem(
                            line: event.line,
                            "the key '\(name.excerpt)' is here a second time, after line \(first)",
                            remedy: "keep one of them"))
                } else {
                    lines[name] = event.line
                    pairs.append(YAMLPair(key: name, line: event.line, value: value))
                }
            } else {
                found.append(
                    Problem(line: event.line, "\(key.kindName) as a key", remedy: "keys are names"))
            }
            event = try next()
        }
        for pair in merged where lines[pair.key] == nil {
            lines[pair.key] = pair.line
            pairs.append(pair)
        }
        return YAMLNode(.mapping(pairs), line: start.line, column: start.column)
    }

    /// The pairs that `<<` brings in: of one mapping, or of several, the first of which wins.
    private mutating func mergedPairs(_ value: YAMLNode) -> [YAMLPair] {
        if let pairs = value.pairs { return pairs }
        let mappings = (value.items ?? []).compactMap(\.pairs)
        if value.items == nil || mappings.count != value.items?.count {
            found.append(
                Problem(
                    line: value.line, "<< takes a mapping, or a list of mappings, not \(value.kindName)",
                    remedy: "write *NAME of an anchored mapping"))
        }
        return mappings.flatMap { $0 }
    }

    private func check(_ count: Int, at line: Int) throws(Failure) {
        guard count <= Self.nodeLimit else {
            throw Failure(
                problem: Problem(
                    line: line, "more than \(Self.nodeLimit) values, counting what aliases stand for",
                    remedy: "no merge needs that many"))
        }
    }
}

extension YAMLReader {
    /// What is needed of a libyaml event, copied out of it.
    private struct Event {
        var kind: yaml_event_type_t
        var line: Int
        var column: Int
        var text = ""
        var isPlain = false
        var anchor: String?
    }

    private mutating func next() throws(Failure) -> Event {
        var event = yaml_event_t()
        guard yaml_parser_parse(&parser, &event) == 1 else { throw syntaxError() }
        defer { yaml_event_delete(&event) }
        var copy = Event(
            kind: event.type, line: Int(event.start_mark.line) + 1, column: Int(event.start_mark.column) + 1)
        switch event.type {
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            let bytes = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            copy.text = String(decoding: bytes, as: UTF8.self)
            copy.isPlain = scalar.style == YAML_PLAIN_SCALAR_STYLE && scalar.tag == nil
            copy.anchor = Self.name(scalar.anchor)
        case YAML_SEQUENCE_START_EVENT:
            copy.anchor = Self.name(event.data.sequence_start.anchor)
        case YAML_MAPPING_START_EVENT:
            copy.anchor = Self.name(event.data.mapping_start.anchor)
        case YAML_ALIAS_EVENT:
            copy.anchor = Self.name(event.data.alias.anchor)
        default:
            break
        }
        return copy
    }

    private static func name(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        pointer.map { String(cString: UnsafePointer<UInt8>($0)) }
    }

    private func syntaxError() -> Failure {
        let reason = parser.problem.map { String(cString: $0) } ?? "it cannot be read"
        var line = Int(parser.problem_mark.line) + 1
        if reason.contains("nesting level") {
            return Failure(
                problem: Problem(line: line, "more than \(Self.depthLimit) levels within each other"))
        }
        let remedy: String
        switch reason {
        case let reason where reason.contains("tab character"):
            remedy = "indent with spaces, not tabs"
        case let reason where reason.contains("cannot start any token"):
            remedy =
                "indent with spaces, not tabs; put text that begins with @, % or ` in quotes, and leave out ```"
        case let reason where reason.contains("mapping values are not allowed"):
            remedy = "check the indentation of this line, and put text with ': ' in it in quotes"
        case let reason where reason.contains("expected ':'"):
            // libyaml notices at the end of what it read in vain; the key began before.
            if parser.context != nil { line = Int(parser.context_mark.line) + 1 }
            remedy = "a key is followed by ': ' and its value"
        case let reason where reason.contains("expected ',' or"):
            if parser.context != nil { line = Int(parser.context_mark.line) + 1 }
            remedy = "a bracket is not closed, or a comma is missing"
        case let reason where reason.contains("expected key"):
            remedy =
                "its indentation is not that of the keys before it: keys of one mapping begin in the same column"
        case let reason where reason.contains("block end"), let reason where reason.contains("'-' indicator"):
            remedy = "lines of one list or mapping begin in the same column"
        case let reason where reason.contains("end of stream"):
            if parser.context != nil { line = Int(parser.context_mark.line) + 1 }
            remedy = "a quote or bracket is not closed"
        default:
            remedy = "see the YAML in any mergekit model card"
        }
        return Failure(problem: Problem(line: line, "not YAML: \(reason)", remedy: remedy))
    }
}
