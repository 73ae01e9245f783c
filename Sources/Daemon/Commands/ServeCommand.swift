import ArgumentParser
import CDaemon
import CSystemd
import Della
import Glibc
import Logging
import StreamIO
import SystemPackage

/// `dellad serve`: the daemon.
struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Merges the configs that are dropped into a spool folder.",
        discussion: """
            Drop NAME.yml into SPOOL/incoming; the model appears as OUTPUT/NAME, the config in SPOOL/done, or in \
            SPOOL/failed with NAME.error.txt beside it. Stopped or killed at any moment, the next start goes on.

            Flags beat the environment (DELLAD_SPOOL, DELLAD_MEMORY …), which beats the settings file. SIGHUP \
            reads the file again; --check tests it beforehand, and touches nothing.
            """
    )

    @OptionGroup var settings: SettingsOptions

    @Option(
        help: ArgumentHelp("The spool folder (default: \(DefaultPath.spool)).", valueName: "dir"),
        completion: .directory)
    var spool: String?

    @Option(
        help: ArgumentHelp("Where merged models appear (default: \(DefaultPath.output)).", valueName: "dir"),
        completion: .directory)
    var output: String?

    @Option(
        help: ArgumentHelp(
            "A folder in which models are looked up; may be given again (default: \(DefaultPath.models)).",
            valueName: "dir"),
        completion: .directory)
    var models: [String] = []

    @Flag(help: "Let configs name models outside of the --models folders.")
    var allowAnyPath = false

    @OptionGroup var merging: MergingOptions
    @OptionGroup var fetching: FetchOptions

    @Option(
        help: ArgumentHelp(
            "The size of a model's files where a config does not say (default: 5GB).", valueName: "size"),
        transform: SynthCommand.shardSize)
    var shardSize: ByteCount?

    @Option(
        help: ArgumentHelp(
            "Removes what ended jobs leave after this time, merged models excepted: never, or digits and m, h, d or w (default: never).",
            valueName: "age"), completion: .list([Setting.never, "12h", "30d", "2w"]))
    var clearAfter: String?

    @Option(
        help: ArgumentHelp(
            "The most jobs of one user that are queued at once, by the owner of the config (default: \(SpoolMachine.usualJobsPerUser)).",
            valueName: "n"))
    var maxJobsPerUser: String?

    @Option(
        help: ArgumentHelp(
            "\(Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")) (default: info).",
            valueName: "level"), completion: .list(Logger.Level.allCases.map(\.rawValue)))
    var logLevel: String?

    @Flag(help: "Tests the settings and ends: with 78 and all that is wrong with them, or 0.")
    var check = false

    func validate() throws {
        if let clearAfter, let problem = Setting.clearAfter.problem(with: [clearAfter]) {
            throw ValidationError("--clear-after: \(problem)")
        }
        if let maxJobsPerUser, let problem = Setting.jobsPerUser.problem(with: [maxJobsPerUser]) {
            throw ValidationError("--max-jobs-per-user: \(problem)")
        }
        if let logLevel, let problem = Setting.logLevel.problem(with: [logLevel]) {
            throw ValidationError("--log-level: \(problem)")
        }
    }

    func run() throws {
        let environment = ProcessEnvironment.variables
        let threshold = LogThreshold()
        let log = Logger(label: "dellad") { _ in
            LineLogHandler(isJournal: StandardStream.error.isJournal(environment), threshold: threshold)
        }
        let source = self.settings.ofDaemon(flags)
        let settings = try source.read()
        threshold.level = settings.logLevel
        let service = DaemonService(
            source: source, inForce: settings, host: Host(), log: log, threshold: threshold)
        let spool = Spool(root: settings.spool, output: settings.output)
        let folders = SpoolFolders(spool: spool, isService: environment["INVOCATION_ID"] != nil)
        if check {
            try service.check(settings)
            try folders.check()
            return
        }
        let merger = try service.merger(settings)
        let locks = try FolderLocks(folders)
        dellad_watch_crashes()
        let options = merger.options
        service.record(settings, merger)
        log.info(
            "dellad \(Version.current): budget \(ByteCount(options.memory)), \(Figure.count(options.threads, "thread")), spool \(spool.root)"
        )
        if let obstacle = ReadableFolders.obstacle {
            log.warning(
                "openat2: \(obstacle): links in models are looked at before and after they are followed, not meanwhile (Linux 5.6 has it; in a container, allow it in the seccomp profile)"
            )
        }
        var machine = SpoolMachine(spool: spool, merging: merger, log: log)
        machine.clearAfter = settings.clearAfter
        machine.jobsPerUser = settings.jobsPerUser
        machine.setFetching(settings, environment: environment)
        let loop = try ServeLoop(
            machine: machine, host: Host(), log: log,
            service: service.link(merger, environment: environment), locks: locks)
        try loop.run()
        log.info("stopped")
    }

    /// What the command line sets.
    private var flags: [Setting: [String]] {
        var flags = merging.flags.merging(fetching.flags) { own, _ in own }
        flags[.spool] = spool.map { [$0] }
        flags[.output] = output.map { [$0] }
        flags[.models] = models.isEmpty ? nil : models
        flags[.allowsAnyPath] = allowAnyPath ? ["true"] : nil
        flags[.shardSize] = shardSize.map { ["\($0.bytes)"] }
        flags[.clearAfter] = clearAfter.map { [$0] }
        flags[.jobsPerUser] = maxJobsPerUser.map { [$0] }
        flags[.logLevel] = logLevel.map { [$0] }
        return flags
    }
}
