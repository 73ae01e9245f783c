import CDaemon
import Della
import Glibc
import Logging
import StreamIO
import SystemPackage

/// The daemon's main loop: files that arrive, signals, the clock and the end of the merge under way, each at
/// once; the merge itself has a thread of its own.
final class ServeLoop {
    /// How often the status of the merge under way is written.
    private static let statusInterval = Duration.seconds(1)

    private var machine: SpoolMachine
    private let log: Logger
    private let host: Host
    private let signals: Int32
    private let ended: Int32
    private var inotify: Inotify?
    private var crashes: CrashWatch?
    private var meter = RateMeter()
    private var nextStatus = ContinuousClock.now
    private var isStopping = false
    private var service: ServiceLink
    private var locks: FolderLocks?
    /// Not before is a folder that could not be watched tried again.
    private var nextWatch = ContinuousClock.now
    /// Whether the status says that the run under way went on from an earlier one.
    private var isResumptionCounted = false
    /// When it is noted that the run under way is still being planned.
    private var nextPlanningNote = ContinuousClock.now

    /// - Throws: where the spool cannot be read or the kernel refuses what the loop listens with.
    ///
    /// - Parameters:
    ///   - signals: read as a signalfd, and closed at the end.
    ///   - service: who hears of the daemon; by default, whom the environment names, without metrics.
    ///   - locks: kept while the loop lives, and renewed where a folder is replaced.
    init(
        machine: SpoolMachine, host: Host, log: Logger, signals: Int32 = dellad_open_signals(),
        service: ServiceLink = ServiceLink(), locks: consuming FolderLocks? = nil
    ) throws {
        self.service = service
        self.locks = locks
        self.machine = machine
        self.host = host
        self.log = log
        self.signals = signals
        ended = dellad_open_event()
        guard signals >= 0, ended >= 0 else {
            throw CommandFailure("cannot listen for signals (raise the limit of open files)", .io)
        }
    }

    deinit {
        close(signals)
        close(ended)
    }

    /// Serves until SIGTERM or SIGINT, leaving the job under way resumable.
    ///
    /// - Throws: where another process has taken a folder that was removed and made anew; what is under way stops
    ///   with the process, as if it were killed.
    func run() throws {
        try machine.spool.createFolders()
        // Watched before it is scanned: what comes in between is seen twice, never missed.
        inotify = try Inotify(watching: machine.spool.folder(.incoming))
        try machine.recover(now: .now)
        service.notifier.ready()
        while true {
            takeSignals()
            takeEnd()
            try takeEvents()
            if isStopping, machine.running == nil { return }
            if !isStopping {
                if machine.watch.isScanDue(.now) { try keepFolders() }
                machine.settle(now: .now)
                machine.attendFetches(now: .now)
                startNext()
                machine.askForClearing(now: .now)
                machine.clear(now: .now, wall: .now)
            }
            notePlanning()
            if ContinuousClock.now >= nextStatus { writeStatus() }
            attendService()
            wait()
        }
    }

    // MARK: What may happen

    private func takeSignals() {
        while true {
            switch dellad_next_signal(signals) {
            case 0: return
            case SIGHUP: reload()
            default:
                guard !isStopping else { continue }
                isStopping = true
                log.notice("stopping")
                service.notifier.stopping()
                machine.running?.stop.request()
            }
        }
    }

    /// Reads the settings again. Bad ones are refused whole, and the old ones kept.
    private func reload() {
        guard let read = service.reload else {
            log.notice("SIGHUP changes nothing (restart to change the settings)")
            return
        }
        service.reloading()
        do {
            let new = try read()
            machine.merging = new.merging
            machine.clearAfter = new.clearAfter
            machine.jobsPerUser = new.jobsPerUser
            if let fetching = new.fetching {
                machine.setFetching(fetching, environment: ProcessEnvironment.variables)
            }
            service.memoryBudget = new.memoryBudget
            service.noteChange()
            log.notice("settings read again: they hold from the next job on")
        } catch let failure as CommandFailure {
            log.error(
                "\(failure.message)\nsettings refused, the old ones are kept (correct them, then reload)")
        } catch {
            log.error("\(error)\nsettings refused, the old ones are kept (correct them, then reload)")
        }
        service.notifier.ready()
    }

    /// The service manager, its watchdog and the metrics.
    private func attendService() {
        let running = machine.running.map { run in
            let figures = run.progress.snapshot
            return ServiceLink.Running(
                run: run, bytesPerSecond: meter.rate,
                etaSeconds: meter.remaining(
                    of: figures.bytesTotal - min(figures.bytesTotal, figures.bytesResumed)))
        }
        let error = service.attend(machine, running: running, host: host, isStopping: isStopping, now: .now)
        if let error { log.warning("\(error) (metrics are not written; free the cause)") }
    }

