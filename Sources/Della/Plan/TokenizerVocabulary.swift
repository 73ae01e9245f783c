import StreamIO
import SystemPackage

/// The tokens of a tokenizer by id, as far as they say which row of an embedding is whose.
///
/// Read from `tokenizer.json`, or `vocab.json` with `added_tokens.json`, piece by piece, in bounded memory: the tokens'
/// texts, at most `textLimit` bytes, and 8 bytes an id.
struct TokenizerVocabulary {
    /// Why a tokenizer's tokens are not known.
    enum Unreadable: Error {
        /// There is no file that holds them as text: SentencePiece, tiktoken and the like.
        case noText
        case damaged(FilePath, String)
    }

    /// Bytes of a tokenizer's file, at most; the largest of known models has 34 MB.
    static let byteLimit: UInt64 = 96 << 20
    /// Ids below this one; the largest vocabularies have 2^18.
    static let idLimit = 1 << 20
    /// Bytes of all tokens together, and of one of them.
    static let textLimit = 24 << 20, tokenLimit = 1 << 14
    private static let depthLimit = 64

    /// All tokens' texts, one after the other.
    private var text: [UInt8] = []
    /// Where each id's text lies; at `absent` for ids that have none.
    private var places: [(start: UInt32, count: UInt32)] = []
    private static let absent = UInt32.max

    /// One more than the highest id.
    var count: Int { places.count }

    /// Reads the tokenizer of a model.
    ///
    /// - Parameters:
    ///   - folders: what may be read.
    ///   - isStopped: asked before each piece; what is known then is no vocabulary.
    init(
        folder: FilePath, in folders: ReadableFolders, isStopped: () -> Bool = { false }
    ) throws(Unreadable) {
        let whole = folder.appending("tokenizer.json")
        let plain = folder.appending("vocab.json"), added = folder.appending("added_tokens.json")
        if try !read(whole, folders, isStopped, { try $0.readTokenizer(&$1) }) {
            guard try read(plain, folders, isStopped, { try $0.readIds(&$1) }) else { throw .noText }
            _ = try read(added, folders, isStopped) { try $0.readIds(&$1) }
        }
        if places.isEmpty { throw .noText }
    }

    /// The ids below `rows` that stand for other tokens here than there.
    func differences(from other: Self, rows: Int) -> Int {
        (0..<min(rows, max(count, other.count))).count { token($0) != other.token($0) }
    }

    private func token(_ id: Int) -> ArraySlice<UInt8>? {
        guard id < places.count, places[id].start != Self.absent else { return nil }
        return text[Int(places[id].start)..<Int(places[id].start + places[id].count)]
    }

    // MARK: Parsing

    /// Reads a file, if it is there and may be read.
    private mutating func read(
        _ path: FilePath, _ folders: ReadableFolders, _ isStopped: () -> Bool,
        _ body: (inout Self, inout JSONReader) throws -> Void
    ) throws(Unreadable) -> Bool {
        do {
            guard folders.permits(path) else { return false }
            let file = try folders.open(path)
            let size = try file.status().size
            guard size <= Self.byteLimit else {
                throw Unreadable.damaged(path, "has \(size) bytes, and a tokenizer at most \(Self.byteLimit)")
            }
            try withoutActuallyEscaping(isStopped) { isStopped in
                var reader = JSONReader(byteCount: Int(size), allowsNonfinite: true) { buffer, offset in
                    if isStopped() { throw Unreadable.noText }
                    return try file.read(into: buffer, at: UInt64(offset))
                }
                try body(&self, &reader)
            }
            return true
        } catch let error as Unreadable {
            throw error
        } catch let error as IOError {
            throw .damaged(path, "\(error.operation): \(error.errno)")
        } catch {
            throw .damaged(path, "\(error)")
        }
    }

    /// `tokenizer.json`: the model's vocabulary, and the tokens that were added to it, which win.
    private mutating func readTokenizer(_ reader: inout JSONReader) throws {
        guard try reader.kind() == .object else { return }
        var added: [(id: Int, token: [UInt8])] = []
        try Self.members(&reader) { key, reader in
            switch key {
            case "added_tokens": added = try Self.addedTokens(&reader)
            case "model": try self.readModel(&reader)
            default: try reader.skipValue(depthLimit: Self.depthLimit)
            }
        }
        for entry in added { try entry.token.withUnsafeBufferPointer { try insert($0, id: entry.id) } }
    }

