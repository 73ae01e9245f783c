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

    @OptionGroup var operands: MergeOperands

    @Flag(help: "Fetches models that are missing, by fetch_command or '\(FetchCommandLine.usual)'.")
    var fetch = false

    @Option(
        help: ArgumentHelp(
            "Writes a Chrome trace of the stages, from memory beside the budget: see dellad(8).",
            valueName: "file"), completion: .file())
    var trace: String?

    @Option(
        help: ArgumentHelp(
            "Builds only the I-th of N parts, I from 0, for assemble to put together; auto: what an array of Slurm's or an Indexed Job of Kubernetes says.",
            valueName: "i/n"), completion: .list(["auto"]), transform: PartWord.init)
    var part: PartWord?

    @Flag(help: "Assembles the merge if all other parts are done: with --part.")
    var assemble = false

    func validate() throws {
        if assemble, part == nil { throw ValidationError("--assemble goes with --part") }
        if fetch, part != nil {
            throw ValidationError(
                "--fetch and --part exclude each other (fetch with dellad check --fetch first)")
        }
    }

    func run() throws {
        let config = try ConfigFile(reading: operands.config)
        let path = operands.folder
        let trace = try trace.map { text throws(CommandFailure) in
            guard text != "-" else {
                throw CommandFailure(
                    "--trace -: standard output says what became of the merge (name a file)", .usage)
            }
            let inputs = [config.path] + operands.settings.files
            return try ResultFile(text, of: "--trace", inputs: inputs, output: path).path
        }
        let settings = try operands.readSettings()
        let options = try MergeOptions(settings, on: Host(), trace: trace)
        let planner = operands.models.planner(settings, options)
        if let part = try part?.part(in: ProcessEnvironment.variables) {
            let work = PartedWork(config, to: path, planner, options)
            try work.build(part)
            if assemble { try work.assemble(waits: false, isLast: true) }
            return
        }
        let session = ForegroundWork<Merged> { (progress, stop) throws(CommandFailure) in
            try Self.merge(config, to: path, planner, options, progress, stop)
        }
        let merged = try ForegroundFetch.planning(settings, isWanted: fetch) { try session.perform() }
        let summary = merged.summary
        for warning in summary.warnings where !merged.told.contains(warning) { Self.warn(warning) }
        let seconds = summary.seconds
        let rate = seconds > 0 ? Double(summary.bytesRead + summary.bytesWritten) / seconds : 0
        let audit = summary.audit.map { ", \(Figure.count($0.rows, "row")) audited" } ?? ""
        let outcome =
            "\(path): \(Figure.bytes(summary.outputBytes)) in \(Figure.duration(seconds)), "
            + "\(Figure.rate(rate)), peak memory \(Figure.bytes(Host().peakResidentBytes)), \(summary.engine), \(summary.simd)\(audit)"
        let lines = [outcome] + summary.report.map(\.printable)
        StandardStream.printOutcome(lines.joined(separator: "\n") + "\n")
    }

    /// A merge that has ended, and the warnings that were told before it began.
    private struct Merged {
        var summary: MergeSummary
        var told: [String]
    }

    private static func merge(
        _ config: ConfigFile, to path: FilePath, _ planner: MergePlanner, _ options: MergeOptions,
        _ progress: MergeProgress, _ stop: StopRequest
    ) throws(CommandFailure) -> Merged {
        var told: [String]?
        let run = RecipeRun(
            planner, text: config.text, fileName: config.path.string, output: path, options: options,
            report: Self.warn)
        do throws(RecipeError) {
            let summary = try run.perform(
                progress: progress, stop: stop,
                planned: { plan in
                    told = plan.warnings
                    for warning in plan.warnings { Self.warn(warning) }
                })
            return Merged(summary: summary, told: told ?? [])
        } catch {
            guard case .failure(let failure) = error, failure.kind == .stopped else {
                throw CommandFailure(error)
            }
            throw CommandFailure(
                told == nil
                    ? "interrupted before it began (give the same command again)"
                    : "interrupted (give the same command again to go on)", exitCode: failure.exitCode)
        }
    }

    private static func warn(_ text: String) {
        StandardStream.error.write("dellad: \(text.printable)\n")
    }
}
