import StreamIO
import SystemPackage

/// A plan in the making: the config, the models found so far, and all that is wrong.
struct PlanDraft {
    var config: MergeConfig
    var library: ModelLibrary
    var list: ProblemList
    /// Threads that will compute.
    let threads: Int
    /// Whether models of different architectures may be merged.
    let allowsCrimes: Bool
    /// Base first, then in the order the config names them, each once.
    var models: [OpenModel] = []
    /// Models with another number of layers than the base; their tensors need no report.
    var misfits: Set<Int> = []
    private var indices: [ModelReference: Int] = [:]
    /// Models that could not be opened; their problems are noted.
    private var lost: Set<ModelReference> = []
    /// What was opened or could not be, by folder, links resolved: a config may name one in many ways.
    private var folders: [FilePath: Result<OpenFolder, FolderProblem>] = [:]
    let listing: NameListing
    /// What planning takes.
    var memory: PlanMemory
    /// Whether the config asks for more than `PlanLimits` has, so that nothing is opened.
    private var isBeyondLimits = false

    init(
        config: MergeConfig, library: ModelLibrary, list: ProblemList, threads: Int = 1,
        listing: NameListing = NameListing(), memory: UInt64? = nil, allowsCrimes: Bool = false
    ) {
        self.config = config
        self.library = library
        self.list = list
        self.threads = threads
        self.listing = listing
        let budgets = [memory, config.dellad.memory?.value].compactMap { $0 }
        self.memory = PlanMemory(budget: budgets.min())
        self.allowsCrimes = allowsCrimes || config.dellad.allowsCrimes
    }

    // MARK: Models

    /// Finds and opens every model that the config names.
    mutating func openModels(isStopped: () -> Bool = { false }) {
        noteLimits()
        guard !isBeyondLimits else { return }
        nameBases()
        if let base = config.base { open(base.value, line: base.line, isStopped: isStopped) }
        for slice in config.slices {
            if let base = slice.base { open(base.value, line: base.line, isStopped: isStopped) }
            for source in slice.sources where !isStopped() {
                open(source.model, line: source.line, isStopped: isStopped)
            }
        }
        noteWantOfMemory()
    }

    /// Forgets the models, so that others may be opened.
    mutating func closeModels() { (models, folders) = ([], [:]) }

    /// Where the memory did not do, nothing of the plan can be said.
    private mutating func noteWantOfMemory() {
        guard let problem = memory.problem else { return }
        list.add(problem)
        isBeyondLimits = true
    }

    /// Notes what is more than a config may ask for.
    private mutating func noteLimits() {
        if config.slices.count > PlanLimits.slices {
            isBeyondLimits = true
            list.add(
                config.slices[PlanLimits.slices].line,
                "\(config.slices.count) slices, and a config has at most \(PlanLimits.slices)",
                "join those that follow each other")
        }
        var models: Set<ModelReference> = []
        for (model, line) in config.namedModels where models.insert(model).inserted {
            guard models.count > PlanLimits.models else { continue }
            isBeyondLimits = true
            list.add(
                line, "more than \(PlanLimits.models) models, or names of them",
                "merge some first, and then what they give")
            return
        }
    }

    private mutating func open(_ reference: ModelReference, line: Int, isStopped: () -> Bool) {
        guard indices[reference] == nil, !lost.contains(reference), !isStopped()
        else { return }
        let result = library.find(reference)
        guard case .found(let folder, let isRevision) = result else {
            lost.insert(reference)
            let problem = library.problem(
                reference, result: result, line: line, listing: listing, isStopped: isStopped)
            if let problem { list.add(problem) }
            return
        }
        if !isRevision, let revision = reference.revision {
            let name = ModelName(reference, in: folder, of: library).text
            list.warn(line, "\(name) is taken for revision \(revision): nothing in its folder tells one")
        }
        guard var model = opened(reference, folder: folder, line: line, isStopped: isStopped) else {
            lost.insert(reference)
            return
        }
        if let adapter = reference.adapter {
            guard let found = openAdapter(adapter, of: model, line: line, isStopped: isStopped) else {
                lost.insert(reference)
                return
            }
            model.adapter = found
            noteTiedHead(of: model)
            noteMagnitudes(of: model)
            noteTokens(of: &model, isStopped: isStopped)
        }
        indices[reference] = models.count
        models.append(model)
    }

