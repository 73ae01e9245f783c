import Della
import StreamIO

/// Jobs whose models are missing, where the daemon may ask for them.
extension SpoolMachine {
    /// How often answers are looked at.
    static let fetchInterval = Duration.seconds(1)

    /// Asks for models from now on, or for none, as the settings say.
    mutating func setFetching(_ settings: DaemonSettings, environment: [String: String]) {
        clearsFetched = settings.fetchKeep != nil
        guard settings.fetchCommand != nil else { return desk = nil }
        desk = desk ?? FetchDesk(folder: FetchFolder(spool: spool.root, environment: environment))
    }

    /// Jobs that wait for models.
    var fetchingCount: Int { jobs.values.count { $0.phase == .fetching } }

    /// Whether a job waits for models, or any are still asked for.
    var isFetching: Bool { desk?.isAsking ?? false || jobs.values.contains { $0.phase == .fetching } }

    /// The run under way found models missing, and nothing else is wrong.
    mutating func missed(_ models: [HubModel], _ failure: JobFailure, of name: JobName) {
        // What came and is missing all the same will not come.
        guard desk != nil, let job = jobs[name], job.fetched.isDisjoint(with: models) else {
            leave(name, .failed(failure))
            return
        }
        jobs[name]?.wants = Set(models)
        jobs[name]?.phase = .fetching
        change(name) { status in
            status.state = .fetching
            status.fetching = models.map { FetchStatus($0) }
        }
        note(.info, name, "fetching \(models.map(\.description).joined(separator: ", "))")
    }

    /// Asks for what jobs want, and moves those on whose models came or will not.
    mutating func attendFetches(now: ContinuousClock.Instant) {
        guard nextFetchLook.map({ $0 <= now }) ?? true else { return }
        nextFetchLook = now + Self.fetchInterval
        guard desk != nil else { return abandonFetches() }
        want(now: now)
        for name in jobs.keys.sorted() where jobs[name]?.phase == .fetching { look(after: name, now: now) }
        want(now: now)
    }

    private mutating func want(now: ContinuousClock.Instant) {
        do throws(IOError) {
            try desk?.want(jobs.values.reduce(into: []) { $0.formUnion($1.wants) }, now: now)
        } catch {
            note(error, nil, "ask for models")
        }
    }

    private mutating func look(after name: JobName, now: ContinuousClock.Instant) {
        guard let job = jobs[name], let desk else { return }
        if (try? spool.holds(name, in: .active)) == false {
            note(.warning, name, "its config was taken out of active")
            jobs[name]?.wants = []
            leave(name, .cancelled)
            return
        }
        let models = job.wants.sorted()
        let answers = models.map { desk.answer($0) }
        for (model, answer) in zip(models, answers) {
            guard let answer, answer.state == .failed else { continue }
            jobs[name]?.wants = []
            leave(
                name,
                .failed(
                    JobFailure(
                        message:
                            "the model \(model) was not fetched: \(answer.error ?? "it is not known why (see the fetcher's log)")",
                        exitCode: answer.exitCode ?? CommandFailure.Code.missingInput.rawValue)))
            return
        }
        guard answers.allSatisfy({ $0?.state == .done }) else {
            let statuses = zip(models, answers).map { model, answer in
                FetchStatus(model, answer, isUnanswered: desk.isUnanswered(model, now: now))
            }
            if statuses != job.status.fetching { change(name) { $0.fetching = statuses } }
            return
        }
        jobs[name]?.fetched.formUnion(models)
        requeue(name)
        note(.info, name, "fetched \(models.map(\.description).joined(separator: ", "))")
    }

    /// Fetching was switched off: what waits is planned again, and fails.
    private mutating func abandonFetches() {
        for name in jobs.keys.sorted() where jobs[name]?.phase == .fetching { requeue(name) }
    }

    private mutating func requeue(_ name: JobName) {
        jobs[name]?.wants = []
        jobs[name]?.phase = .queued
        change(name) { status in
            status.state = .queued
            status.fetching = []
        }
    }

    /// Asks once an hour for fetched models to be cleared that nobody uses, while no job may want any.
    mutating func askForClearing(now: ContinuousClock.Instant) {
        guard let desk, clearsFetched, jobs.isEmpty,
            lastFetchClearing.map({ now - $0 >= Self.clearingInterval }) ?? true
        else { return }
        lastFetchClearing = now
        do throws(IOError) {
            try desk.folder.create()
            try desk.folder.askForClearing(used: used)
            used = [:]
        } catch {
            note(error, nil, "ask for fetched models to be cleared")
        }
    }
}