    private mutating func readModel(_ reader: inout JSONReader) throws {
        guard try reader.kind() == .object else { return try reader.skipValue(depthLimit: Self.depthLimit) }
        try Self.members(&reader) { key, reader in
            guard key == "vocab" else { return try reader.skipValue(depthLimit: Self.depthLimit) }
            try self.readIds(&reader)
        }
    }

    /// `{token: id}`, or Unigram's `[[token, score]]`, whose ids are places.
    private mutating func readIds(_ reader: inout JSONReader) throws {
        switch try reader.kind() {
        case .object:
            try reader.expect("{")
            if try reader.skip("}") { return }
            repeat {
                // Its place is known before its id is.
                let place = try add(reader.string(atMost: Self.tokenLimit))
                try reader.expect(":")
                guard try reader.kind() == .number else {
                    try reader.skipValue(depthLimit: Self.depthLimit)
                    continue
                }
                if case .whole(let id) = try reader.number() { set(place, id: id) }
            } while try reader.skip(",")
            try reader.expect("}")
        case .array:
            var id = 0
            try Self.elements(&reader) { reader in
                defer { id += 1 }
                guard try reader.kind() == .array else {
                    return try reader.skipValue(depthLimit: Self.depthLimit)
                }
                var isToken = true
                try Self.elements(&reader) { reader in
                    defer { isToken = false }
                    guard isToken, try reader.kind() == .string else {
                        return try reader.skipValue(depthLimit: Self.depthLimit)
                    }
                    let place = try self.add(reader.string(atMost: Self.tokenLimit))
                    self.set(place, id: id)
                }
            }
        default: try reader.skipValue(depthLimit: Self.depthLimit)
        }
    }

    /// `[{id, content}]`.
    private static func addedTokens(_ reader: inout JSONReader) throws -> [(id: Int, token: [UInt8])] {
        var found: [(id: Int, token: [UInt8])] = []
        guard try reader.kind() == .array else {
            try reader.skipValue(depthLimit: depthLimit)
            return []
        }
        try elements(&reader) { reader in
            guard try reader.kind() == .object else { return try reader.skipValue(depthLimit: depthLimit) }
            var id: Int?, token: [UInt8]?
            try members(&reader) { key, reader in
                let kind = try reader.kind()
                if key == "id", kind == .number {
                    if case .whole(let number) = try reader.number() { id = number }
                } else if key == "content", kind == .string {
                    token = try reader.string(atMost: tokenLimit).map { Array($0) }
                } else {
                    try reader.skipValue(depthLimit: depthLimit)
                }
            }
            guard let id, let token else { return }
            guard found.count < idLimit else { throw Unreadable.noText }
            found.append((id, token))
        }
        return found
    }

    // MARK: Tokens

    private mutating func insert(_ token: UnsafeBufferPointer<UInt8>, id: Int) throws {
        set(try add(token), id: id)
    }

    /// Keeps a token's text. One that is longer than any is kept as an empty one.
    private mutating func add(_ token: UnsafeBufferPointer<UInt8>?) throws -> (start: UInt32, count: UInt32) {
        let count = token?.count ?? 0
        guard text.count + count <= Self.textLimit else { throw Unreadable.noText }
        let start = text.count
        if let token { text.append(contentsOf: token) }
        return (UInt32(start), UInt32(count))
    }

    private mutating func set(_ place: (start: UInt32, count: UInt32), id: Int) {
        guard (0..<Self.idLimit).contains(id) else { return }
        if id >= places.count {
            places += Array(repeating: (Self.absent, 0), count: id + 1 - places.count)
        }
        places[id] = place
    }

    // MARK: Collections

    private static func members(
        _ reader: inout JSONReader, _ body: (String, inout JSONReader) throws -> Void
    ) throws {
        try reader.expect("{")
        if try reader.skip("}") { return }
        repeat {
            let key = try reader.string(atMost: tokenLimit).map { String(decoding: $0, as: UTF8.self) }
            try reader.expect(":")
            try body(key ?? "", &reader)
        } while try reader.skip(",")
        try reader.expect("}")
    }

    private static func elements(
        _ reader: inout JSONReader, _ body: (inout JSONReader) throws -> Void
    ) throws {
        try reader.expect("[")
        if try reader.skip("]") { return }
        repeat { try body(&reader) } while try reader.skip(",")
        try reader.expect("]")
    }
}
