import ArgumentParser
import Della
import StreamIO
import SystemPackage

/// `dellad check`: what a config would do, or everything that is wrong with it.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Prints what a merge would do and need, or every problem of its config.",
        discussion: """
            Reads the config, the headers of the models and integer tensors; no weights. Ends with 75 where the disk \
            has no room for the output.
            """
    )

    @Argument(help: "The mergekit YAML.", completion: .file(extensions: ["yml", "yaml"]))
    var config: String

    @OptionGroup var models: ModelOptions
    @OptionGroup var merging: MergingOptions
    @OptionGroup var settings: SettingsOptions

    @Option(
        help: ArgumentHelp(
            "Where the output would go, for the free space (default: the daemon's output, if it is set; else here).",
            valueName: "dir"),
        completion: .directory)
    var output: String?

    @Flag(help: "Fetches models that are missing, by fetch_command or '\(FetchCommandLine.usual)'.")
    var fetch = false

    @Option(
        help: ArgumentHelp(
            "Shows what each of N parts would do, of a merge in parts on several machines.", valueName: "n"))
    var parts: Int?

    @Flag(help: "Prints JSON.")
    var json = false

    func validate() throws {
        if let parts, MergePart(index: 0, count: parts) == nil {
            throw ValidationError("--parts must be 1 to \(MergePart.countLimit)")
        }
    }

    func run() throws {
        let file = try ConfigFile(reading: config)
        let settings = try settings.readIfPermitted(
            merging.flags.merging(models.folders.flags) { own, _ in own })
        let options = try MergeOptions(settings, on: Host())
        let output = output.map { FilePath($0) } ?? outputFolder(settings)
        let planner = models.planner(settings, options)
        let report = try ForegroundFetch.planning(settings, isWanted: fetch) {
            try self.report(file, planner, options, output)
        }
        let division = parts.map { PartDivision(report.plan, count: $0) }
        if json {
            try print(report.json(with: division))
        } else {
            try StandardStream.print(report.text + (division?.text(of: report.plan) ?? ""))
        }
        if let problem = report.budgetProblem { throw CommandFailure(problem, .badConfiguration) }
        if let missing = report.spaceMissing {
            throw CommandFailure(
                "\(output): the disk lacks \(Figure.bytes(missing)) for the output (free as much there, or name "
                    + "another place with --output)", .locked)
        }
    }

    private func report(
        _ file: ConfigFile, _ planner: MergePlanner, _ options: MergeOptions, _ output: FilePath
    ) throws(CommandFailure) -> PlanReport {
        do throws(RecipeError) {
            if parts != nil { try PartedMerge.refuseRecipe(file.text, fileName: file.path.string) }
            let found = try RecipeReport(
                planner, text: file.text, fileName: file.path.string,
                outputName: file.path.stem ?? "merged", memory: options.memory, threads: options.threads,
                freeSpace: Self.freeSpace(for: output), measures: true)
            guard let found else { preconditionFailure("nobody stops it") }
            return found.report
        } catch {
            if json, case .problems(let problems) = error, !(fetch && problems.absentModels != nil) {
                try print(Self.json(problems))
            }
            throw CommandFailure(error)
        }
    }

    private func outputFolder(_ settings: DaemonSettings) -> FilePath {
        let isSet = self.settings.instance != nil || settings.output != FilePath(DefaultPath.output)
        return isSet ? settings.output : "."
    }

    /// Of the folder, or the one above that is there already.
    private static func freeSpace(for folder: FilePath) -> UInt64? {
        var place = folder
        while true {
            do throws(IOError) {
                return try FileSystem.freeSpace(at: place)
            } catch {
                guard error.errno == .noSuchFileOrDirectory, place.lastComponent != nil else { return nil }
                place.removeLastComponent()
                if place.isEmpty { place = "." }
            }
        }
    }

    private func print(_ json: JSON) throws(CommandFailure) {
        try StandardStream.print(json.serialized(indentedBy: 2) + "\n")
    }

    private static func json(_ problems: MergeProblems) -> JSON {
        let list = problems.problems.map { problem in
            JSON.object(
                JSONObject([
                    ("line", problem.line.map { .int($0) } ?? .null), ("message", .string(problem.message)),
                    ("remedy", .string(problem.remedy)),
                    ("kind", .string(problem.kind == .missingInput ? "missing_input" : "data")),
                ]))
        }
        return .object(
            JSONObject([
                ("file", .string(problems.fileName)), ("problems", .array(list)),
                ("suggestion", problems.suggestion.map { .string($0) } ?? .null),
            ]))
    }
}
