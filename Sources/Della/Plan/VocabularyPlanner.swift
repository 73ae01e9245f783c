import StreamIO

/// Decides the output's vocabulary where the config says something of it: its tokens, and for each model which rows
/// they take.
///
/// One tokenizer is in memory at a time, beside the tokens of all (`MergedTokens`).
struct VocabularyPlanner {
    let models: [OpenModel]
    /// Index of the model whose config.json the output gets.
    let base: Int
    /// Index of the config's base; `nil` where it names none.
    let ownBase: Int?
    let setting: TokenizerSetting
    let library: ModelLibrary
    /// Bytes of memory that may be taken.
    let room: UInt64
    /// The index of a model that a config names.
    let find: (ModelReference) -> Int?
    /// Rows of each model that count: those of its embedding, as far as its config.json has tokens.
    private let limits: [Int?]
    private let files: [TokenizerFiles]
    /// Bytes that would have to be taken, where there is no room for them.
    private(set) var wanted: UInt64?

    init(
        models: [OpenModel], base: Int, ownBase: Int?, setting: TokenizerSetting, library: ModelLibrary,
        room: UInt64, find: @escaping (ModelReference) -> Int?
    ) {
        self.models = models
        self.base = base
        self.ownBase = ownBase
        self.setting = setting
        self.library = library
        self.room = room
        self.find = find
        limits = models.map(\.vocabularyRows)
        files = models.map { TokenizerFiles(in: $0.folder, readable: library.readable) }
    }

    /// The plan; `nil` where there is none, all problems noted.
    mutating func plan(into list: inout ProblemList, isStopped: () -> Bool) -> VocabularyPlan? {
        guard let source = source(&list) else { return nil }
        guard let limit = limits[source] else {
            if !files[source].names.isEmpty {
                list.warn(
                    setting.line,
                    "\(models[source].name.text) has no embedding that is known, and so no token is matched: rows are "
                        + "merged by position")
            }
            return nil
        }
        guard !files[source].names.isEmpty else {
            noteNoTokenizer(source, &list)
            return nil
        }
        guard files[source].noteStubs(of: models[source], &list) else { return nil }
        guard files[source].hasTokens else { return planWithoutText(source, &list, isStopped) }
        // The vocabulary itself goes before the next is read.
        guard let (known, count, room) = tokens(of: source, limit: limit, &list, isStopped) else {
            return nil
        }
        var tokens = known
        guard match(&tokens, &list, isStopped), let choices = choices(tokens, &list), !isStopped()
        else { return nil }
        let added = tokens.added
        let rows = tokens.rows(limit: limit, adding: added) { choices[$0] != nil }
        guard !rows.isEmpty else {
            list.add(
                models[source].line,
                "the tokenizer of \(models[source].reference.displayName) has no token with a row",
                "download it again")
            return nil
        }
        noteSpecialTokens(tokens, &list)
        if rows.count < count { noteUncounted(count, limit, source, &list) }
        var plan = VocabularyPlan(
            vocabulary: outputVocabulary(tokens, rows, choices), source: source)
        if !added.isEmpty {
            guard let extended = extended(room, after: count, tokens, added, source, &list) else {
                return nil
            }
            plan.tokenizer = extended
        }
        return plan
    }

    // MARK: Tokenizers

    private func source(_ list: inout ProblemList) -> Int? {
        guard case .model(let reference) = setting.source else { return base }
        if let index = find(reference) { return index }
        // With an adapter or without, the tokenizer is the folder's.
        if let place = library.place(of: reference),
            let index = models.firstIndex(where: { $0.place == place })
        {
            guard let problem = library.adapterProblem(reference, line: setting.line) else { return index }
            if !list.problems.contains(where: { $0.message == problem.message }) { list.add(problem) }
            return nil
        }
        noteForeign(reference, line: setting.line, &list)
        return nil
    }

