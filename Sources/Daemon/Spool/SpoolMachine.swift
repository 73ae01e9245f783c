import Logging
import StreamIO
import SystemPackage

/// The spool's states and what moves a job from one to the next.
///
/// Knows nothing of events, threads or the time: the loop that owns it says what happened and when, and runs
/// what `startNext` gives it. What it keeps in memory is a picture of the disk; built anew by `recover`, it is
/// the same. An I/O error of the spool itself is logged and the step tried again at the next scan.
struct SpoolMachine {
    /// Jobs that may be active at once; further configs wait in `incoming`.
    static let jobLimit = 10_000
    /// Jobs of one user that may be active at once, where nobody says.
    static let usualJobsPerUser = 1000
    /// Claims made durable together.
    static let claimBatch = 64

    let spool: Spool
    /// Does the merges; another one from the next job on, when the settings change.
    var merging: any Merging
    let log: Logger
    /// Added to by whatever ends a job.
    let counts = JobCounts()
    /// What ended jobs still lack.
    let late = LateEntries()
    private let told = ToldErrors()

    var watch = IncomingWatch()
    /// Configs of `active` that are no job's yet.
    var strays = IncomingWatch()
    var jobs: [JobName: Job] = [:]
    /// The job that is merging.
    var running: JobRun?
    /// When its run began, and for how many seconds it had been worked on before.
    var began: (at: ContinuousClock.Instant, before: Double)?
    /// Jobs of one user that may be active at once; further configs of theirs wait in `incoming`.
    var jobsPerUser = SpoolMachine.usualJobsPerUser
    /// How long what a job leaves is kept after its end; `nil` for as long as nobody removes it.
    var clearAfter: Age?
    var lastClearing: ContinuousClock.Instant?
    /// Where models are asked for; `nil` where none are.
    var desk: FetchDesk?
    /// Whether fetched models are cleared away.
    var clearsFetched = false
    /// Folders of models, and when jobs used them last, in seconds since the epoch.
    var used: [FilePath: Int64] = [:]
    var nextFetchLook: ContinuousClock.Instant?
    var lastFetchClearing: ContinuousClock.Instant?

    init(spool: Spool, merging: any Merging, log: Logger) {
        self.spool = spool
        self.merging = merging
        self.log = log
    }

    /// Logs one line about a job.
    func note(_ level: Logger.Level, _ name: JobName?, _ text: String) {
        log.log(level: level, "\(text)", metadata: name.map { ["job": "\($0)"] })
    }

    /// Tells of an error of the spool's own disk operations, once until the next scan that is due.
    func note(_ error: any Error, _ name: JobName?, _ doing: String) {
        complain(name, "\(doing): \(error) (free the cause; it is tried again)")
    }

    /// As `note` of an error.
    func complain(_ name: JobName?, _ text: String) {
        guard told.isNew("\(name?.text ?? "") \(text)") else { return }
        counts.count { $0.ioErrors += 1 }
        note(.error, name, text)
    }

    // MARK: Watching incoming

    /// A file of `incoming` was closed after writing or moved in.
    mutating func noticed(_ fileName: String, now: ContinuousClock.Instant) {
        if watch.noticed(fileName, now: now) { reportUnfit(fileName) }
    }

    /// Looks through `incoming`: at start, every 30 s and when events were lost.
    mutating func scan(now: ContinuousClock.Instant) {
        watch.scanBegins(now)
        told.scanBegins(now)
        do {
            try spool.createFolders()
        } catch {
            note(error, nil, "create what is missing")
        }
        do {
            let names = try spool.entries(in: .incoming)
            for name in watch.scanned(names, status: incomingStatus, now: now) { reportUnfit(name) }
        } catch {
            note(error, nil, "scan incoming")
        }
        for name in jobs.keys.sorted() { depart(name) }
        scanActive(now: now)
        writeLate()
    }

    private func reportUnfit(_ fileName: String) {
        note(
            .warning, nil,
            "incoming/\(fileName.printable(atMost: 160)): left alone: "
                + "\(JobName.rule) (rename it)")
    }

    private var incomingStatus: (String) -> FileStatus? {
        let spool = spool
        return { (try? FileSystem.status(spool.incoming($0), followLinks: false)) ?? nil }
    }

    /// When something is to be done though nothing happens; `nil` for never.
    func deadline(now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        let waiting = jobs.values.compactMap { $0.phase == .queued ? $0.notBefore : nil }.filter { $0 > now }
            .min()
        return [watch.deadline, strays.deadline, waiting].compactMap { $0 }.min()
    }

    /// Scans where it is time, and acts on all files that may be taken.
    mutating func settle(now: ContinuousClock.Instant) {
        if watch.isScanDue(now) { scan(now: now) }
        watch.recheck(status: incomingStatus, now: now)
        takeStrays(now: now)
        takeRequests()
        takeConfigs(now: now)
    }

