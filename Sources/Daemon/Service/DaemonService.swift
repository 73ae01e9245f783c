import Della
import Logging
import StreamIO
import SystemPackage

/// Makes what the daemon runs on out of its settings, at the start and when they are read again.
struct DaemonService {
    let source: SettingsSource
    /// What holds until a restart: spool and output.
    let inForce: DaemonSettings
    let host: Host
    let log: Logger
    let threshold: LogThreshold

    /// What merges, with these settings.
    ///
    /// - Parameter automatic: the budget that was found at the start, of which a merge may have most by now.
    /// - Throws: for a model folder that is none, and a budget that cannot fit.
    func merger(_ settings: DaemonSettings, automatic: UInt64? = nil) throws(CommandFailure) -> Merger {
        try check(settings)
        let facts = host.memory
        let memory: UInt64
        if settings.memory == nil, let automatic {
            memory = automatic
        } else {
            memory = try facts.budget(asked: settings.memory)
        }
        let options = MergeOptions(
            memory: memory,
            threads: settings.threads ?? host.threads(), engine: settings.engine, sha256: settings.sha256,
            audit: settings.audit, report: settings.report)
        let log = log
        return Merger(
            library: ModelLibrary(
                folders: settings.models, workingDirectory: nil, allowsAnyPath: settings.allowsAnyPath),
            options: options, shardSize: settings.shardSize, fetches: settings.fetchCommand != nil,
            report: { name, text in log.warning("\(text)", metadata: ["job": "\(name)"]) })
    }

    /// Looks at what the settings name: the model folders, and whether the budget can fit. Warns of one that the host does
    /// not have.
    ///
    /// - Throws: for a model folder that is none, and a budget that cannot fit, or no merge fits.
    func check(_ settings: DaemonSettings) throws(CommandFailure) {
        for folder in settings.models { try Self.checkFolder(folder) }
        // What is free now says nothing: the daemon that the settings are for may be merging.
        let facts = host.memory
        if let asked = settings.memory { _ = try facts.budget(asked: asked) }
        if let asked = settings.memory, asked < MergeLayout.leastBudget {
            throw CommandFailure(
                "--memory \(ByteCount(asked)) is less than any merge needs (64M will do for small models, 1G for large ones)",
                .badConfiguration)
        }
        if let warning = facts.warning(asked: settings.memory) { log.warning("\(warning)") }
    }

    /// The loop's side of the service.
    func link(_ merger: Merger, environment: [String: String]) -> ServiceLink {
        var link = ServiceLink()
        link.watchdog = Watchdog(interval: ServiceNotifier.watchdogInterval, now: .now)
        link.metricsFile = MetricsFile(environment: environment)
        link.memoryBudget = merger.options.memory
        let automatic = inForce.memory == nil ? merger.options.memory : nil
        link.reload = { try reloaded(automatic) }
        return link
    }

    private func reloaded(_ automatic: UInt64?) throws(CommandFailure) -> ServiceLink.Reloaded {
        let settings = try source.read()
        let merger = try merger(settings, automatic: automatic)
        if settings.spool != inForce.spool || settings.output != inForce.output {
            log.warning("spool and output do not change while the daemon runs (restart it)")
        }
        threshold.level = settings.logLevel
        record(settings, merger)
        return ServiceLink.Reloaded(
            merging: merger, memoryBudget: merger.options.memory, clearAfter: settings.clearAfter,
            jobsPerUser: settings.jobsPerUser, fetching: settings)
    }

    /// Tells in the spool what configs are merged with.
    func record(_ settings: DaemonSettings, _ merger: Merger) {
        var settings = settings
        (settings.spool, settings.output) = (inForce.spool, inForce.output)
        let record = DaemonRecord(
            settings, options: merger.options, workingDirectory: ModelFolders.workingDirectory)
        do {
            try record.write(in: settings.spool)
        } catch {
            log.warning("\(error) (dellad submit checks less; free the cause)")
        }
    }

    private static func checkFolder(_ path: FilePath) throws(CommandFailure) {
        let status: FileStatus?
        do {
            status = try FileSystem.status(path)
        } catch {
            let advice =
                error.errno == .permissionDenied
                ? "\(AccessAdvice(for: path))" : "let the daemon's user look into it"
            throw CommandFailure(
                "models: \(error) (\(advice); the service does not see /home: see dellad(8))",
                .badConfiguration)
        }
        guard let status, status.isDirectory else {
            throw CommandFailure(
                "models: \(path): is not a folder (create it, or name another)", .badConfiguration)
        }
    }
}