    private func noteForeign(_ reference: ModelReference, line: Int, _ list: inout ProblemList) {
        list.add(
            line, "\(reference.text.excerpt) is none of the models that are merged",
            "name one of them: \(models.prefix(8).map(\.reference.text.excerpt).joined(separator: ", "))")
    }

    private func noteNoTokenizer(_ model: Int, _ list: inout ProblemList) {
        if model == base {
            list.warn(
                models[model].line,
                "\(models[model].name.text) has no tokenizer, and so the output has none: copy one into it")
        } else {
            list.add(
                setting.line, "\(models[model].reference.displayName) has no tokenizer",
                "name another model, or copy one into its folder")
        }
    }

    private func noteUncounted(_ count: Int, _ limit: Int, _ source: Int, _ list: inout ProblemList) {
        let name = models[source].name.text
        list.warn(
            models[source].line,
            "the tokenizer of \(name) has \(count) tokens, its embedding \(limit) rows: tokens from \(limit) on have "
                + "none, and a text with them cannot be read")
    }

    /// config.json is the base's, and the ids that it has for special tokens are those of the base's tokenizer.
    private func noteSpecialTokens(_ tokens: MergedTokens, _ list: inout ProblemList) {
        guard tokens.source != base, let settings = models[base].profile.json else { return }
        var wrong: [String] = []
        for key in ["bos_token_id", "eos_token_id", "pad_token_id"] {
            let ids =
                settings[key]?.arrayValue?.compactMap(\.intValue) ?? settings[key]?.intValue.map { [$0] }
                ?? []
            let areSame = ids.prefix(64).allSatisfy { id in
                let number = tokens.sourceIDs.firstIndex { Int($0) == id }
                return number.flatMap { tokens.id(of: $0, in: base) } == id
            }
            if !areSame { wrong.append("\(key) \(settings[key]?.serialized() ?? "")") }
        }
        guard !wrong.isEmpty else { return }
        list.warn(
            setting.line,
            "\(wrong.joined(separator: ", ")) of the base's config.json are other tokens in the tokenizer of "
                + "\(models[tokens.source].name.text): correct them in the output")
    }

    private func noteNoText(_ model: Int, _ list: inout ProblemList) {
        list.add(
            setting.line,
            "\(models[model].reference.displayName) has no tokenizer.json, by which tokens are matched: only "
                + files[model].names.joined(separator: ", "),
            "write one with transformers' AutoTokenizer.from_pretrained(…).save_pretrained(…)")
    }

    /// Where the tokenizer's tokens are in no file that is read, all must have the same one.
    private func planWithoutText(
        _ source: Int, _ list: inout ProblemList, _ isStopped: () -> Bool
    ) -> VocabularyPlan? {
        let isOne = models.indices.allSatisfy {
            $0 == source || files[$0].hasTokens(of: files[source], isStopped: isStopped)
        }
        guard isOne, setting.tokens.isEmpty, setting.multiple == nil,
            limits.allSatisfy({ $0 == limits[source] })
        else {
            noteNoText(source, &list)
            return nil
        }
        return VocabularyPlan(vocabulary: nil, source: source)
    }

    private func vocabulary(
        of model: Int, _ list: inout ProblemList, _ isStopped: () -> Bool
    ) -> TokenizerVocabulary? {
        do throws(TokenizerVocabulary.Unreadable) {
            return try TokenizerVocabulary(
                folder: models[model].folder, in: library.readable, isStopped: isStopped)
        } catch .damaged(let path, let reason) {
            list.add(
                models[model].line, "\(models[model].reference.displayName): \(path): \(reason)",
                "download it again")
        } catch {
            guard !isStopped() else { return nil }
            let path = files[model].folder.appending("tokenizer.json")
            list.add(
                models[model].line, "\(models[model].reference.displayName): \(path) has no tokens",
                "download it again")
        }
        return nil
    }

    /// What is known of the output's tokenizer: its tokens and those that the config names, one more than its highest id,
    /// and where more tokens go.
    private typealias Known = (
        tokens: MergedTokens, count: Int, room: (place: ExtendedTokenizer.Place, byteCount: Int)?
    )

