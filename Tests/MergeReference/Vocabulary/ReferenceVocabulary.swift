/// The rows by token of `tokenizer_source` and `tokenizer`, as docs/config.md says it: slowly, by dictionaries.
struct ReferenceVocabulary {
    struct Model {
        /// Of the tokenizer's own, and of those that were added.
        var own: [String: Int]
        var added: [String: Int] = [:]
        /// Values by row.
        var rows: [[Float]]
        /// Ids from this one on do not count.
        var limit = Int.max

        /// How many rows tokens may have.
        var end: Int { min(limit, rows.count) }

        var all: [String: Int] { own.merging(added) { $1 } }
        /// Those with a row.
        var counted: [String: Int] { all.filter { $0.value < end } }
    }

    enum Source: Equatable {
        case base, union
        case model(Int)
    }

    enum Row {
        case model(Int)
        case token(Int, String)
        case id(Int, Int)
        case zero
    }

    struct Entry {
        var token: String
        var row: Row?
        var isForced = false
    }

    struct Wrong: Error {}

    /// In the order of the config, the one whose config.json the output gets first.
    var models: [Model]
    /// Whether the first is the config's base.
    var hasBase: Bool
    var source: Source
    var entries: [Entry]
    var multiple: Int?

    private var sourceModel: Int { if case .model(let index) = source { index } else { 0 } }

    /// The tokens that are added to the tokenizer, in order.
    var addedTokens: [String] {
        let has = models[sourceModel].all
        var list: [String] = []
        if source == .union {
            let others = models.map { $0.counted.filter { has[$0.key] == nil } }
            let plain = Set(
                zip(models, others).flatMap { model, tokens in tokens.keys.filter { model.added[$0] == nil } }
            )
            for isPlain in [true, false] {
                for (model, tokens) in zip(models, others) {
                    for (token, _) in tokens.sorted(by: { $0.value < $1.value }) {
                        let isOwn = model.added[token] == nil
                        guard plain.contains(token) == isPlain, isOwn == isPlain, !list.contains(token) else {
                            continue
                        }
                        list.append(token)
                    }
                }
            }
        }
        for entry in entries where has[entry.token] == nil && !list.contains(entry.token) {
            list.append(entry.token)
        }
        return list
    }

    /// The output's tokens that have rows.
    var tokens: [String: Int] {
        let model = models[sourceModel]
        let added = addedTokens
        let past = model.all.filter { $0.value >= model.end }.keys
        let isReached = past.contains { token in
            entries.contains { $0.token == token }
                || source == .union && models.contains { $0.counted[token] != nil }
        }
        guard !added.isEmpty || isReached else { return model.counted }
        let first = (model.all.values.max() ?? -1) + 1
        return model.all.merging(added.enumerated().map { ($1, first + $0) }) { $1 }
    }

    /// The rows of each model; throws where an entry's source has no such token.
    func rows() throws -> [[[Float]]] {
        let tokens = tokens
        let count = (tokens.values.max() ?? -1) + 1
        let width = models[0].rows.first?.count ?? 0
        var output = models.map { _ in
            Array(repeating: Array(repeating: Float(0), count: width), count: count)
        }
        for (token, place) in tokens {
            let entry = entries.first { $0.token == token }
            let usual = try entry?.row.map { try row($0, of: token) } ?? usualRow(token, width: width)
            for (index, model) in models.enumerated() {
                if let id = model.counted[token], entry?.isForced != true {
                    output[index][place] = model.rows[id]
                } else {
                    output[index][place] = usual
                }
            }
        }
        guard let multiple else { return output }
        while (output[0].count) % multiple != 0 {
            for index in output.indices {
                output[index].append(Self.mean(of: Array(output[index][..<count])))
            }
        }
        return output
    }

    private func row(_ row: Row, of token: String) throws -> [Float] {
        switch row {
        case .zero: return Array(repeating: 0, count: models[0].rows.first?.count ?? 0)
        case .id(let model, let id):
            guard id < models[model].end else { throw Wrong() }
            return models[model].rows[id]
        case .model(let model): return try self.row(.token(model, token), of: token)
        case .token(let model, let other):
            guard let id = models[model].counted[other] else { throw Wrong() }
            return models[model].rows[id]
        }
    }

    private func usualRow(_ token: String, width: Int) -> [Float] {
        let having = models.filter { $0.counted[token] != nil }
        if having.count == 1 { return having[0].rows[having[0].counted[token]!] }
        if hasBase, let id = models[0].counted[token] { return models[0].rows[id] }
        var sum = Array(repeating: Float(0), count: width)
        for model in having {
            for column in 0..<width { sum[column] += model.rows[model.counted[token]!][column] }
        }
        return having.isEmpty ? sum : sum.map { $0 / Float(having.count) }
    }

    private static func mean(of rows: [[Float]]) -> [Float] {
        rows[0].indices.map { column in
            Float(rows.reduce(0.0) { $0 + Double($1[column]) } / Double(rows.count))
        }
    }
}
