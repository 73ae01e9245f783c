import StreamIO
import SystemPackage
import Testing

@testable import Della
@testable import MergeReference

/// Random vocabularies under random settings, planned from files, against dictionaries.
@Suite struct RandomVocabularyTests {
    struct Case {
        var reference: ReferenceVocabulary
        var config: String
        var hasIDs = false
    }

    private static let words = [
        "a", "b", "ab", "é", "\"q\"", "\\", " x", "日本", "<|im_start|>", "</s>", "t0", "t1", "t2", "#5", "w",
    ]

    /// Distinct tokens at distinct ids, with holes here and there, some of them past the last row.
    private static func model(_ random: inout SeededRandom) -> ReferenceVocabulary.Model {
        var tokens = words.shuffled(using: &random)
        tokens.removeLast(Int.random(in: 0..<tokens.count - 1, using: &random))
        if Bool.random(using: &random) { tokens.sort() }
        var own: [String: Int] = [:], added: [String: Int] = [:]
        var id = 0
        for token in tokens {
            if Int.random(in: 0..<8, using: &random) == 0 { id += Int.random(in: 1...2, using: &random) }
            if Int.random(in: 0..<3, using: &random) == 0 {
                added[token] = id
                // Files have them twice, as a rule.
                if Bool.random(using: &random) { own[token] = id }
            } else {
                own[token] = id
            }
            id += 1
        }
        let rows = max(1, id + Int.random(in: -2...3, using: &random))
        let values = (0..<rows).map { _ in (0..<3).map { _ in Float(random.normal()) } }
        let limit = Int.random(in: 0..<4, using: &random) == 0 ? max(1, id - 1) : Int.max
        return .init(own: own, added: added, rows: values, limit: limit)
    }

    static func name(_ model: Int) -> String { "Org/M\(model)" }

    static func makeCase(_ random: inout SeededRandom) -> Case {
        let count = Int.random(in: 2...4, using: &random)
        var models = (0..<count).map { _ in model(&random) }
        // Equal tokenizers, and equal ones of other sizes, are the usual ones.
        for index in 1..<count where Int.random(in: 0..<3, using: &random) == 0 {
            (models[index].own, models[index].added) = (models[0].own, models[0].added)
            if Bool.random(using: &random), models[index].rows.count != models[0].rows.count {
                models[index].rows = models[0].rows.map { $0.map { $0 + 1 } }
            }
        }
        let hasBase = Bool.random(using: &random)
        var text = "merge_method: \(hasBase ? "task_arithmetic" : "linear")\n"
        if hasBase { text += "base_model: \(name(0))\n" }
        text += "models:\n"
        for index in (hasBase ? 1 : 0)..<count {
            text += "- model: \(name(index))\n  parameters: {weight: 1}\n"
        }
        let source: ReferenceVocabulary.Source =
            switch Int.random(in: 0..<4, using: &random) {
            case 0: .base
            case 1: .model(Int.random(in: 0..<count, using: &random))
            default: .union
            }
        let sourceText =
            switch source {
            case .base: "base"
            case .union: "union"
            case .model(let index): name(index)
            }
        var made = Case(
            reference: .init(models: models, hasBase: hasBase, source: source, entries: []), config: text)
        guard Bool.random(using: &random) else {
            made.config += "tokenizer_source: \(sourceText)\n"
            return made
        }
        made.config += "tokenizer:\n"
        if source != .union || Bool.random(using: &random) { made.config += "  source: \(sourceText)\n" }
        if Bool.random(using: &random) {
            made.reference.multiple = Int.random(in: 1...9, using: &random)
            made.config += "  pad_to_multiple_of: \(made.reference.multiple ?? 1)\n"
        }
        made.config += "  tokens:\n    \"new\": {}\n"
        made.reference.entries = [.init(token: "new", row: nil)]
        for token in (words + ["new2"]).shuffled(using: &random).prefix(Int.random(in: 0...3, using: &random))
        {
            addEntry(token, to: &made, &random)
        }
        return made
    }

    private static func addEntry(_ token: String, to made: inout Case, _ random: inout SeededRandom) {
        var entry = ReferenceVocabulary.Entry(token: token, isForced: Bool.random(using: &random))
        let model = Int.random(in: 0..<made.reference.models.count, using: &random)
        var source: String?
        switch Int.random(in: 0..<6, using: &random) {
        case 0:
            entry.row = .zero
            source = "{kind: zero}"
        case 1:
            let id = Int.random(in: 0..<made.reference.models[model].end + 1, using: &random)
            entry.row = .id(model, id)
            source = "{kind: model_token, model: \(name(model)), token_id: \(id)}"
        case 2:
            let known = made.reference.models[model].counted.keys.sorted().randomElement(using: &random)
            let other = known ?? "w"
            entry.row = .token(model, other)
            source = "{kind: model_token, model: \(name(model)), token: \(JSON.string(other).serialized())}"
        case 3...4
        where made.reference.models[model].counted[token] != nil || Int.random(in: 0..<9, using: &random) == 0:
            entry.row = .model(model)
            source = name(model)
        default: break
        }
        made.reference.entries.append(entry)
        made.config +=
            "    \(JSON.string(token).serialized()): {force: \(entry.isForced)"
            + (source.map { ", source: \($0)" } ?? "") + "}\n"
    }

