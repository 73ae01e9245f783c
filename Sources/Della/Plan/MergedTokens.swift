/// The tokens of a merge's models, numbered: those of the output's tokenizer by id, then those that only others have or
/// the config names. And the id that each model has for each.
///
/// Takes a `TokenIndex`, 4 bytes a token and model, and 32 bytes a token that the output's tokenizer has not.
struct MergedTokens {
    /// In place of an id, and of a number: none.
    static let absent = UInt32.max

    /// A token that the output's tokenizer has not.
    private struct Extra {
        /// The place among the tokens that the config names.
        var named: UInt32 = absent
        /// The first model that has it among its own tokens, and its id there; and the first that added it.
        var plain = UInt64.max, added = UInt64.max
        var traits: AddedTokens.Traits = .plain

        /// Plain ones first, by model and id, then added ones, then those that nobody has.
        var order: (Int, UInt64) {
            plain != .max ? (0, plain) : added != .max ? (1, added) : (2, UInt64(named))
        }
    }

    /// Why tokens cannot be matched.
    enum Failure: Error {
        /// A token that a tokenizer has twice.
        case twice(token: String, ids: [Int])
        /// More than there may be.
        case tooMany
        /// Bytes that it would take.
        case memory(UInt64)
    }

    let source: Int
    let isUnion: Bool
    /// Bytes that it may take.
    let room: UInt64
    private(set) var index = TokenIndex()
    /// The ids of the output's tokenizer, ascending.
    private(set) var sourceIDs: [UInt32] = []
    /// By model, and by number as far as it is known.
    private var columns: [[UInt32]]
    private var extras: [Extra] = []

    /// - Parameters:
    ///   - vocabulary: that of the model whose tokenizer the output gets.
    ///   - limit: that model's rows.
    init(
        _ vocabulary: TokenizerVocabulary, of source: Int, limit: Int, models: Int, isUnion: Bool,
        room: UInt64
    ) throws(Failure) {
        self.source = source
        self.isUnion = isUnion
        self.room = room
        columns = Array(repeating: [], count: models)
        for id in 0..<vocabulary.count {
            guard let token = vocabulary.token(id) else { continue }
            if let other = index.number(of: token) { throw twice(token, [Int(sourceIDs[other]), id]) }
            _ = index.append(token)
            sourceIDs.append(UInt32(id))
        }
        takeAsSource(source, limit: limit)
        try checkMemory(vocabulary.memory)
    }

    /// What it takes, in bytes.
    var memory: UInt64 {
        let columns = columns.reduce(0) { $0 + 4 * $1.capacity }
        return index.memory + UInt64(4 * sourceIDs.capacity + columns + 32 * extras.capacity)
    }

    private func checkMemory(_ more: UInt64) throws(Failure) {
        guard memory + more <= room else { throw .memory(memory + more) }
    }

    private func twice(_ token: ArraySlice<UInt8>, _ ids: [Int]) -> Failure {
        .twice(token: String(decoding: token, as: UTF8.self), ids: ids)
    }

    /// Numbers a token that the config names.
    ///
    /// - Parameter place: among those that get a row for it; `nil` for one whose row is only looked up.
    mutating func name(_ text: String, place: Int?) throws(Failure) {
        let token = Array(text.utf8)[...]
        var found = index.number(of: token)
        if found == nil { found = try append(token) }
        guard let number = found else { return }
        guard let place, number >= sourceIDs.count else { return }
        extras[number - sourceIDs.count].named = UInt32(place)
    }

    private mutating func append(_ token: ArraySlice<UInt8>) throws(Failure) -> Int {
        guard index.count < TokenizerVocabulary.idLimit,
            index.byteCount + token.count <= TokenizerVocabulary.textLimit
        else { throw .tooMany }
        extras.append(Extra())
        return index.append(token)
    }

    /// Takes a model's tokens to be those of the output's tokenizer, as far as it has rows.
    mutating func takeAsSource(_ model: Int, limit: Int) {
        columns[model] = sourceIDs.map { $0 < limit ? $0 : Self.absent }
    }

    /// Matches a model's tokens.
    ///
    /// - Parameter limit: the model's rows.
    mutating func match(
        _ vocabulary: TokenizerVocabulary, of model: Int, limit: Int
    ) throws(Failure) {
        var column = Array(repeating: Self.absent, count: index.count)
        for id in 0..<min(limit, vocabulary.count) {
            guard let token = vocabulary.token(id) else { continue }
            var number = index.number(of: token)
            if number == nil, isUnion { number = try append(token) }
            guard let number else { continue }
            if number >= column.count {
                column += repeatElement(Self.absent, count: number + 1 - column.count)
            }
            guard column[number] == Self.absent else { throw twice(token, [Int(column[number]), id]) }
            column[number] = UInt32(id)
            if number >= sourceIDs.count {
                note(&extras[number - sourceIDs.count], model: model, id: id, vocabulary.added[id])
            }
        }
        columns[model] = column
        try checkMemory(vocabulary.memory)
    }

    private func note(_ extra: inout Extra, model: Int, id: Int, _ traits: AddedTokens.Traits?) {
        let place = UInt64(model) << 32 | UInt64(id)
        if let traits {
            guard extra.added == .max else { return }
            (extra.added, extra.traits) = (place, traits)
        } else if extra.plain == .max {
            extra.plain = place
        }
    }

    /// The id that a model has for a token; `nil` where it has no row for it.
    func id(of number: Int, in model: Int) -> Int? {
        guard number < columns[model].count, columns[model][number] != Self.absent else { return nil }
        return Int(columns[model][number])
    }

    // MARK: Output

    /// The numbers of the tokens that the output's tokenizer has not and gets, in order.
    var added: [Int] {
        extras.indices.filter { place in
            let extra = extras[place]
            return extra.named != Self.absent || isUnion && extra.order.0 < 2
        }.sorted { first, second in
            let first = extras[first], second = extras[second]
            return isUnion ? first.order < second.order : first.named < second.named
        }.map { $0 + sourceIDs.count }
    }

    /// How the output's tokenizer treats one of these.
    func traits(of number: Int) -> AddedTokens.Traits { extras[number - sourceIDs.count].traits }

    /// The number of the token of each of the output's rows; `absent` for rows that no token has.
    ///
    /// Ids past the last row of the output's tokenizer count where tokens are added, which follow them, or where others
    /// have a row for one of them or the config names one.
    func rows(limit: Int, adding added: [Int], isNamed: (Int) -> Bool) -> [UInt32] {
        let counted = sourceIDs.prefix { $0 < limit }.count
        let reaches =
            !added.isEmpty
            || (counted..<sourceIDs.count).contains { number in
                isNamed(number) || isUnion && columns.indices.contains { id(of: number, in: $0) != nil }
            }
        let ids = reaches ? sourceIDs[...] : sourceIDs[..<counted]
        var rows = Array(repeating: Self.absent, count: ids.last.map { Int($0) + 1 } ?? 0)
        for (number, id) in ids.enumerated() { rows[Int(id)] = UInt32(number) }
        return rows + added.map { UInt32($0) }
    }
}
