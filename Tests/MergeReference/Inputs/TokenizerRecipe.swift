import Foundation

/// `tokenizer_source` or `tokenizer` of a config, by the numbers of the case's models.
struct TokenizerRecipe {
    var source: ReferenceVocabulary.Source
    var entries: [ReferenceVocabulary.Entry] = []
    var multiple: Int?
    /// Whether it stands in the long form, where the short one would do.
    var isLong = false

    static let tokenTensors = ["model.embed_tokens.weight", "transformer.wte.weight", "lm_head.weight"]

    // MARK: Text

    /// The config's entry.
    func tree(names: [String]) -> (key: String, value: YAMLText) {
        let word =
            switch source {
            case .base: "base"
            case .union: "union"
            case .model(let number): names[number]
            }
        guard isLong || multiple != nil || !entries.isEmpty else { return ("tokenizer_source", .text(word)) }
        var pairs: [(key: String, value: YAMLText)] = [("source", .text(word))]
        if let multiple { pairs.append(("pad_to_multiple_of", .plain("\(multiple)"))) }
        if !entries.isEmpty {
            pairs.append(
                (
                    "tokens",
                    .map(entries.map { (Self.quoted($0.token), Self.tree($0, names)) })
                ))
        }
        return ("tokenizer", .map(pairs))
    }

    private static func tree(_ entry: ReferenceVocabulary.Entry, _ names: [String]) -> YAMLText {
        var pairs: [(key: String, value: YAMLText)] = [("force", .plain("\(entry.isForced)"))]
        func token(_ model: Int, _ key: String, _ value: String) -> YAMLText {
            .map([("kind", .text("model_token")), ("model", .text(names[model])), (key, .plain(value))])
        }
        switch entry.row {
        case nil: break
        case .model(let model): pairs.append(("source", .text(names[model])))
        case .token(let model, let other): pairs.append(("source", token(model, "token", quoted(other))))
        case .id(let model, let id): pairs.append(("source", token(model, "token_id", "\(id)")))
        case .zero: pairs.append(("source", .map([("kind", .text("zero"))])))
        }
        return .map(pairs)
    }

    /// A text in double quotes, as JSON and YAML have it.
    static func quoted(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }

    /// A `tokenizer.json` with a model's tokens, in an order of its own.
    static func file(_ own: [String: Int], added: [String: Int], seed: UInt64) -> String {
        var random = SeededRandom(seed: seed)
        let words = own.sorted { $0.key < $1.key }.shuffled(using: &random)
            .map { "\(quoted($0.key)): \($0.value)" }
        let entries = added.sorted { $0.value < $1.value }
            .map { "{\"id\": \($0.value), \"content\": \(quoted($0.key)), \"special\": true}" }
        let parts = [
            "\"added_tokens\": [\(entries.joined(separator: ", "))]",
            "\"model\": {\"type\": \"BPE\", \"vocab\": {\(words.joined(separator: ", "))}}",
        ]
        return "{" + parts.shuffled(using: &random).joined(separator: ",\n ") + "}"
    }

    // MARK: Rows

    /// The models with the output's rows in place of their own.
    ///
    /// - Parameters:
    ///   - recipe: the config, whose setting it is; where it has none, rows past a model's last are its base's.
    static func expand(
        _ folders: inout [CheckpointFolder], of models: [ModelRecipe], by recipe: Recipe
    ) throws(RecipeMerge.Refusal) {
        guard models.contains(where: { $0.tokens != nil }) else { return }
        var order = recipe.base.map { [$0] } ?? []
        for source in recipe.sources where !order.contains(source.model) && source.model < models.count {
            order.append(source.model)
        }
        // A head that is the embedding is that of before.
        let before = folders
        for name in tokenTensors {
            let places = order.map { place(of: name, models[$0], before[$0]) }
            // A head that the output has not.
            guard let first = places[0] else { continue }
            let width = before[order[0]].tensors[first].shape[1]
            var matrices: [[[Float]]] = []
            for (model, place) in zip(order, places) {
                guard
                    let place = place
                        ?? (name == "lm_head.weight" ? embedding(models[model], before[model]) : nil)
                else { throw RecipeMerge.Refusal(reason: "has no tensor of tokens") }
                guard before[model].tensors[place].shape.dropFirst() == [width] else {
                    throw RecipeMerge.Refusal(reason: "shape")
                }
                let values = before[model].tensors[place].values
                matrices.append(
                    stride(from: 0, to: values.count, by: width).map { Array(values[$0..<$0 + width]) })
            }
            let rows = try rows(matrices, order, models, recipe)
            for (index, model) in order.enumerated() {
                // A head of its own for one whose head is its embedding: both have other rows by now.
                if places[index] == nil, let embedding = embedding(models[model], before[model]) {
                    var head = before[model].tensors[embedding]
                    head.name = models[model].names.called(name)
                    folders[model].files[0].file.tensors.append(head)
                }
                folders[model].replace(models[model].names.called(name)) { tensor in
                    tensor.shape = [rows[index].count, width]
                    tensor.exact = Array(rows[index].joined())
                }
            }
        }
    }

    private static func rows(
        _ matrices: [[[Float]]], _ order: [Int], _ models: [ModelRecipe], _ recipe: Recipe
    ) throws(RecipeMerge.Refusal) -> [[[Float]]] {
        guard let setting = recipe.tokenizer else {
            return matrices.map { rows in
                Array((rows + matrices[0].dropFirst(rows.count)).prefix(matrices[0].count))
            }
        }
        let vocabulary = ReferenceVocabulary(
            models: zip(order, matrices).map { model, rows in
                let tokens = models[model].tokens!
                return .init(own: tokens.own, added: tokens.added, rows: rows, limit: tokens.limit)
            }, hasBase: recipe.base != nil, source: try place(of: setting.source, in: order),
            entries: try setting.entries.map { (entry) throws(RecipeMerge.Refusal) in
                var entry = entry
                entry.row = try entry.row.map { (row) throws(RecipeMerge.Refusal) in
                    try place(of: row, in: order)
                }
                return entry
            }, multiple: setting.multiple)
        guard let rows = try? vocabulary.rows(), rows[0].count > 0 else {
            throw RecipeMerge.Refusal(reason: "no row of such a token")
        }
        return rows
    }

    private static func index(_ model: Int, _ order: [Int]) throws(RecipeMerge.Refusal) -> Int {
        guard let index = order.firstIndex(of: model) else {
            throw RecipeMerge.Refusal(reason: "a tokenizer of a model that takes no part")
        }
        return index
    }

    private static func place(
        of source: ReferenceVocabulary.Source, in order: [Int]
    ) throws(RecipeMerge.Refusal) -> ReferenceVocabulary.Source {
        guard case .model(let model) = source else { return source }
        return .model(try index(model, order))
    }

    private static func place(
        of row: ReferenceVocabulary.Row, in order: [Int]
    ) throws(RecipeMerge.Refusal) -> ReferenceVocabulary.Row {
        switch row {
        case .model(let model): .model(try index(model, order))
        case .token(let model, let token): .token(try index(model, order), token)
        case .id(let model, let id): .id(try index(model, order), id)
        case .zero: .zero
        }
    }

    private static func place(of name: String, _ model: ModelRecipe, _ folder: CheckpointFolder) -> Int? {
        folder.tensors.firstIndex { $0.name == model.names.called(name) }
    }

    private static func embedding(_ model: ModelRecipe, _ folder: CheckpointFolder) -> Int? {
        place(of: tokenTensors[0], model, folder) ?? place(of: tokenTensors[1], model, folder)
    }
}
