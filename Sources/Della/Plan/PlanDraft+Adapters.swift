import StreamIO
import SystemPackage

/// The adapters of models, and what they change of them besides weights.
extension PlanDraft {
    /// Finds and opens an adapter; `nil` where that cannot be done, which is noted.
    mutating func openAdapter(
        _ name: String, of model: OpenModel, line: Int, isStopped: () -> Bool
    ) -> OpenAdapter? {
        if let problem = library.adapterProblem(
            model.reference, line: line, listing: listing, isStopped: isStopped)
        {
            list.add(problem)
            return nil
        }
        let models = library.withoutStages
        guard let reference = models.adapter(named: name), case .found(let folder, _) = models.find(reference)
        else { return nil }
        do throws(AdapterProblem) {
            return try withoutActuallyEscaping(isStopped) { (isStopped) throws(AdapterProblem) in
                try OpenAdapter(
                    opening: folder, of: model.checkpoint, in: library.readable, isStopped: isStopped)
            }
        } catch {
            list.add(
                line, "\(reference.displayName): \(error.message)", error.remedy,
                kind: error.isMissing ? .missingInput : .data)
            return nil
        }
    }

    /// Notes an adapter that changes a head by changing the embedding.
    mutating func noteTiedHead(of model: OpenModel) {
        guard let adapter = model.adapter, model.head == nil, model.decoder == nil, !model.isHeadless,
            let name = model.embedding?.name,
            adapter.parts[name] != nil || adapter.saved[name] != nil
        else { return }
        list.warn(
            model.line,
            "\(model.name.text): the adapter changes \(name), which is the head too: the head changes with it"
        )
    }

    /// Notes an adapter whose embedding the output has with its own rows, beside a head of others.
    mutating func noteRows(_ slices: [PlannedSlice], _ vocabulary: OutputVocabulary?) {
        guard let first = slices.first, !first.isLost, vocabulary?.maps[first.base] == nil,
            let adapter = models[first.base].adapter,
            let misfit = adapter.rowsMisfit(of: models[first.base].checkpoint)
        else { return }
        list.add(
            models[first.base].line,
            "\(models[first.base].reference.displayName): \(adapter.shard.path): \(misfit)",
            AdapterConfig.mergeRemedy)
    }

    /// Notes magnitudes that the adapter's config does not speak of.
    mutating func noteMagnitudes(of model: OpenModel) {
        guard let name = model.adapter?.unannounced else { return }
        list.warn(
            model.line,
            "\(model.name.text): \(name) has a lora_magnitude_vector, which is applied; without use_dora in "
                + "\(AdapterConfig.fileName) peft leaves it out")
    }

    /// Notes rows and tokens that an adapter was trained with and its model has not: the tokenizer stays the model's.
    mutating func noteTokens(of model: inout OpenModel, isStopped: () -> Bool) {
        guard let adapter = model.adapter else { return }
        if let resized = adapter.resized(of: model.checkpoint) {
            list.warn(
                model.line,
                "\(model.name.text): \(resized.name) has \(resized.rows) rows in the adapter, \(resized.baseRows) in the "
                    + "model: the tokenizer stays the model's, and vocab_size is the number of rows written")
        }
        let theirs = TokenizerFiles(in: adapter.folder, readable: library.readable)
        let ours = TokenizerFiles(in: model.folder, readable: library.readable)
        guard !theirs.names.isEmpty, !ours.names.isEmpty, !theirs.hasTokens(of: ours, isStopped: isStopped),
            let own = tokens(in: model.folder, isStopped)?.count,
            let tokens = tokens(in: adapter.folder, isStopped), tokens.count > own, !isStopped()
        else { return }
        model.adapter?.tokenCount = tokens.count
        let lost = tokens.count - own
        let first = tokens.token(own).map { " (\(String(decoding: $0, as: UTF8.self).excerpt)…)" } ?? ""
        list.warn(
            model.line,
            "\(model.name.text): the tokenizer beside the adapter has \(tokens.count) tokens, the model's \(own), which is the "
                + "one that counts: \(lost) \(lost == 1 ? "token is" : "tokens are") lost\(first). To keep them, merge the "
                + "adapter into its base with peft's merge_and_unload, save its tokenizer there, and name the result"
        )
    }

    private func tokens(in folder: FilePath, _ isStopped: () -> Bool) -> TokenizerVocabulary? {
        try? TokenizerVocabulary(folder: folder, in: library.readable, isStopped: isStopped)
    }
}
