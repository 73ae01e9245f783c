import StreamIO

/// A config of one or more documents, read as far as it says what is merged from what.
///
/// As `mergekit-multi` takes them: each document has a `name:`, by which others use what it makes as a model, and the one
/// without is the result; where all have names it is the last that no other uses. They are merged in the order in which
/// they need each other, wherever they stand.
struct MergeRecipe: Sendable {
    /// Documents, at most.
    static let stageLimit = 64

    /// The config as given.
    let text: [UInt8]
    /// In the order in which they are merged, the result last.
    private(set) var stages: [RecipeStage] = []
    /// What is wrong with the recipe as a whole.
    private(set) var problems: [Problem] = []
    /// Whether it is a config of one document, which nothing of this is said of.
    let isSingle: Bool

    /// Reads a config of any size. One that is no text is one document, which reading it will tell.
    init(_ text: [UInt8]) {
        self.text = text
        guard text.count <= YAMLReader.byteLimit, let whole = String(validating: text, as: UTF8.self),
            ConfigFence(text) == nil
        else {
            isSingle = true
            return
        }
        let documents = RecipeDocument.all(in: whole)
        isSingle = documents.count == 1
        guard !isSingle else { return }
        guard documents.count <= Self.stageLimit else {
            problems = [
                Problem(
                    line: documents[Self.stageLimit].line,
                    "\(documents.count) documents, and a recipe has at most \(Self.stageLimit)",
                    remedy: "merge some of them first, and name what they give")
            ]
            return
        }
        read(documents)
    }

    /// The stage of that name.
    func stage(named name: String) -> RecipeStage? { stages.first { $0.name == name } }

    // MARK: Reading

    private mutating func read(_ documents: [RecipeDocument]) {
        var drafts: [RecipeStage] = []
        var mentions: [[(model: ModelReference, line: Int)]] = []
        var isDamaged = false
        var hasWrongName = false
        for document in documents {
            guard !document.isEmpty else {
                problems.append(
                    Problem(
                        line: document.line, "the document that begins here is empty",
                        remedy: "remove this ---"))
                continue
            }
            let (config, list) = ConfigParser.parse(document.padded, isStage: true)
            isDamaged = isDamaged || !list.problems.isEmpty
            var name = config.name
            if name == nil, !list.problems.isEmpty, let likely = document.likelyName {
                name = .init(value: likely.value, line: likely.line)
            }
            if let given = name, !RecipeStage.isName(given.value) {
                problems.append(
                    Problem(
                        line: given.line, "'\(given.value.excerpt)' cannot be the name of a stage",
                        remedy: RecipeStage.nameRule))
                (name, hasWrongName) = (nil, true)
            }
            let keep = config.dellad.keep?.value ?? false
            drafts.append(
                RecipeStage(
                    name: name?.value, line: name?.line ?? document.line, document: document, uses: [],
                    isKept: keep))
            mentions.append(config.mentionedModels)
        }
        noteNames(drafts, hasWrongName: hasWrongName)
        let names = Set(drafts.compactMap(\.name))
        for index in drafts.indices {
            for (model, _) in mentions[index] where names.contains(model.path) {
                if !drafts[index].uses.contains(model.path) { drafts[index].uses.append(model.path) }
            }
        }
        order(drafts, mentions: mentions.flatMap(\.self), isDamaged: isDamaged || hasWrongName)
    }

    private mutating func noteNames(_ drafts: [RecipeStage], hasWrongName: Bool) {
        var lines: [String: Int] = [:]
        for draft in drafts {
            guard let name = draft.name else { continue }
            if let first = lines[name] {
                problems.append(
                    Problem(
                        line: draft.line, "the stage '\(name)' is there already, at line \(first)",
                        remedy: "give each document a name of its own"))
            } else {
                lines[name] = draft.line
            }
        }
        // One whose name is wrong has one all the same.
        let unnamed = hasWrongName ? [] : drafts.filter { $0.name == nil }
        for draft in unnamed.dropFirst() {
            problems.append(
                Problem(
                    line: draft.line,
                    "a second document without a name, after the one at line \(unnamed[0].line)",
                    remedy: "only the result has none: write name: NAME, or keep one config, without the ---")
            )
        }
    }

