import StreamIO
import SystemPackage

/// What is worth knowing of the models besides the shapes of their tensors.
extension PlanDraft {
    /// The model whose config.json and tokenizer the output gets.
    var outputModel: Int? { config.outputModel.flatMap { index($0.value) } }

    /// A head of the output's own where the base's is its embedding.
    struct OwnHead {
        /// What the tensor is called where the base has none; `nil` where it stores the embedding a second time.
        var name: String?
    }

    /// Whether the output has a head of its own though the config.json it gets says that it is the embedding, or has
    /// no tensor for it; `nil` where the head is as there.
    mutating func noteOwnHead(_ slices: [PlannedSlice]) -> OwnHead? {
        guard let first = slices.first, let last = slices.last, !first.isLost, !last.isLost, let outputModel
        else { return nil }
        let base = models[last.base]
        guard base.embedding != nil else { return nil }
        if base.hasOwnHead {
            guard !models[outputModel].hasOwnHead, models[outputModel].embedding != nil,
                !models[outputModel].isHeadless
            else { return nil }
            list.warn(
                last.line,
                "the head is that of \(base.name.text), and the head of \(models[outputModel].name.text) is its embedding: "
                    + "tie_word_embeddings is false")
            return OwnHead(name: nil)
        }
        if base.isHeadless {
            noteLostHead(of: base, in: last, config: models[outputModel])
            return nil
        }
        if let owner = last.sources.first(where: { models[$0.model].hasOwnHead }),
            let head = models[owner.model].head
        {
            list.warn(
                models[owner.model].line,
                "\(models[owner.model].name.text) has a head of its own, and the head of \(base.name.text) is its embedding: "
                    + "the output has a head of its own too, and tie_word_embeddings is false")
            return OwnHead(
                name: base.head == nil ? base.headName(like: head.name, of: models[owner.model]) : nil)
        }
        guard first.base != last.base, models[outputModel].mayHaveHead else { return nil }
        return noteHeadOfTwo(first, last)
    }

    /// Notes an output whose embedding and head are those of two models that tie theirs.
    private mutating func noteHeadOfTwo(_ first: PlannedSlice, _ last: PlannedSlice) -> OwnHead? {
        let base = models[last.base]
        if base.decoder != nil, outputModel.map({ !models[$0].profile.tiesHead }) == true { return nil }
        guard base.head != nil || base.decoder != nil || base.missingHeadName != nil else {
            list.warn(
                last.line,
                "the head of \(base.name.text) is its embedding, and the output's that of "
                    + "\(models[first.base].name.text): end with its layers for a head that fits them")
            return nil
        }
        list.warn(
            last.line,
            "the embedding is that of \(models[first.base].name.text), and the head that of \(base.name.text): "
                + "the output has a head of its own, and tie_word_embeddings is false")
        return OwnHead(name: base.head == nil && base.decoder == nil ? base.missingHeadName : nil)
    }

    /// Notes that the output would lack a head that its config.json, another model's, says it has.
    private mutating func noteLostHead(of base: OpenModel, in slice: PlannedSlice, config: OpenModel) {
        guard !config.isHeadless, config.mayHaveHead else { return }
        list.add(
            slice.line,
            "\(base.reference.displayName) says tie_word_embeddings: false and has no head, and the output's would be its",
            "download it again, or begin the last slice with a model that has a head")
    }

    /// Notes models of another architecture, and what their configs say otherwise than the base's.
    mutating func noteDifferences(_ findings: inout TensorFindings) {
        guard let outputModel else { return }
        let base = models[outputModel]
        for (index, model) in models.enumerated() where index != outputModel && !misfits.contains(index) {
            let differences = ModelDifferences(of: model.profile, from: base.profile)
            if !differences.settings.isEmpty {
                list.warn(
                    model.line,
                    "\(model.name.text): \(differences.text) (config.json): the output has the base's")
            }
            let ours = base.profile.architectures, theirs = model.profile.architectures
            guard !ours.isEmpty, !theirs.isEmpty, ours.isDisjoint(with: theirs) else { continue }
            let kinds =
                "\(theirs.sorted().joined(separator: ", ")), the base of \(ours.sorted().joined(separator: ", "))"
            findings.architectures[index] = kinds
            guard findings.fits(index), !isPart(model, of: base) else { continue }
            if allowsCrimes {
                list.warn(
                    model.line,
                    "\(model.name.text) is of the architecture \(kinds): merged all the same, as allow_crimes says"
                )
            } else {
                list.add(
                    model.line, "\(model.reference.displayName) is of the architecture \(kinds)",
                    "merge models of one architecture, or write dellad: {allow_crimes: true}, or --allow-crimes"
                )
            }
        }
    }

