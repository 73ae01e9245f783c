import StreamIO
import SystemPackage

/// A plan in the making: the config, the models found so far, and all that is wrong.
struct PlanDraft {
    var config: MergeConfig
    var library: ModelLibrary
    var list: ProblemList
    /// Base first, then in the order the config names them, each once.
    var models: [OpenModel] = []
    /// Models with another number of layers than the base; their tensors need no report.
    var misfits: Set<Int> = []
    private var indices: [ModelReference: Int] = [:]
    /// Models that could not be opened; their problems are noted.
    private var lost: Set<ModelReference> = []

    init(config: MergeConfig, library: ModelLibrary, list: ProblemList) {
        self.config = config
        self.library = library
        self.list = list
    }

    // MARK: Models

    /// Finds and opens every model that the config names.
    mutating func openModels(isStopped: () -> Bool = { false }) {
        if let base = config.base { open(base.value, line: base.line) }
        for slice in config.slices {
            if let base = slice.base { open(base.value, line: base.line) }
            for source in slice.sources where !isStopped() { open(source.model, line: source.line) }
        }
    }

    private mutating func open(_ reference: ModelReference, line: Int) {
        guard indices[reference] == nil, !lost.contains(reference), reference.adapter == nil else { return }
        let result = library.find(reference)
        guard case .found(let folder, let isRevision) = result else {
            lost.insert(reference)
            if let problem = library.problem(reference, result: result, line: line) { list.add(problem) }
            return
        }
        if !isRevision, let revision = reference.revision {
            list.warn(
                line, "\(folder) is taken for \(reference.path)@\(revision): nothing there tells its revision"
            )
        }
        guard let model = opened(reference, folder: folder, line: line) else {
            lost.insert(reference)
            return
        }
        indices[reference] = models.count
        models.append(model)
    }

    private mutating func opened(_ reference: ModelReference, folder: FilePath, line: Int) -> OpenModel? {
        let checkpoint: Checkpoint
        let profile: ModelProfile
        do throws(CheckpointError) {
            checkpoint = try Checkpoint(opening: folder, permits: library.permits)
        } catch {
            if error.reason == .notPermitted {
                let forbidden = ModelLibrary.forbidden
                list.add(
                    line, "\(reference.text): \(error.path) \(forbidden.problem)", forbidden.remedy)
                return nil
            }
            list.add(
                line, "\(reference.displayName): \(error.path): \(error.problem)", error.remedy,
                kind: error.isMissingInput ? .missingInput : .data)
            return nil
        }
        do throws(ProfileError) {
            profile = try ModelProfile(folder: folder, library: library)
        } catch {
            list.add(line, "\(reference.displayName): \(error.path): \(error.reason)", error.remedy)
            return nil
        }
        if let shard = checkpoint.shards.first(where: { !library.permits($0.path) }) {
            list.add(
                line, "\(reference.text): \(shard.path) leads out of the --models folders",
                "move the file there, or start dellad serve with --allow-any-path")
            return nil
        }
        if let method = profile.quantization {
            list.add(
                line,
                "\(reference.displayName) is quantised (\(method)): its weights cannot be computed with",
                "name the model in bfloat16, float16 or float32 that it was made from")
            return nil
        }
        return OpenModel(
            reference: reference, line: line, folder: folder, checkpoint: checkpoint, profile: profile)
    }

    /// The index of an opened model.
    func index(_ reference: ModelReference) -> Int? { indices[reference] }

    // MARK: Plan

    /// The plan; `nil` where problems stand against it, all noted.
    mutating func plan(
        seed: UInt64, text: [UInt8], outputName: String, isStopped: () -> Bool = { false }
    ) -> MergePlan? {
        guard !isStopped() else { return nil }
        let slices = planSlices()
        guard let method = config.method, let base = config.base?.value, let baseIndex = index(base),
            !slices.isEmpty, slices.count == config.slices.count
        else { return nil }
        var builder = TensorPlanner(
            method: method, config: config, models: models, slices: slices,
            seedOrder: OutputSpot.list(
                slices: slices, models: models))
        builder.planAll(isStopped: isStopped)
        guard !isStopped() else { return nil }
        for model in misfits { builder.findings.missing[model] = nil }
        builder.report(into: &list)
        guard list.problems.isEmpty else { return nil }
        let size = config.dellad.shardSize ?? MergePlanner.usualShardSize
        guard let shards = ShardLayout.shards(of: builder.tensors, shardSize: size) else {
            list.add(
                nil, "a shard_size of \(size) bytes makes more than \(ShardLayout.shardLimit) files",
                "write a larger one, 5GB is usual")
            return nil
        }
        var writer = CompanionWriter(
            config: config, models: models, base: baseIndex, slices: slices, shards: shards, library: library)
        let companions = writer.companions(configText: text, outputName: outputName)
        writer.report(into: &list)
        guard list.problems.isEmpty else { return nil }
        return MergePlan(
            method: method, seed: seed, inputs: builder.inputs, shards: shards, companions: companions,
            warnings: list.warnings, memoryLimit: config.dellad.memory, retries: config.dellad.retries,
            modelNames: models.map(\.reference.displayName))
    }
}
