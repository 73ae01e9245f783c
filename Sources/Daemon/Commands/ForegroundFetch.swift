import CDaemon
import Della
import StreamIO
import SystemPackage

/// Fetches models while somebody waits.
struct ForegroundFetch {
    let means: FetchMeans

    /// Plans, and fetches what is missing, as often as that lets the planner find more.
    ///
    /// - Parameters:
    ///   - isWanted: whether models are fetched at all.
    ///   - plan: throws what is wrong with a merge.
    static func planning<Plan>(
        _ settings: DaemonSettings, isWanted: Bool, _ plan: () throws -> Plan
    ) throws -> Plan {
        var fetched: Set<HubModel> = []
        while true {
            do {
                return try plan()
            } catch let failure as CommandFailure {
                guard isWanted, let models = failure.absentModels, fetched.isDisjoint(with: models) else {
                    throw failure
                }
                fetched.formUnion(models)
                let means = try FetchMeans(
                    settings, root: root(settings), environment: ProcessEnvironment.variables)
                for model in models { try ForegroundFetch(means: means).fetch(model) }
            }
        }
    }

    /// Where models of a person at the command line come to: the first folder of models that they may write in, else
    /// Hugging Face's cache.
    static func root(_ settings: DaemonSettings) -> FilePath {
        settings.models.first(where: mayHold) ?? HubCache(ProcessEnvironment.variables).folder
            ?? settings.models.first ?? "."
    }

    /// Whether a folder may be written in, or made.
    private static func mayHold(_ folder: FilePath) -> Bool {
        if FileSystem.isWritable(folder) { return true }
        let isThere = (try? FileSystem.status(folder)) != .some(nil)
        return !isThere && FileSystem.isWritable(folder.parent)
    }

    /// Fetches a model, and tells where it is.
    func fetch(_ model: HubModel) throws {
        let means = means
        let result = try ForegroundWork<ModelFetch.Result> { (_, stop) throws(CommandFailure) in
            var line = FetchLine(model)
            var attempts = FetchAttempts()
            while true {
                do throws(FetchFailure) {
                    return try means.fetch(model) { progress in
                        attempts.came(progress.bytesDone)
                        line.show(progress)
                        return !stop.isRequested
                    }
                } catch {
                    line.end()
                    guard let delay = attempts.delay(after: error) else {
                        throw CommandFailure("\(model): \(error)", exitCode: error.exitCode)
                    }
                    StandardStream.error.write(
                        "dellad: \(model): \("\(error)".printable); tried again in \(Figure.duration(delay / .seconds(1)))\n"
                    )
                    let end = ContinuousClock.now + min(delay, FetchQueue.testedDelay ?? delay)
                    while .now < end, !stop.isRequested { DetachedThread.sleep(.milliseconds(100)) }
                }
            }
        }.perform()
        let at = result.commit.map { " at \($0.prefix(12))" } ?? ""
        StandardStream.error.write(
            "dellad: \(model): fetched\(at), \(Figure.bytes(result.bytes)), \(result.folder)\n")
    }
}

/// How far a fetch is, in a line: again and again on a terminal, now and then elsewhere.
struct FetchLine {
    private let model: HubModel
    private let isTerminal = StandardStream.error.isSteerable()
    private var meter = RateMeter()
    private var next = ContinuousClock.now
    private var isShown = false

    init(_ model: HubModel) { self.model = model }

    mutating func show(_ progress: ModelFetch.Progress) {
        guard .now >= next else { return }
        next = .now + (isTerminal ? .milliseconds(500) : .seconds(10))
        meter.add(progress.bytesDone, at: .now)
        var text = "\(model): \(progress.step.rawValue)"
        if progress.step == .fetching {
            text += " \(Figure.bytes(progress.bytesDone))"
            if let total = progress.bytesTotal { text += " of \(Figure.bytes(total))" }
            text += ", \(Figure.rate(meter.rate))"
        }
        if isTerminal {
            StandardStream.error.write("\r\(text.prefix(StandardStream.error.width - 1))\u{1B}[K")
            isShown = true
        } else if progress.step == .fetching {
            StandardStream.error.write("dellad: \(text)\n")
        }
    }

    /// Lets other lines follow.
    mutating func end() {
        if isShown { StandardStream.error.write("\r\u{1B}[K") }
        isShown = false
    }
}