    /// Notes slices that are stored in other types than the first, and come out in them.
    mutating func noteMixedTypes(_ slices: [PlannedSlice]) {
        guard config.format == nil, config.outputFormat == nil,
            let first = slices.first(where: { !$0.isLost }), slices.allSatisfy({ $0.sources.count < 2 }),
            slices.contains(where: { !$0.isLost && $0.base != first.base })
        else { return }
        let types = models[first.base].formats
        var seen: Set<Int> = [first.base]
        for slice in slices where !slice.isLost && seen.insert(slice.base).inserted {
            let others = models[slice.base].formats
            // A model that mixes types by itself is no news.
            guard types.isDisjoint(with: others), let own = types.first, let other = others.first else {
                continue
            }
            list.warn(
                slice.line,
                "\(models[slice.base].name.text) is in \(other.name), \(models[first.base].name.text) in \(own.name): "
                    + "the output has tensors of both (write dtype: or out_dtype: for one type)")
        }
    }

    /// What becomes of the vocabularies, by the config's setting or, without one, by position; `nil` where nothing
    /// needs to. What is wrong with the tokenizers is noted.
    ///
    /// - Parameter slices: of which the first and the last give embedding and head.
    mutating func planVocabulary(
        _ slices: [PlannedSlice] = [], isStopped: () -> Bool
    ) -> VocabularyPlan? {
        guard let outputModel else { return nil }
        guard let setting = config.tokenizer else {
            let ends = [slices.first, slices.last].compactMap { $0 }
            let givers = Set(ends.flatMap { [$0.base] + $0.sources.map(\.model) })
            return TokenizerCheck(models: models, base: outputModel, givers: givers, library: library)
                .report(into: &list, isStopped: isStopped)
        }
        let draft = self
        var planner = VocabularyPlanner(
            models: models, base: outputModel, ownBase: config.base.flatMap { index($0.value) },
            setting: setting, library: library, room: memory.room,
            find: { draft.place(of: $0) })
        let plan = planner.plan(into: &list, isStopped: isStopped)
        let wanted = planner.wanted ?? plan?.memory ?? 0
        memory.take(wanted, tensors: 0, line: setting.line)
        return plan
    }

    /// The index of an opened model, by any name that it is found by. A folder alone is its one model, whatever adapter that
    /// has.
    private func place(of reference: ModelReference) -> Int? {
        if let index = index(reference) { return index }
        guard let places = library.places(of: reference) else { return nil }
        if let index = models.firstIndex(where: { $0.places == places }) { return index }
        let ofFolder = models.indices.filter { models[$0].place == places[0] }
        return reference.adapter == nil && ofFolder.count == 1 ? ofFolder[0] : nil
    }

    /// Names a base that is listed under another name as the base: it would count as one more model.
    mutating func nameBases() {
        let library = library
        var places: [ModelReference: [FilePath]?] = [:]
        var renamed: [(line: Int, text: String)] = []
        var seen: Set<ModelReference> = []
        config.updateSources { source, base in
            guard let base, source.model != base else { return }
            for model in [source.model, base] where places[model] == nil {
                places[model] = .some(library.places(of: model))
            }
            guard let own = places[source.model] ?? nil, own == places[base] ?? nil else { return }
            if seen.insert(source.model).inserted {
                let untold =
                    source.model.revision == base.revision ? "" : ", and nothing in it tells a revision"
                renamed.append(
                    (source.line, "\(source.model.text) is the folder of the base, \(base.text)\(untold)"))
            }
            source.model = base
        }
        for found in renamed { list.warn(found.line, found.text + ": it is taken as the base") }
    }

    /// Whether one of two models is the text model inside of the other, as far as their configs say.
    private func isPart(_ model: OpenModel, of base: OpenModel) -> Bool {
        guard model.profile.isComposite != base.profile.isComposite else { return false }
        let (whole, text) =
            model.profile.isComposite ? (model.profile, base.profile) : (base.profile, model.profile)
        guard let inner = whole.innerArchitecture else { return true }
        // `qwen2_5`, as the text model of `qwen2_5_vl` is called, is `qwen2` by itself.
        return text.architectures.contains { inner.hasPrefix($0) || $0.hasPrefix(inner) }
    }
}