    private mutating func tokens(
        of source: Int, limit: Int, _ list: inout ProblemList, _ isStopped: () -> Bool
    ) -> Known? {
        guard let vocabulary = vocabulary(of: source, &list, isStopped) else { return nil }
        do throws(MergedTokens.Failure) {
            var tokens = try MergedTokens(
                vocabulary, of: source, limit: limit, models: models.count,
                isUnion: setting.source == .union, room: room)
            for (place, token) in setting.tokens.enumerated() {
                try tokens.name(token.text, place: place)
                if case .token(_, let other) = token.row { try tokens.name(other, place: nil) }
            }
            return (tokens, vocabulary.count, vocabulary.room)
        } catch {
            note(error, of: source, &list)
            return nil
        }
    }

    /// Whether the tokens of all models are matched; what keeps them from it is noted.
    private mutating func match(
        _ tokens: inout MergedTokens, _ list: inout ProblemList, _ isStopped: () -> Bool
    ) -> Bool {
        var isWhole = true
        for model in models.indices where model != tokens.source {
            guard !isStopped() else { return false }
            guard let limit = limits[model] else { continue }
            if files[model].names.isEmpty, tokens.source == base {
                list.warn(
                    setting.line,
                    "\(models[model].name.text) has no tokenizer: its tokens are taken to be in the base's order"
                )
                tokens.takeAsSource(model, limit: limit)
            } else if files[model].hasTokens(of: files[tokens.source], isStopped: isStopped) {
                tokens.takeAsSource(model, limit: limit)
            } else if files[model].names.isEmpty {
                noteNoTokenizer(model, &list)
                isWhole = false
            } else if !files[model].noteStubs(of: models[model], &list) {
                isWhole = false
            } else if !files[model].hasTokens {
                noteNoText(model, &list)
                isWhole = false
            } else if let vocabulary = vocabulary(of: model, &list, isStopped) {
                do throws(MergedTokens.Failure) {
                    try tokens.match(vocabulary, of: model, limit: limit)
                } catch {
                    note(error, of: model, &list)
                    isWhole = false
                }
            } else {
                isWhole = false
            }
        }
        return isWhole
    }

    private mutating func note(
        _ failure: MergedTokens.Failure, of model: Int, _ list: inout ProblemList
    ) {
        let name = models[model].reference.displayName
        let path = files[model].folder.appending("tokenizer.json")
        switch failure {
        case .twice(let token, let ids):
            list.add(
                models[model].line,
                "\(name): \(path): the token '\(token.excerpt)' has two ids, \(ids[0]) and \(ids[1])",
                "correct it, or download it again")
        case .tooMany:
            list.add(
                setting.line,
                "with the tokens of \(name) there are more than \(TokenizerVocabulary.idLimit), or than "
                    + "\(ByteCount(UInt64(TokenizerVocabulary.textLimit))) of them",
                "write tokenizer: {source: base}")
        case .memory(let bytes): wanted = max(wanted ?? 0, bytes)
        }
    }

    private func extended(
        _ room: (place: ExtendedTokenizer.Place, byteCount: Int)?, after count: Int, _ tokens: MergedTokens,
        _ added: [Int], _ source: Int, _ list: inout ProblemList
    ) -> ExtendedTokenizer? {
        guard let room else {
            list.add(
                models[source].line,
                "\(models[source].reference.displayName): added_tokens of \(files[source].folder.appending("tokenizer.json")) "
                    + "is no list, and tokens would be added to it", "download it again")
            return nil
        }
        var more = AddedTokens(firstID: count)
        for number in added { more.append(tokens.index.token(number), tokens.traits(of: number)) }
        return ExtendedTokenizer(
            source: files[source].folder.appending("tokenizer.json"), sourceSize: room.byteCount,
            place: room.place, tokens: more)
    }

    // MARK: Rows

