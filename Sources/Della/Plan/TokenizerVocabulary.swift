import StreamIO
import SystemPackage

/// The tokens of a tokenizer by id, as far as they say which row of an embedding is whose.
///
/// Read from `tokenizer.json`, or `vocab.json` with `added_tokens.json`, piece by piece, in bounded memory: the tokens'
/// texts, at most `textLimit` bytes, 8 bytes an id, and 24 an added token.
struct TokenizerVocabulary {
    /// Why a tokenizer's tokens are not known.
    enum Unreadable: Error {
        /// There is no file that holds them as text: SentencePiece, tiktoken and the like.
        case noText
        case damaged(FilePath, String)
    }

    /// Bytes of a tokenizer's file, at most; the largest of known models has 34 MB.
    static let byteLimit: UInt64 = 96 << 20
    /// Ids lie below this one.
    static let idLimit = PlanLimits.ids
    /// Added tokens, at most.
    static let addedLimit = PlanLimits.ids / 4
    /// Bytes of all tokens together, and of one of them.
    static let textLimit = 24 << 20, tokenLimit = 1 << 14
    private static let depthLimit = 64

    /// What a tokenizer cannot say.
    private struct Flaw: Error, CustomStringConvertible {
        var description: String
    }

    /// Where a text lies.
    private typealias Place = (start: UInt32, count: UInt32)

    /// All tokens' texts, one after the other.
    private var text: [UInt8] = []
    /// Where each id's text lies; at `absent` for ids that have none.
    private var places: [Place] = []
    private static let absent = UInt32.max
    /// The tokens that were added to the model's own, by id.
    private(set) var added: [Int: AddedTokens.Traits] = [:]
    /// Where in `tokenizer.json` more of them go; `nil` where the tokens are not read from one, or there is no place.
    private(set) var room: (place: ExtendedTokenizer.Place, byteCount: Int)?

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

    /// What it takes, in bytes.
    var memory: UInt64 { UInt64(text.capacity + 8 * places.capacity + 24 * added.capacity) }

    /// The token of an id; `nil` for one that stands for none.
    func token(_ id: Int) -> ArraySlice<UInt8>? {
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
                if let place = room?.place { room = (place, Int(size)) }
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
        var found: [(id: Int, place: Place, traits: AddedTokens.Traits)] = []
        var room: ExtendedTokenizer.Place?, hasList = false
        try Self.members(&reader, atStart: { room = .file(start: $0) }) { key, reader in
            switch key {
            case "added_tokens":
                guard !hasList else { throw Flaw(description: "has added_tokens twice") }
                hasList = true
                room = try self.readAdded(&reader, into: &found)
            case "model": try self.readModel(&reader)
            default: try reader.skipValue(depthLimit: Self.depthLimit)
            }
        }
        self.room = room.map { ($0, 0) }
        for entry in found {
            guard added.updateValue(entry.traits, forKey: entry.id) == nil else {
                throw Flaw(description: "has the id \(entry.id) twice among its added tokens")
            }
            try set(entry.place, id: entry.id, replaces: true)
        }
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
                guard case .whole(let id) = try reader.number() else {
                    throw Flaw(description: "has a token with an id that is no whole number from 0 on")
                }
                try set(place, id: id)
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
                    try self.set(place, id: id)
                }
            }
        default: try reader.skipValue(depthLimit: Self.depthLimit)
        }
    }

    /// `[{id, content}]`; returns where more of them go.
    private mutating func readAdded(
        _ reader: inout JSONReader,
        into found: inout [(id: Int, place: Place, traits: AddedTokens.Traits)]
    ) throws -> ExtendedTokenizer.Place? {
        guard try reader.kind() == .array else {
            try reader.skipValue(depthLimit: Self.depthLimit)
            return nil
        }
        var end: Int?, isEmpty = true
        try Self.elements(&reader, atStart: { end = $0 }) { reader in
            defer { (end, isEmpty) = (reader.position, false) }
            guard try reader.kind() == .object else {
                return try reader.skipValue(depthLimit: Self.depthLimit)
            }
            var id: Int?, place: Place?, traits: AddedTokens.Traits = []
            try Self.members(&reader) { key, reader in
                let kind = try reader.kind()
                if key == "id", kind == .number {
                    guard case .whole(let number) = try reader.number() else {
                        throw Flaw(
                            description: "has an added token with an id that is no whole number from 0 on")
                    }
                    id = number
                } else if key == "content", kind == .string {
                    place = try self.add(reader.string(atMost: Self.tokenLimit))
                } else if kind == .bool, let trait = AddedTokens.Traits.names.first(where: { $0.name == key })
                {
                    if try reader.bool() { traits.insert(trait.trait) }
                } else {
                    try reader.skipValue(depthLimit: Self.depthLimit)
                }
            }
            guard let id, let place else { return }
            guard found.count < Self.addedLimit else {
                throw Flaw(description: "has more than \(Self.addedLimit) added tokens")
            }
            found.append((id, place, traits))
        }
        return end.map { .list(end: $0, isEmpty: isEmpty) }
    }

    // MARK: Tokens

    /// Keeps a token's text.
    private mutating func add(_ token: UnsafeBufferPointer<UInt8>?) throws -> Place {
        guard let token else { throw Flaw(description: "has a token of more than \(Self.tokenLimit) bytes") }
        guard text.count + token.count <= Self.textLimit else {
            throw Flaw(description: "has tokens of more than \(ByteCount(UInt64(Self.textLimit))) in all")
        }
        let start = text.count
        text.append(contentsOf: token)
        return (UInt32(start), UInt32(token.count))
    }

    /// - Parameter replaces: whether the id may stand for another token already.
    private mutating func set(_ place: Place, id: Int, replaces: Bool = false) throws {
        guard (0..<Self.idLimit).contains(id) else {
            throw Flaw(description: "has the id \(id), and a token's lies below \(Self.idLimit)")
        }
        if id >= places.count {
            places += Array(repeating: (Self.absent, 0), count: id + 1 - places.count)
        }
        let before = token(id)
        places[id] = place
        guard !replaces, let before, before != token(id) else { return }
        throw Flaw(description: "has two tokens of the id \(id)")
    }

    // MARK: Collections

    /// - Parameter atStart: called with the offset behind the brace.
    private static func members(
        _ reader: inout JSONReader, atStart: (Int) -> Void = { _ in },
        _ body: (String, inout JSONReader) throws -> Void
    ) throws {
        try reader.expect("{")
        atStart(reader.position)
        if try reader.skip("}") { return }
        repeat {
            let key = try reader.string(atMost: tokenLimit).map { String(decoding: $0, as: UTF8.self) }
            try reader.expect(":")
            try body(key ?? "", &reader)
        } while try reader.skip(",")
        try reader.expect("}")
    }

    /// - Parameter atStart: called with the offset behind the bracket.
    private static func elements(
        _ reader: inout JSONReader, atStart: (Int) -> Void = { _ in },
        _ body: (inout JSONReader) throws -> Void
    ) throws {
        try reader.expect("[")
        atStart(reader.position)
        if try reader.skip("]") { return }
        repeat { try body(&reader) } while try reader.skip(",")
        try reader.expect("]")
    }
}
