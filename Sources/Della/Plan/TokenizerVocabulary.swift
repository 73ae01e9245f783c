import StreamIO
import SystemPackage

/// The tokens of a tokenizer by id, as far as they say which row of an embedding is whose.
///
/// Read from `tokenizer.json`, or `vocab.json` with `added_tokens.json`, in bounded memory: the file, at most
/// `byteLimit`, and 16 bytes a token besides its text.
struct TokenizerVocabulary {
    /// Why a tokenizer's tokens are not known.
    enum Unreadable: Error {
        /// There is no file that holds them as text: SentencePiece, tiktoken and the like.
        case noText
        case damaged(FilePath, String)
    }

    /// Bytes of a tokenizer's file, at most; the largest of known models has 34 MB.
    static let byteLimit = 48 << 20
    /// Ids below this one; the largest vocabularies have 2^18.
    static let idLimit = 1 << 22
    private static let depthLimit = 64

    /// All tokens' texts, one after the other.
    private var text: [UInt8] = []
    /// Where each id's text lies; empty and at `absent` for ids that have none.
    private var places: [(start: Int, count: Int)] = []
    private static let absent = -1

    /// One more than the highest id.
    var count: Int { places.count }

    /// Reads the tokenizer of a model.
    ///
    /// - Parameter permits: whether a file, which may be a link, may be read.
    init(folder: FilePath, permits: (FilePath) -> Bool) throws(Unreadable) {
        let whole = folder.appending("tokenizer.json")
        if let bytes = try Self.read(whole, permits: permits) {
            try parse(bytes, of: whole) { (parser, scanner) throws(JSONError) in
                try parser.tokenizer(&scanner)
            }
        } else {
            let plain = folder.appending("vocab.json"), added = folder.appending("added_tokens.json")
            guard let bytes = try Self.read(plain, permits: permits) else { throw .noText }
            try parse(bytes, of: plain) { (parser, scanner) throws(JSONError) in try parser.ids(&scanner) }
            if let bytes = try Self.read(added, permits: permits) {
                try parse(bytes, of: added) { (parser, scanner) throws(JSONError) in try parser.ids(&scanner)
                }
            }
        }
        if places.isEmpty { throw .noText }
    }

    /// The ids below `rows` that stand for other tokens here than there.
    func differences(from other: Self, rows: Int) -> Int {
        (0..<min(rows, max(count, other.count))).count { token($0) != other.token($0) }
    }

    private func token(_ id: Int) -> ArraySlice<UInt8>? {
        guard id < places.count, places[id].start != Self.absent else { return nil }
        return text[places[id].start..<(places[id].start + places[id].count)]
    }

    private static func read(
        _ path: FilePath, permits: (FilePath) -> Bool
    ) throws(Unreadable) -> [UInt8]? {
        do throws(IOError) {
            guard try FileSystem.status(path) != nil, permits(path) else { return nil }
            return try FileSystem.readWhole(path, limit: byteLimit)
        } catch {
            throw .damaged(path, "\(error.operation): \(error.errno)")
        }
    }

    // MARK: Parsing

    private mutating func parse(
        _ bytes: [UInt8], of path: FilePath,
        _ read: (inout Self, inout JSONScanner) throws(JSONError) -> Void
    ) throws(Unreadable) {
        guard JSONScanner.isUTF8(bytes, 0..<bytes.count) else { throw .damaged(path, "not UTF-8") }
        var scanner = JSONScanner(bytes, allowsNonfinite: true)
        do throws(JSONError) {
            try read(&self, &scanner)
        } catch {
            throw .damaged(path, "\(error)")
        }
    }

