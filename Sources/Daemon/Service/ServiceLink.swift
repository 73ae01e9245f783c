import Della
import Glibc
import StreamIO

/// What ties the daemon's loop to the service manager and to those who watch it: notifications, the watchdog,
/// `metrics.prom`, and the settings that can be read again.
struct ServiceLink {
    /// What new settings change without a restart, from the next job on.
    struct Reloaded {
        var merging: any Merging
        /// Bytes.
        var memoryBudget: UInt64
        /// Holds from the next pass on.
        var clearAfter: Age?
        /// Holds for configs that are taken from now on.
        var jobsPerUser = SpoolMachine.usualJobsPerUser
        /// What fetching is to be like; `nil` to leave it as it is.
        var fetching: DaemonSettings?
    }

    /// How the merge under way is doing.
    struct Running {
        var run: JobRun
        var bytesPerSecond: Double
        var etaSeconds: Double?
    }

    /// How often a stop that takes long asks for more time, and for how much.
    private static let extensionInterval = Duration.seconds(5)
    private static let extensionLength = Duration.seconds(30)

    var notifier = ServiceNotifier()
    var watchdog: Watchdog?
    var metricsFile: MetricsFile?
    /// Bytes.
    var memoryBudget: UInt64 = 0
    /// Reads the settings again; `nil` where they cannot be.
    var reload: (() throws -> Reloaded)?

    private let startTime = Timestamp.now.seconds
    private var nextMetrics: ContinuousClock.Instant?
    private var nextExtension: ContinuousClock.Instant?
    private var lastPulse: Watchdog.Pulse?

    init() {}

    /// Done at each turn of the loop. Returns what `metrics.prom` could not be written for.
    mutating func attend(
        _ machine: SpoolMachine, running: Running?, host: Host, isStopping: Bool, now: ContinuousClock.Instant
    ) -> IOError? {
        let pulse = running.map { Self.pulse($0.run) }
        if watchdog?.isDue(pulse: pulse, now: now) == true { notifier.alive() }
        if isStopping {
            extendStop(pulse, now: now)
        } else {
            notifier.says(Self.statusLine(machine, running))
        }
        guard let metricsFile, nextMetrics.map({ $0 <= now }) ?? true else { return nil }
        nextMetrics = now + MetricsFile.interval
        do {
            try metricsFile.write(metrics(machine, running, host))
            return nil
        } catch {
            return error
        }
    }

    /// Has the metrics written at the next turn: a job began or ended.
    mutating func noteChange() { nextMetrics = nil }

    /// Tells that the settings are read again, until `ready`.
    func reloading() {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        notifier.reloading(now: UInt64(now.tv_sec) * 1_000_000 + UInt64(now.tv_nsec) / 1000)
    }

    /// A stop is slow where the disk is: more time for as long as something still moves.
    private mutating func extendStop(_ pulse: Watchdog.Pulse?, now: ContinuousClock.Instant) {
        guard pulse != lastPulse, nextExtension.map({ $0 <= now }) ?? true else { return }
        lastPulse = pulse
        nextExtension = now + Self.extensionInterval
        notifier.needs(Self.extensionLength)
    }

    private static func pulse(_ run: JobRun) -> Watchdog.Pulse {
        let figures = run.progress.snapshot
        return Watchdog.Pulse(
            lastBeat: run.progress.lastBeat, bytesRead: figures.bytesRead, bytesWritten: figures.bytesWritten,
            job: run.name.text)
    }

    /// For `systemctl status`.
    static func statusLine(_ machine: SpoolMachine, _ running: Running?) -> String {
        let fetching = machine.fetchingCount
        let queued = machine.jobs.count - fetching - (running == nil ? 0 : 1)
        let tail = (fetching > 0 ? "; \(fetching) fetching" : "") + (queued > 0 ? "; \(queued) queued" : "")
        guard let running else { return "idle" + tail }
        let fraction = running.run.progress.snapshot.fraction
        var text =
            "merging \(running.run.name): \(Figure.percent(fraction)), \(Figure.rate(running.bytesPerSecond))"
        if let eta = running.etaSeconds { text += ", ETA \(Figure.duration(eta))" }
        return text + tail
    }

    private func metrics(_ machine: SpoolMachine, _ running: Running?, _ host: Host) -> ServiceMetrics {
        var metrics = ServiceMetrics()
        metrics.jobs = [
            ("queued", machine.jobs.count - machine.fetchingCount - (running == nil ? 0 : 1)),
            ("fetching", machine.fetchingCount),
            ("merging", running == nil ? 0 : 1),
            ("done", Self.configCount(machine.spool, .done)),
            ("failed", Self.configCount(machine.spool, .failed)),
        ]
        metrics.tally = machine.counts.tally
        metrics.merge = running.map {
            ServiceMetrics.Merge(
                job: $0.run.name.text, progress: $0.run.progress.snapshot, bytesPerSecond: $0.bytesPerSecond,
                etaSeconds: $0.etaSeconds)
        }
        metrics.peakResident = host.peakResidentBytes
        metrics.memoryBudget = memoryBudget
        metrics.startTime = startTime
        return metrics
    }

    private static func configCount(_ spool: Spool, _ folder: Spool.Folder) -> Int {
        let names = (try? FileSystem.entries(of: spool.folder(folder))) ?? []
        return names.count { $0.hasSuffix(".yml") && !$0.hasPrefix(".") }
    }
}