    private mutating func opened(
        _ reference: ModelReference, folder: FilePath, line: Int, isStopped: () -> Bool
    ) -> OpenModel? {
        let place = (try? FileSystem.resolved(folder)) ?? folder
        let found = folders[place] ?? openFolder(folder, line: line, isStopped: isStopped)
        folders[place] = found
        switch found {
        case .failure(let failure):
            // What is too large is told once, when all is known.
            if !failure.isWantOfMemory {
                let download = library.completion(of: reference, in: folder)
                list.add(failure.problem(of: reference, line: line, download: download))
            }
            return nil
        case .success(let opened):
            var model = OpenModel(
                reference: reference, name: ModelName(reference, in: folder, of: library), line: line,
                folder: folder, place: place, opened: opened)
            model.readable = library.readable
            if let problem = obstacle(to: model) {
                list.add(problem)
                return nil
            }
            noteLeftovers(of: model)
            return model
        }
    }

    /// Notes what lies beside a model's weights and does not fit them.
    private mutating func noteLeftovers(of model: OpenModel) {
        if let remark = model.checkpoint.remark {
            list.warn(model.line, "\(model.name.text): \(remark)")
        }
        if model.isScaled, model.checkpoint.tensors.contains(where: { model.scales(of: $0) != nil }) {
            list.warn(
                model.line,
                "\(model.name.text): \(model.scaledCount) weights of 8 bits are multiplied with their scales while they are "
                    + "read; the output has neither scales nor quantization_config")
            return
        }
        guard let method = model.profile.quantization else { return }
        list.warn(
            model.line,
            "\(model.name.text): config.json says it is quantised (\(method)), and all its tensors are floating "
                + "point: they decide, and the output has no quantization_config")
    }

    private mutating func openFolder(
        _ folder: FilePath, line: Int, isStopped: () -> Bool
    ) -> Result<OpenFolder, FolderProblem> {
        let found = OpenFolder.open(folder, of: library, room: memory.room, isStopped: isStopped)
        switch found {
        case .success(let opened):
            let taken = opened.checkpoint.memory + opened.profile.memory
            memory.take(taken, tensors: opened.checkpoint.tensors.count, line: line)
        case .failure(.checkpoint(let error)):
            if case .tooLarge(let needed, let tensors) = error.reason {
                memory.take(needed, tensors: tensors, line: line)
            }
        case .failure: break
        }
        return found
    }

    /// What keeps an opened model from being merged with any other.
    private func obstacle(to model: OpenModel) -> Problem? {
        let name = model.reference.displayName
        if model.checkpoint.tensors.isEmpty {
            return Problem(line: model.line, "\(name) has no tensors", remedy: "download it again")
        }
        if let layers = model.profile.layerCount, !(1...LayerPosition.layerLimit).contains(layers) {
            return Problem(
                line: model.line,
                "\(name): \(model.folder.appending("config.json")): "
                    + "\(model.profile.layerCountKey?.key ?? "") is \(layers), and a model has "
                    + (layers < 1 ? "at least one layer" : "at most \(LayerPosition.layerLimit) layers"),
                remedy: "correct it, or download it again")
        }
        guard let method = model.profile.quantization, model.holdsPackedTensors else { return nil }
        return Problem(
            line: model.line, "\(name) is quantised (\(method)): its weights cannot be computed with",
            remedy: "name the model in bfloat16, float16 or float32 that it was made from")
    }

    /// The index of an opened model.
    func index(_ reference: ModelReference) -> Int? { indices[reference] }

    // MARK: Plan

