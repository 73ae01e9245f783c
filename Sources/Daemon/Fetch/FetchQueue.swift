import Della
import Logging
import StreamIO
import SystemPackage

/// Answers the requests of a daemon, one model after another. A model whose hub is away waits while others are fetched.
struct FetchQueue {
    /// How often answers are written, and requests looked at.
    private static let interval = Duration.milliseconds(500)

    private struct Pending {
        var attempts: FetchAttempts
        var notBefore: ContinuousClock.Instant
    }

    let folder: FetchFolder
    let means: FetchMeans
    let log: Logger
    /// The longest wait between two attempts; tests shorten it.
    var longestDelay = RetryDelay.longest
    private var pending: [HubModel: Pending] = [:]

    init(folder: FetchFolder, means: FetchMeans, log: Logger) {
        (self.folder, self.means, self.log) = (folder, means, log)
    }

    /// Answers until nothing is asked for any more, or for as long as it is let.
    ///
    /// - Parameters:
    ///   - watching: whether it waits for further requests.
    ///   - isStopped: asked often; what is under way stops, and goes on in the next run.
    mutating func run(watching: Bool, isStopped: () -> Bool) {
        while !isStopped() {
            folder.takeClearing(means, log)
            let requests = folder.requests()
            let wanted = Set(requests.map(\.model))
            pending = pending.filter { wanted.contains($0.key) }
            let now = ContinuousClock.now
            if let next = requests.first(where: { (pending[$0.model]?.notBefore ?? now) <= now }) {
                answer(next, isStopped: isStopped)
            } else {
                if requests.isEmpty, !watching { return }
                DetachedThread.sleep(Self.interval)
            }
        }
    }

    private mutating func answer(_ request: FetchRequest, isStopped: () -> Bool) {
        let model = request.model
        var attempts =
            pending[model]?.attempts ?? FetchAttempts(count: folder.answer(to: request)?.attempts ?? 0)
        var answer = FetchAnswer(identifier: request.identifier, state: .listing)
        answer.attempts = attempts.count
        var next = ContinuousClock.now
        note(model, .info, "fetching")
        do throws(FetchFailure) {
            let result = try means.fetch(model) { progress in
                attempts.came(progress.bytesDone)
                guard .now >= next else { return !isStopped() }
                next = .now + Self.interval
                guard !isStopped(), let current = folder.current(request) else { return false }
                answer = Self.answer(progress, to: current, attempts: attempts.count)
                write(answer, to: current)
                return true
            }
            answer.state = .done
            (answer.commit, answer.error) = (result.commit, nil)
            (answer.bytesDone, answer.bytesTotal) = (result.bytes, result.bytes)
            note(model, .info, "fetched: \(Figure.bytes(result.bytes)), \(result.folder)")
            pending[model] = nil
            finish(answer, request)
        } catch {
            failed(error, request, answer, attempts)
        }
    }

    private mutating func failed(
        _ failure: FetchFailure, _ request: FetchRequest, _ answer: FetchAnswer, _ attempts: FetchAttempts
    ) {
        let model = request.model
        guard failure.kind != .stopped else {
            pending[model] = nil
            return note(model, .info, folder.current(request) == nil ? "withdrawn" : "stopped")
        }
        var (answer, attempts) = (answer, attempts)
        answer.error = failure.description
        if let delay = attempts.delay(after: failure) {
            answer.state = .waiting
            answer.attempts = attempts.count
            pending[model] = Pending(attempts: attempts, notBefore: .now + min(delay, longestDelay))
            note(
                model, .warning,
                "\(failure); tried again in \(Figure.duration(min(delay, longestDelay) / .seconds(1)))")
        } else {
            answer.state = .failed
            answer.exitCode = failure.exitCode
            pending[model] = nil
            note(model, .error, "\(failure)")
        }
        finish(answer, request)
    }

    /// Answers whoever asks now, if anybody does.
    private func finish(_ answer: FetchAnswer, _ request: FetchRequest) {
        guard let current = folder.current(request) else { return }
        write(answer.readdressed(to: current), to: current)
    }

    private static func answer(
        _ progress: ModelFetch.Progress, to request: FetchRequest, attempts: Int
    ) -> FetchAnswer {
        let state: FetchAnswer.State =
            switch progress.step {
            case .listing: .listing
            case .fetching: .fetching
            case .checking: .checking
            }
        var answer = FetchAnswer(identifier: request.identifier, state: state)
        (answer.bytesDone, answer.bytesTotal) = (progress.bytesDone, progress.bytesTotal)
        answer.attempts = attempts
        return answer
    }

    private func write(_ answer: FetchAnswer, to request: FetchRequest) {
        do throws(IOError) {
            try folder.write(answer, to: request)
        } catch {
            note(request.model, .warning, "\(error) (the daemon is not told; free the cause)")
        }
    }

    private func note(_ model: HubModel, _ level: Logger.Level, _ text: String) {
        log.log(level: level, "\(model): \(text.printable)")
    }
}