    /// What the config says of a token's row.
    private struct Choice {
        /// `nil` for what the token would get without.
        var row: VocabularyRows.Source?
        var isForced: Bool
    }

    /// The config's choices, by the number of the token; `nil` where one cannot be, all problems noted.
    private func choices(_ tokens: MergedTokens, _ list: inout ProblemList) -> [Int: Choice]? {
        var choices: [Int: Choice] = [:]
        var isWhole = true
        for token in setting.tokens {
            guard let number = tokens.index.number(of: Array(token.text.utf8)[...]) else { continue }
            var row: VocabularyRows.Source?
            if let wish = token.row {
                row = source(wish, of: token, number, tokens, &list)
                isWhole = isWhole && row != nil
            }
            choices[number] = Choice(row: row, isForced: token.isForced)
        }
        return isWhole ? choices : nil
    }

    private func source(
        _ row: TokenizerSetting.Row, of token: TokenizerSetting.Token, _ number: Int, _ tokens: MergedTokens,
        _ list: inout ProblemList
    ) -> VocabularyRows.Source? {
        let reference: ModelReference
        switch row {
        case .zero: return .zero
        case .model(let model), .token(let model, _), .id(let model, _): reference = model
        }
        guard let model = find(reference), model < models.count else {
            noteForeign(reference, line: token.line, &list)
            return nil
        }
        let name = models[model].reference.displayName
        var sought = token.text, place: Int?
        switch row {
        case .id(_, let id):
            if let limit = limits[model], id < limit { return .rows(model: model, first: id) }
            list.add(
                token.line, "\(name) has \(limits[model] ?? 0) rows, and no token_id \(id)",
                "write a smaller one")
            return nil
        case .token(_, let other):
            sought = other
            place = tokens.index.number(of: Array(other.utf8)[...]).flatMap { tokens.id(of: $0, in: model) }
        default: place = tokens.id(of: number, in: model)
        }
        if let place { return .rows(model: model, first: place) }
        list.add(
            token.line,
            "\(name) has no token '\(sought.excerpt)'"
                + (sought == token.text ? "" : ", which '\(token.text.excerpt)' is to start from"),
            "name a model that has it, or write source: {kind: zero}")
        return nil
    }

    private func outputVocabulary(
        _ tokens: MergedTokens, _ rows: [UInt32], _ choices: [Int: Choice]
    ) -> OutputVocabulary {
        let multiple = setting.multiple ?? 1
        let padding = (multiple - rows.count % multiple) % multiple
        var maps = Array(repeating: VocabularyRows(), count: models.count)
        for number in rows {
            let number = number == MergedTokens.absent ? nil : Int(number)
            let choice = number.flatMap { choices[$0] }
            let usual = choice?.row ?? usualRow(number, tokens)
            for model in models.indices where limits[model] != nil {
                let own = choice?.isForced == true ? nil : number.flatMap { tokens.id(of: $0, in: model) }
                maps[model].append(own.map { .rows(model: model, first: $0) } ?? usual)
            }
        }
        var vocabulary = OutputVocabulary(rowCount: rows.count + padding)
        for model in models.indices where limits[model] != nil {
            maps[model].append(.padding, count: padding)
            let count = models[model].embeddingRows ?? 0
            if !maps[model].isIdentity(model: model, count: count) { vocabulary.maps[model] = maps[model] }
        }
        return vocabulary
    }

    /// The row of a token for the models that lack it.
    private func usualRow(_ number: Int?, _ tokens: MergedTokens) -> VocabularyRows.Source {
        guard let number else { return .zero }
        var places: [VocabularyRows.Place] = []
        for model in models.indices {
            guard let id = tokens.id(of: number, in: model) else { continue }
            if model == ownBase { return .rows(model: model, first: id) }
            places.append(.init(model: model, row: id))
        }
        guard let first = places.first else { return .zero }
        return places.count == 1 ? .rows(model: first.model, first: first.row) : .mean(places)
    }
}