    static func tokenizer(
        _ model: ReferenceVocabulary.Model, _ random: inout SeededRandom
    ) -> String {
        let own = model.own.sorted { $0.key < $1.key }.shuffled(using: &random)
            .map { "\(JSON.string($0.key).serialized()): \($0.value)" }
        let added = model.added.sorted { $0.value < $1.value }
            .map {
                "{\"id\": \($0.value), \"content\": \(JSON.string($0.key).serialized()), \"special\": true}"
            }
        let list = "\"added_tokens\": [\(added.joined(separator: ", "))]"
        let vocabulary = "\"model\": {\"type\": \"BPE\", \"vocab\": {\(own.joined(separator: ", "))}}"
        return "{" + [list, vocabulary].shuffled(using: &random).joined(separator: ",\n ") + "}"
    }

    @Test func rowsAreThoseOfTheReference() throws {
        let seed = TestSeed.drawn()
        print("vocabularies: seed \(seed)")
        var random = SeededRandom(seed: seed)
        var refused = 0, merged = 0
        for number in 0..<300 {
            let made = Self.makeCase(&random)
            let models = try TinyModels()
            for (index, model) in made.reference.models.enumerated() {
                let shape = [model.rows.count, 3]
                try models.writeModel(
                    Self.name(index),
                    tensors: [.init(name: "model.embed_tokens.weight", type: .f32, shape: shape)],
                    config: .object(JSONObject([("vocab_size", .int(min(model.limit, 10_000)))])))
                try models.write(Self.tokenizer(model, &random), to: Self.name(index) + "/tokenizer.json")
            }
            let rig = VocabularyRig(made.config, in: models.folder)
            let what = "seed \(seed), case \(number):\n\(made.config)"
            guard let right = try? made.reference.rows(), !right[0].isEmpty else {
                refused += 1
                #expect(rig.plan == nil && !rig.problems.isEmpty, "\(what)")
                continue
            }
            merged += 1
            #expect(rig.problems == [], "\(what)")
            guard let plan = rig.plan, let vocabulary = plan.vocabulary else {
                Issue.record("no plan: \(what)")
                continue
            }
            let values = made.reference.models.map(\.rows)
            #expect(vocabulary.rowCount == right[0].count, "\(what)")
            for index in values.indices {
                let found = vocabulary.expanded(index, values, width: 3)
                #expect(found == right[index], "model \(index) of \(what)")
                // One that is its own tensor needs no map.
                if let map = vocabulary.maps[index] {
                    #expect(!map.isIdentity(model: index, count: values[index].count), "\(what)")
                }
            }
            let added = plan.tokenizer.map { tokenizer in
                (0..<tokenizer.tokens.count).map { tokenizer.tokens.token($0) }
            }
            #expect(added ?? [] == made.reference.addedTokens, "\(what)")
            try checkTokenizer(plan, made, models, what)
        }
        print("vocabularies: \(merged) planned, \(refused) refused")
        #expect(merged > 100)
    }

    /// The written tokenizer has the source's tokens and the added ones.
    private func checkTokenizer(_ plan: VocabularyPlan, _ made: Case, _ models: TinyModels, _ what: String)
        throws
    {
        guard let tokenizer = plan.tokenizer else { return }
        let folder = models.folder.appending("out")
        try FileSystem.createFolder(folder)
        let path = folder.appending("tokenizer.json")
        try tokenizer.write(OpenFile.forReading(tokenizer.source, direct: false), to: path)
        let bytes = try FileSystem.readWhole(path, limit: 1 << 20)
        #expect(UInt64(bytes.count) == tokenizer.byteCount)
        var written = try JSON(parsing: bytes)
        let before = try JSON(parsing: FileSystem.readWhole(tokenizer.source, limit: 1 << 20))
        let entries = written["added_tokens"]?.arrayValue ?? []
        let old = before["added_tokens"]?.arrayValue ?? []
        #expect(Array(entries.prefix(old.count)) == old, "\(what)")
        let ids = made.reference.tokens
        for entry in entries.dropFirst(old.count) {
            let token = entry["content"]?.stringValue ?? ""
            #expect(entry["id"]?.intValue == ids[token], "\(token) of \(what)")
        }
        #expect(entries.count == old.count + made.reference.addedTokens.count)
        written["added_tokens"] = .array(old)
        #expect(written == before, "\(what)")
    }
}
