import StreamIO
import SystemPackage

/// Decides a merge: from a config's text and the headers of the models to the last byte range.
///
/// Finds everything that can be wrong with a merge. Reads headers, `config.json` and integer tensors, in bounded
/// memory; no weight.
public struct MergePlanner: Sendable {
    /// Where models are looked up.
    public var library: ModelLibrary
    /// Beats the config's seed.
    public var seed: UInt64?
    /// The most bytes of tensor data in one output file, where the config does not say.
    public var shardSize: UInt64
    /// Beats the config's `shard_size`.
    public var forcedShardSize: UInt64?
    /// Threads that will compute, each of which needs memory.
    public var threads: Int
    /// The merge's budget, in bytes, which planning may use as well; `nil` for any.
    public var memory: UInt64?
    /// Whether models of different architectures may be merged, if all their tensors fit; the config may say so too.
    public var allowsCrimes: Bool

    /// Bytes of one output file where nobody says.
    public static let usualShardSize: UInt64 = 5_000_000_000

    /// A planner that looks models up in `library`.
    public init(
        library: ModelLibrary, seed: UInt64? = nil, shardSize: UInt64 = Self.usualShardSize,
        threads: Int = 1, memory: UInt64? = nil, allowsCrimes: Bool = false
    ) {
        self.library = library
        self.seed = seed
        self.shardSize = shardSize
        self.threads = threads
        self.memory = memory
        self.allowsCrimes = allowsCrimes
    }

    /// Plans the merge that a config asks for.
    ///
    /// - Parameters:
    ///   - text: the config, of any size; more than 1 MiB is refused unread.
    ///   - fileName: the config's name in messages.
    ///   - outputName: the name of the output folder, which the model card shows.
    /// - Throws: every problem of the config and its models at once, in the order of the file.
    public func plan(
        _ text: [UInt8], fileName: String, outputName: String
    ) throws(MergeProblems) -> MergePlan {
        let plan = try plan(text, fileName: fileName, outputName: outputName, isStopped: { false })
        guard let plan else { preconditionFailure("nobody stops it") }
        return plan
    }

    /// Plans the merge that a config asks for, unless it is told to stop.
    ///
    /// - Parameter isStopped: asked before each model, name, tensor and piece of a file that is looked at, so that a
    ///   watchdog may take each time that it is asked for a sign of life.
    /// - Returns: `nil` where it was stopped.
    /// - Throws: every problem, as above.
    public func plan(
        _ text: [UInt8], fileName: String, outputName: String, isStopped: () -> Bool
    ) throws(MergeProblems) -> MergePlan? {
        try plan(text, fileName: fileName, outputName: outputName, stage: nil, isStopped: isStopped)
    }

    /// Plans one document of a recipe, or all of a config without others.
    ///
    /// - Parameter stage: what the recipe says of the document; `nil` for a config of one.
    /// - Returns: `nil` also where a model is a stage that could not be planned, and nothing else is wrong.
    func plan(
        _ text: [UInt8], fileName: String, outputName: String, stage: StageContext?,
        isStopped: () -> Bool
    ) throws(MergeProblems) -> MergePlan? {
        if let fence = ConfigFence(text) { throw fence.problems(fileName: fileName) }
        var (config, list) = ConfigParser.parse(text, isStage: stage != nil)
        if let keep = config.dellad.keep, keep.value, stage?.isResult ?? true {
            list.warn(keep.line, "keep changes nothing here: what this document makes is the result")
        }
        config.dellad.shardSize = forcedShardSize ?? config.dellad.shardSize ?? shardSize
        let listing = NameListing()
        var draft = PlanDraft(
            config: config, library: library, list: list, threads: threads, listing: listing,
            memory: memory, allowsCrimes: allowsCrimes)
        draft.openModels(isStopped: isStopped)
        let plan = draft.plan(
            seed: seed ?? config.dellad.seed ?? 0, text: text, outputName: outputName, stage: stage,
            isStopped: isStopped)
        // What was found until then is not all.
        if isStopped() { return nil }
        if !list.problems.isEmpty,
            let repair = IndentationRepair.repair(
                text, library: library, listing: listing, isStopped: isStopped)
        {
            draft.closeModels()
            let problems = repair.problems(
                fileName: fileName, library: library, listing: listing, memory: memory, isStopped: isStopped
            )
            if isStopped() { return nil }
            throw problems
        }
        if let report = draft.list.report(fileName: fileName) { throw report }
        guard let plan else {
            if library.stages.values.contains(.unplanned) { return nil }
            throw MergeProblems(
                fileName: fileName,
                problems: [Problem(line: nil, "nothing to merge", remedy: "list models")])
        }
        return plan
    }

    /// Plans the merge that a config asks for, beating as a merge does, until a stop is requested.
    ///
    /// - Returns: `nil` where it was stopped.
    /// - Throws: every problem, as above.
    public func plan(
        _ text: [UInt8], fileName: String, outputName: String, progress: MergeProgress,
        stop: StopRequest
    ) throws(MergeProblems) -> MergePlan? {
        try plan(
            text, fileName: fileName, outputName: outputName,
            isStopped: {
                progress.beat()
                return stop.isRequested
            })
    }
}