    private func takeEnd() {
        guard let run = machine.running, let outcome = run.outcome else { return }
        dellad_clear_event(ended)
        crashes = nil
        recordProgress(of: run)
        machine.ended(outcome, now: .now)
        service.noteChange()
    }

    private func takeEvents() throws {
        guard inotify != nil, let events = inotify?.drain() else { return try watchAgain() }
        for name in events.names { machine.noticed(name, now: .now) }
        if events.isOver {
            inotify = nil
            return try watchAgain()
        }
        if events.needsScan { try scan() }
    }

    /// After the folder was removed or replaced: the scan makes a new one.
    private func watchAgain() throws {
        guard ContinuousClock.now >= nextWatch else { return }
        try scan()
        do throws(IOError) {
            inotify = try Inotify(watching: machine.spool.folder(.incoming))
        } catch {
            nextWatch = .now + IncomingWatch.scanInterval
            return machine.note(error, nil, "watch incoming")
        }
        // What came between the scan and the watch.
        try scan()
    }

    private func scan() throws {
        try keepFolders()
        machine.scan(now: .now)
    }

    /// Before a scan makes what is missing: no other daemon may work in what has taken a folder's place.
    private func keepFolders() throws {
        do {
            for folder in try locks?.renew() ?? [] {
                log.warning("\(folder): was removed or replaced meanwhile, and is locked anew")
            }
        } catch let failure as CommandFailure {
            guard failure.exitCode != CommandFailure.Code.locked.rawValue else {
                machine.running?.stop.request()
                throw failure
            }
            machine.complain(nil, failure.message)
        } catch {
            machine.note(error, nil, "look after the locks")
        }
    }

    // MARK: The merge

    private func startNext() {
        guard let run = machine.startNext(now: .now) else { return }
        do throws(IOError) {
            crashes = try CrashWatch(job: run.name, spool: machine.spool)
        } catch {
            log.error("note crashes: \(error)", metadata: ["job": "\(run.name)"])
        }
        service.noteChange()
        meter = RateMeter()
        isResumptionCounted = false
        nextStatus = .now
        nextPlanningNote = .now + PlanningNote.patience
        let merging = machine.merging
        let event = ended
        do throws(IOError) {
            try DetachedThread.start {
                run.end(merging.merge(run))
                dellad_post_event(event)
            }
        } catch {
            run.end(
                .failed(
                    JobFailure(
                        message: "\(error) (raise the limit of threads or free memory)",
                        exitCode: CommandFailure.Code.io.rawValue)))
            dellad_post_event(ended)
        }
    }

    private func notePlanning() {
        guard let run = machine.running, run.planning.isDue, ContinuousClock.now >= nextPlanningNote else {
            return
        }
        do throws(IOError) {
            try run.planning.write()
        } catch {
            machine.note(error, run.name, "note that it is planned")
        }
    }

    private func writeStatus() {
        nextStatus = .now + Self.statusInterval
        if let run = machine.running { recordProgress(of: run) }
    }

    private func recordProgress(of run: JobRun) {
        let figures = run.progress.snapshot
        if figures.bytesTotal > 0 { crashes?.resumed(from: figures.bytesResumed) }
        let now = ContinuousClock.now
        meter.add(figures.bytesRead + figures.bytesWritten, at: now)
        let meter = meter
        let peak = host.peakResidentBytes
        let goesOn = figures.bytesResumed > 0 && !isResumptionCounted
        if goesOn { isResumptionCounted = true }
        machine.progressed(now: now) { status in
            status.progress = figures
            status.bytesPerSecond = meter.rate
            status.etaSeconds = meter.remaining(
                of: figures.bytesTotal - min(figures.bytesTotal, figures.bytesResumed))
            status.peakResidentBytes = peak
            status.warnings = run.warnings
            if goesOn { status.resumed += 1 }
        }
    }

    // MARK: Waiting

    private func wait() {
        var descriptors = [signals, ended, inotify?.descriptor ?? -1].map {
            pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
        }
        poll(&descriptors, nfds_t(descriptors.count), timeout)
    }

    /// Milliseconds until there is something to do in any case.
    private var timeout: Int32 {
        let now = ContinuousClock.now
        var next = now + IncomingWatch.scanInterval
        // Nothing of it is done any more while the merge under way stops.
        if !isStopping, let deadline = machine.deadline(now: now) { next = min(next, deadline) }
        if inotify == nil { next = min(next, nextWatch) }
        if machine.isFetching, !isStopping { next = min(next, now + SpoolMachine.fetchInterval) }
        if let run = machine.running {
            next = min(next, nextStatus)
            if run.planning.isDue { next = min(next, nextPlanningNote) }
        }
        if let period = service.watchdog?.period { next = min(next, now + period) }
        return Int32(max(0, ((next - now) / .milliseconds(1)).rounded(.up)))
    }
}