    /// Cancels and retries, in the order they were asked for.
    private mutating func takeRequests() {
        let requests = readyFiles { file in
            switch file {
            case .cancel, .retry: true
            case .config, .ignored, .unfit: false
            }
        }
        for request in requests {
            guard request.status.isRegular else {
                setAside(request, "a request is an empty file")
                continue
            }
            do {
                switch request.file {
                case .cancel(let name): try cancel(name, request)
                case .retry(let name): try retry(name, request)
                case .config, .ignored, .unfit: break
                }
            } catch {
                watch.forget(request.fileName)
                note(error, request.file.name, "read \(request.fileName)")
            }
        }
    }

    private mutating func takeConfigs(now: ContinuousClock.Instant) {
        var batch: [JobName] = []
        var counts: [UInt32: Int] = [:]
        for job in jobs.values { counts[job.owner, default: 0] += 1 }
        let configs = readyFiles { file in if case .config = file { true } else { false } }
        for config in configs {
            if config.status.isDirectory {
                // It cannot be moved into another folder, as other files are.
                setAside(config, "a config is a file")
                continue
            }
            guard let name = config.file.name, jobs[name] == nil, jobs.count < Self.jobLimit,
                counts[config.status.userID, default: 0] < jobsPerUser
            else { continue }
            do {
                if try claim(config.fileName, as: name) {
                    batch.append(name)
                    counts[config.status.userID, default: 0] += 1
                }
            } catch {
                watch.forget(config.fileName)
                note(error, name, "take \(config.fileName)")
            }
            if batch.count == Self.claimBatch { settleClaims(&batch) }
        }
        settleClaims(&batch)
    }

    /// Whether the job is active now.
    private mutating func claim(_ fileName: String, as name: JobName) throws(IOError) -> Bool {
        switch try spool.claim(fileName, as: name) {
        case .waits:
            return false
        case .missing:
            watch.forget(fileName)
            return false
        case .refused(let reason):
            watch.forget(fileName)
            conclude(
                freshStatus(name, .failed), error: reason,
                exitCode: CommandFailure.Code.badData.rawValue)
            note(.error, name, "failed: \(reason)")
            return false
        case .claimed(let config):
            watch.forget(fileName)
            let status = queuedStatus(name)
            jobs[name] = Job(name: name, modified: config.modified, owner: config.userID, status: status)
            jobs[name]?.earlier = status
            return true
        }
    }

    /// Makes claims durable, and then says so.
    private mutating func settleClaims(_ batch: inout [JobName]) {
        guard !batch.isEmpty else { return }
        do {
            try spool.sync(.active, .incoming)
        } catch {
            note(error, nil, "sync the claims")
        }
        for name in batch {
            do {
                try spool.removeOlderEntries(of: name)
            } catch {
                note(error, name, "remove what an earlier job left")
            }
            if let job = jobs[name] { write(job.status) }
            note(.info, name, "queued")
        }
        batch.removeAll(keepingCapacity: true)
    }

    struct ReadyFile {
        var fileName: String
        var file: IncomingFile
        var status: FileStatus
        var modified: Int64 { status.modified }
    }

    /// Frees a name that something else has than a file, so that it stands in nobody's way.
    private mutating func setAside(_ file: ReadyFile, _ what: String) {
        do {
            try spool.betweenSteps("set \(file.fileName) aside")
            let name = try spool.setAside(spool.incoming(file.fileName))
            watch.forget(file.fileName)
            note(
                .warning, file.file.name,
                "incoming/\(file.fileName): renamed to \(name): \(what) (remove it)")
        } catch {
            if watch.leave(file.fileName) {
                note(
                    .warning, file.file.name,
                    "incoming/\(file.fileName): left alone: \(what) (remove it): \(error)")
            }
        }
    }

    /// Files that may be taken, oldest first, then by name.
    private mutating func readyFiles(where wanted: (IncomingFile) -> Bool) -> [ReadyFile] {
        var files: [ReadyFile] = []
        for (name, candidate) in watch.candidates where candidate.isReady && wanted(candidate.file) {
            // A job of that name has to end first.
            guard let status = incomingStatus(name) else {
                watch.forget(name)
                continue
            }
            if case .config(let job) = candidate.file, jobs[job] != nil, !status.isDirectory { continue }
            files.append(
                ReadyFile(fileName: name, file: candidate.file, status: status))
        }
        return files.sorted {
            $0.modified != $1.modified
                ? $0.modified < $1.modified : $0.fileName.utf8.lexicographicallyPrecedes($1.fileName.utf8)
        }
    }
}
