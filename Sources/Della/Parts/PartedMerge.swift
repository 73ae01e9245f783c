import StreamIO
import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A merge that several processes make in parts: what all of them, and those who assemble, have in common.
public struct PartedMerge: Sendable {
    let planner: MergePlanner
    /// The config as given.
    let text: [UInt8]
    private let fileName: String
    let options: MergeOptions
    let report: @Sendable (String) -> Void
    let places: PartPlaces

    /// How often a lock that another process has is tried again.
    private static let lockInterval = Duration.milliseconds(200)

    /// - Parameters:
    ///   - text: the config as given, of any size, of one document.
    ///   - fileName: its name in messages.
    ///   - output: the folder that will be published, on a file system that all parts share. Its parent must exist.
    ///   - report: told what an operator should know.
    public init(
        _ planner: MergePlanner, text: [UInt8], fileName: String, output: FilePath, options: MergeOptions,
        report: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.planner = planner
        self.text = text
        self.fileName = fileName
        self.options = options
        self.report = report
        places = PartPlaces(output: output)
    }

    /// - Throws: that a config of several documents has no parts, with the line of the second.
    public static func refuseRecipe(_ text: [UInt8], fileName: String) throws(RecipeError) {
        let recipe = MergeRecipe(text)
        guard !recipe.isSingle else { return }
        let problem = Problem(
            line: recipe.stages.map(\.document.line).sorted().dropFirst().first,
            "a config of several documents cannot be merged in parts",
            remedy: "put each document into a file of its own, and merge one after the other")
        throw .problems(MergeProblems(fileName: fileName, problems: [problem]))
    }

    /// Plans all of it.
    ///
    /// - Throws: every problem of the config; that it is a recipe is one.
    func plan(progress: MergeProgress, stop: StopRequest) throws(RecipeError) -> MergePlan {
        try Self.refuseRecipe(text, fileName: fileName)
        let plan: MergePlan?
        do throws(MergeProblems) {
            plan = try planner.plan(
                text, fileName: fileName, outputName: places.whole.output.lastComponent?.string ?? "",
                progress: progress, stop: stop)
        } catch {
            throw .problems(error)
        }
        guard let plan else {
            throw .failure(.stopped)
        }
        try options.refuseTrace(asOneOf: plan.modelFolders)
        return plan
    }

    /// Why what is asked for is not what the parts began with.
    func otherMerge(_ difference: String) -> MergeFailure {
        MergeFailure(
            .inputChanged,
            "\(places.whole.output): its parts were begun otherwise: \(difference) (give all parts the same config, "
                + "models, options and number; or remove \(places.journals) and \(places.whole.path) to begin anew)"
        )
    }

    /// Waits for a lock.
    ///
    /// - Parameters:
    ///   - beat: called while waiting; what it throws ends it.
    ///   - isWorthIt: asked once, with who has the lock, whether to wait at all.
    /// - Throws: `underWay` where another process has it.
    func lock(
        _ path: FilePath, patience: Duration, _ beat: () throws(MergeFailure) -> Void,
        isWorthIt: (FileLock.Holder?) -> Bool
    ) throws(MergeFailure) -> FileLock {
        let end = ContinuousClock.now + patience
        var isAsked = false
        while true {
            do throws(IOError) {
                return try FileLock.take(path)
            } catch {
                guard error.operation == "lock", error.errno == .resourceTemporarilyUnavailable else {
                    throw .creation(error, output: places.whole.output)
                }
            }
            let holder = FileLock.holder(of: path)
            guard isAsked || isWorthIt(holder), ContinuousClock.now < end else {
                let who = holder.map { ": process \($0.process) on \($0.machine)" } ?? ""
                throw MergeFailure(
                    .underWay,
                    "\(path): another process is at it\(who) (wait until it has ended, then start this again)"
                )
            }
            isAsked = true
            try beat()
            Self.sleep(Self.lockInterval)
        }
    }

    static func sleep(_ time: Duration) { usleep(UInt32(time / .microseconds(1))) }
}
