import StreamIO

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
            guard !models[outputModel].hasOwnHead, models[outputModel].embedding != nil else { return nil }
            list.warn(
                last.line,
                "the head is that of \(base.name.text), and the head of \(models[outputModel].name.text) is its embedding: "
                    + "tie_word_embeddings is false")
            return OwnHead(name: nil)
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
        guard first.base != last.base else { return nil }
        list.warn(
            last.line,
            "the embedding is that of \(models[first.base].name.text), and the head that of \(base.name.text): "
                + "the output has a head of its own, and tie_word_embeddings is false")
        return OwnHead(name: base.head == nil ? base.usualHeadName : nil)
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
            // A text model inside of another one is a part of it, whatever that is called.
            guard findings.fits(index), model.textPrefix == base.textPrefix else { continue }
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

    /// Notes tokenizers that say other tokens for the same rows.
    mutating func noteTokenizers(isStopped: () -> Bool) {
        guard let outputModel else { return }
        TokenizerCheck(
            models: models, base: outputModel, settingLine: config.tokenizerSourceLine,
            isUnion: config.isTokenizerUnion, library: library
        ).report(into: &list, isStopped: isStopped)
    }
}