    /// `tokenizer.json`: the model's vocabulary, and the tokens that were added to it, which win.
    private mutating func tokenizer(_ scanner: inout JSONScanner) throws(JSONError) {
        guard try scanner.kind() == .object else { return try scanner.skipValue(depthLimit: Self.depthLimit) }
        var added: [(token: String, id: Int)] = []
        try Self.members(&scanner) { (key, scanner) throws(JSONError) in
            switch key {
            case "added_tokens": added = try Self.addedTokens(&scanner)
            case "model": try self.model(&scanner)
            default: try scanner.skipValue(depthLimit: Self.depthLimit)
            }
        }
        for entry in added { insert(entry.token, id: entry.id) }
    }

    private mutating func model(_ scanner: inout JSONScanner) throws(JSONError) {
        guard try scanner.kind() == .object else { return try scanner.skipValue(depthLimit: Self.depthLimit) }
        try Self.members(&scanner) { (key, scanner) throws(JSONError) in
            guard key == "vocab" else { return try scanner.skipValue(depthLimit: Self.depthLimit) }
            try self.ids(&scanner)
        }
    }

    /// `{token: id}`, or Unigram's `[[token, score]]`, whose ids are places.
    private mutating func ids(_ scanner: inout JSONScanner) throws(JSONError) {
        switch try scanner.kind() {
        case .object:
            try Self.members(&scanner) { (token, scanner) throws(JSONError) in
                guard try scanner.kind() == .number else {
                    return try scanner.skipValue(depthLimit: Self.depthLimit)
                }
                if let id = Int(try scanner.number()) { self.insert(token, id: id) }
            }
        case .array:
            var id = 0
            try Self.elements(&scanner) { (scanner) throws(JSONError) in
                var isToken = true
                guard try scanner.kind() == .array else {
                    return try scanner.skipValue(depthLimit: Self.depthLimit)
                }
                try Self.elements(&scanner) { (scanner) throws(JSONError) in
                    if isToken, try scanner.kind() == .string {
                        self.insert(try scanner.string(), id: id)
                    } else {
                        try scanner.skipValue(depthLimit: Self.depthLimit)
                    }
                    isToken = false
                }
                id += 1
            }
        default: try scanner.skipValue(depthLimit: Self.depthLimit)
        }
    }

    /// `[{id, content}]`.
    private static func addedTokens(
        _ scanner: inout JSONScanner
    ) throws(JSONError) -> [(token: String, id: Int)] {
        var found: [(token: String, id: Int)] = []
        guard try scanner.kind() == .array else {
            try scanner.skipValue(depthLimit: depthLimit)
            return []
        }
        try elements(&scanner) { (scanner) throws(JSONError) in
            guard try scanner.kind() == .object else { return try scanner.skipValue(depthLimit: depthLimit) }
            var id: Int?, content: String?
            try members(&scanner) { (key, scanner) throws(JSONError) in
                let kind = try scanner.kind()
                if key == "id", kind == .number {
                    id = Int(try scanner.number())
                } else if key == "content", kind == .string {
                    content = try scanner.string()
                } else {
                    try scanner.skipValue(depthLimit: depthLimit)
                }
            }
            if let id, let content { found.append((content, id)) }
        }
        return found
    }

    private mutating func insert(_ token: String, id: Int) {
        guard (0..<Self.idLimit).contains(id) else { return }
        while places.count <= id { places.append((Self.absent, 0)) }
        places[id] = (text.count, token.utf8.count)
        text.append(contentsOf: token.utf8)
    }

    private static func members(
        _ scanner: inout JSONScanner, _ body: (String, inout JSONScanner) throws(JSONError) -> Void
    ) throws(JSONError) {
        try scanner.expect("{")
        if scanner.skip("}") { return }
        repeat {
            let key = try scanner.string()
            try scanner.expect(":")
            try body(key, &scanner)
        } while scanner.skip(",")
        try scanner.expect("}")
    }

    private static func elements(
        _ scanner: inout JSONScanner, _ body: (inout JSONScanner) throws(JSONError) -> Void
    ) throws(JSONError) {
        try scanner.expect("[")
        if scanner.skip("]") { return }
        repeat { try body(&scanner) } while scanner.skip(",")
        try scanner.expect("]")
    }
}
