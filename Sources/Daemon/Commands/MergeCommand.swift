import ArgumentParser
import CDaemon
import Della
import Glibc
import StreamIO
import SystemPackage

/// `dellad merge`: one config, one folder, in the foreground.
struct MergeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "merge",
        abstract: "Merges one config into a new folder.",
        discussion: """
            An interrupted merge keeps what it has done beside the output (.NAME.partial, .NAME.journal) and goes \
            on when the same command is given again.
            """
    )

    @Argument(help: "The mergekit YAML.", completion: .file(extensions: ["yml", "yaml"]))
    var config: String

    @Argument(help: "The folder to create.", completion: .directory)
    var output: String

    @OptionGroup var models: ModelOptions
    @OptionGroup var merging: MergingOptions
    @OptionGroup var settings: SettingsOptions

    @Flag(help: "Fetches models that are missing, by fetch_command or '\(FetchCommandLine.usual)'.")
    var fetch = false

    @Option(
        help: ArgumentHelp(
            "Writes a Chrome trace of the stages, from memory beside the budget: see dellad(8).",
            valueName: "file"), completion: .file())
    var trace: String?

    func validate() throws {
        let path = FilePath(output)
        guard let last = path.lastComponent, last.kind == .regular else {
            throw ValidationError("'\(output)' does not name a folder that can be created")
        }
    }

    func run() throws {
        let config = try ConfigFile(reading: config)
        let path = FilePath(output)
        let trace = try trace.map { text throws(CommandFailure) in try ResultFile(text, of: "--trace").path }
        let settings = try settings.readIfPermitted(
            merging.flags.merging(models.folders.flags) { own, _ in own })
        let options = try MergeOptions(settings, on: Host(), trace: trace)
        let planner = models.planner(settings, options)
        let plan = try ForegroundFetch.planning(settings, isWanted: fetch) {
            try self.plan(config, outputName: path.lastComponent?.string ?? "", planner)
        }
        for warning in plan.warnings { Self.warn(warning) }

        let library = planner.library
        let session = ForegroundWork<MergeSummary> { (progress, stop) throws(CommandFailure) in
            let run = MergeRun(
                plan: plan, configText: config.text, output: path, options: options, report: Self.warn,
                library: library)
            do throws(MergeFailure) {
                return try run.perform(progress: progress, stop: stop)
            } catch {
                throw CommandFailure(
                    error.kind == .stopped
                        ? "interrupted (give the same command again to go on)" : error.message,
                    exitCode: error.exitCode)
            }
        }
        let summary = try session.perform()
        for warning in summary.warnings where !plan.warnings.contains(warning) { Self.warn(warning) }
        let seconds = summary.seconds
        let rate = seconds > 0 ? Double(summary.bytesRead + summary.bytesWritten) / seconds : 0
        let audit = summary.audit.map { ", \(Figure.count($0.rows, "row")) audited" } ?? ""
        StandardStream.output.write(
            "\(path): \(Figure.bytes(summary.outputBytes)) in \(Figure.duration(seconds)), "
                + "\(Figure.rate(rate)), peak memory \(Figure.bytes(Host().peakResidentBytes)), \(summary.engine), \(summary.simd)\(audit)\n"
        )
        for line in summary.report { StandardStream.output.write(line.printable + "\n") }
    }

    private func plan(
        _ config: ConfigFile, outputName: String, _ planner: MergePlanner
    ) throws -> MergePlan {
        try ForegroundWork<MergePlan> { (_, stop) throws(CommandFailure) in
            guard let plan = try config.plan(planner, outputName: outputName, stop: stop) else {
                throw CommandFailure(
                    "interrupted before it began (give the same command again)", .interrupted)
            }
            return plan
        }.perform()
    }

    private static func warn(_ text: String) {
        StandardStream.error.write("dellad: \(text.printable)\n")
    }
}