    /// The plan; `nil` where problems stand against it, all noted.
    ///
    /// What can be found with the models that opened, and without a method, is found all the same.
    mutating func plan(
        seed: UInt64, text: [UInt8], outputName: String, stage: StageContext? = nil,
        isStopped: () -> Bool = { false }
    ) -> MergePlan? {
        guard !isStopped(), !isBeyondLimits else { return nil }
        let slices = planSlices()
        noteMixedTypes(slices)
        let head = noteOwnHead(slices)
        let ownHead = head?.name.flatMap { OutputSpot.head(named: $0, of: slices, models: models) }
        guard let extent = extent(of: slices, head: ownHead, isStopped: isStopped) else { return nil }
        let vocabulary = planVocabulary(slices, isStopped: isStopped)
        noteRows(slices, vocabulary?.vocabulary)
        noteWantOfMemory()
        guard !isStopped(), !isBeyondLimits else { return nil }
        var builder = TensorPlanner(
            config: config, models: models, slices: slices, head: ownHead, outputModel: outputModel,
            extent: extent, recipeRoom: memory.room)
        builder.readable = library.readable
        builder.vocabulary = vocabulary?.vocabulary.flatMap { $0.maps.isEmpty ? nil : $0 }
        builder.planAll(isStopped: isStopped)
        guard !isStopped() else { return nil }
        memory.take(builder.tensors.recipeMemory, tensors: extent.tensors, line: config.layoutLine ?? 1)
        noteWantOfMemory()
        for model in misfits { builder.findings.missing[model] = nil }
        noteDifferences(&builder.findings)
        builder.report(into: &list)
        guard list.problems.isEmpty, let method = config.method, let baseIndex = outputModel,
            !slices.isEmpty,
            !slices.contains(where: \.isLost)
        else { return nil }
        let size = config.dellad.shardSize ?? MergePlanner.usualShardSize
        guard
            let shards = ShardLayout.shards(of: builder.tensors, shardSize: size, isStopped: isStopped)
        else {
            list.add(
                nil, "a shard_size of \(size) bytes makes more than \(ShardLayout.shardLimit) files",
                "write a larger one, 5GB is usual")
            return nil
        }
        var writer = CompanionWriter(
            config: config, models: models, base: baseIndex, slices: slices, shards: shards,
            untiesHead: head != nil, vocabulary: vocabulary, library: library)
        writer.stage = stage
        let companions = writer.companions(
            configText: text, outputName: outputName, isStopped: isStopped)
        guard !isStopped() else { return nil }
        writer.report(into: &list)
        var plan = MergePlan(
            method: method, seed: seed, inputs: builder.inputs, shards: shards, companions: companions,
            warnings: list.warnings, memoryLimit: config.dellad.memory?.value,
            retries: config.dellad.retries, modelNames: modelNames,
            base: config.base == nil ? nil : baseIndex,
            vocabulary: vocabulary?.report(models: models.count))
        (plan.folders, plan.folderNames) = (models.map(\.weightsFolder), folderNames)
        plan.namings = builder.namings
        plan.adapters = models.map { $0.adapter?.summary }
        plan.card = writer.stageCard
        plan.stageFolders = Set(library.stageFolders)
        noteMemory(plan)
        return list.problems.isEmpty ? plan : nil
    }

    /// What the models are called: of one that has two revisions here with them.
    private var modelNames: [String] {
        let names = revisedNames
        return zip(models, names).map { model, name in name + (model.name.adapter.map { "+" + $0 } ?? "") }
    }

    /// What the folders of models and adapters are called.
    private var folderNames: [FilePath: String] {
        var names: [FilePath: String] = [:]
        for (model, name) in zip(models, revisedNames) {
            if names[model.weightsFolder] == nil { names[model.weightsFolder] = name }
            if let adapter = model.adapter { names[adapter.folder] = model.name.adapter }
        }
        return names
    }

    /// The models' names without their adapters, with the revision where one would stand for two folders.
    private var revisedNames: [String] {
        var folders: [String: Set<FilePath>] = [:]
        for model in models { folders[model.name.model, default: []].insert(model.place) }
        return models.map { (folders[$0.name.model]?.count ?? 0) > 1 ? $0.name.revisedModel : $0.name.model }
    }

    /// How much the plan will hold; `nil` where that is too much, which is noted.
    private mutating func extent(
        of slices: [PlannedSlice], head: OutputSpot?, isStopped: () -> Bool
    ) -> FlatTensors.Extent? {
        let extent = OutputSpot.extent(slices: slices, models: models, head: head, isStopped: isStopped)
        let line = config.layoutLine ?? 1
        if extent.tensors > PlanLimits.tensors {
            list.add(
                line, "the output has \(extent.tensors) tensors, and a plan at most \(PlanLimits.tensors)",
                "merge models, or slices, with fewer")
            return nil
        }
        memory.take(extent.memory, tensors: extent.tensors, line: line)
        noteWantOfMemory()
        return isBeyondLimits ? nil : extent
    }

    /// A config's own limit that is too small is the config's mistake: no option of the command can raise it.
    private mutating func noteMemory(_ plan: MergePlan) {
        guard let limit = config.dellad.memory else { return }
        let least = MergeLayout.least(for: plan, threads: threads)
        guard least.memory > limit.value else { return }
        list.add(
            limit.line, "memory: \(ByteCount(limit.value)) is too small for the rows of \(least.tensor)",
            "write \(ByteCount.wholeMebibytes(for: least.memory)) or more, or leave it out")
    }
}