    // MARK: Order

    /// What is said of a stage that no document uses: one may name the folder that mergekit-multi would make of it.
    private static func unused(
        _ name: String, line: Int, _ mentions: [(model: ModelReference, line: Int)]
    ) -> Problem {
        let meant = mentions.first { $0.model.isLocalPath && $0.model.path.hasSuffix("/" + name) }
        return Problem(
            line: line,
            "no document uses the stage '\(name)'"
                + (meant.map { ": line \($0.line) names \($0.model.path.excerpt)" } ?? ""),
            remedy: meant == nil
                ? "name it as a model, remove its document, or write dellad: {keep: true} in it to have it beside the result"
                : "write \(name) there, a stage's name and no path")
    }

    private mutating func order(
        _ drafts: [RecipeStage], mentions: [(model: ModelReference, line: Int)], isDamaged: Bool
    ) {
        var drafts = drafts
        // Of two with a name the first is meant.
        var places: [String: Int] = [:]
        for (index, draft) in drafts.enumerated() {
            if let name = draft.name, places[name] == nil { places[name] = index }
        }
        let used = Set(drafts.flatMap { $0.uses })
        let result =
            drafts.lastIndex { $0.name == nil }
            ?? drafts.lastIndex { $0.name.map { !used.contains($0) } ?? true } ?? drafts.indices.last
        guard let result else { return }
        drafts[result].isResult = true
        let isCyclic = noteCycles(drafts, places)
        for (index, draft) in drafts.enumerated() where index != result && !isCyclic && !isDamaged {
            guard let name = draft.name, !used.contains(name), !draft.isKept else { continue }
            problems.append(Self.unused(name, line: draft.line, mentions))
        }
        // The first of those whose stages are all there, until there is none; of a cycle as they stand.
        var waiting = drafts.indices.filter { $0 != result }
        var made: Set<Int> = []
        var sorted: [Int] = []
        while !waiting.isEmpty {
            let next =
                waiting.firstIndex { index in
                    drafts[index].uses.allSatisfy { places[$0].map(made.contains) ?? true }
                } ?? waiting.startIndex
            let index = waiting.remove(at: next)
            made.insert(index)
            sorted.append(index)
        }
        sorted.append(result)
        stages = sorted.map { drafts[$0] }
        gather()
    }

    /// Works out what each stage is made from, all in all, and by which documents.
    private mutating func gather() {
        for index in stages.indices {
            var needs: Set<String> = []
            for name in stages[index].uses {
                needs.insert(name)
                needs.formUnion(stages[..<index].first { $0.name == name }?.needs ?? [])
            }
            stages[index].needs = needs
            guard !stages[index].isResult else {
                stages[index].recipeText = text
                continue
            }
            let own = stages[index].name
            let documents = stages.filter { stage in
                stage.name.map { $0 == own || needs.contains($0) } ?? false
            }
            stages[index].recipeText = Array(
                RecipeDocument.joined(
                    documents.sorted { $0.document.lead < $1.document.lead }.map(\.document.text)
                ).utf8)
        }
    }

    /// Notes each way from a stage back to itself; whether there is one.
    private mutating func noteCycles(_ drafts: [RecipeStage], _ places: [String: Int]) -> Bool {
        var path: [Int] = []
        var done: Set<Int> = []
        var found = false
        func walk(_ index: Int, into problems: inout [Problem]) {
            if let start = path.firstIndex(of: index) {
                found = true
                let names = (path[start...] + [index]).map { "'\(drafts[$0].title)'" }
                problems.append(
                    Problem(
                        line: drafts[path[start...].min() ?? index].line,
                        names.count == 2
                            ? "the stage \(names[0]) uses itself"
                            : "the stages use each other in a circle: \(names.joined(separator: " uses "))",
                        remedy: "name a model in place of one of them"))
                return
            }
            guard done.insert(index).inserted else { return }
            path.append(index)
            for name in drafts[index].uses {
                if let next = places[name] { walk(next, into: &problems) }
            }
            path.removeLast()
        }
        for index in drafts.indices { walk(index, into: &problems) }
        return found
    }
}
