import ArgumentParser
import Della
import StreamIO
import SystemPackage

/// `dellad check`: what a config would do, or everything that is wrong with it.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Prints what a merge would do and need, or every problem of its config.",
        discussion: "Reads the config, the headers of the models and integer tensors; no weights."
    )

    @Argument(help: "The mergekit YAML.", completion: .file(extensions: ["yml", "yaml"]))
    var config: String

    @OptionGroup var models: ModelOptions
    @OptionGroup var merging: MergingOptions

    @Option(
        help: ArgumentHelp("Where the output would go, for the free space.", valueName: "dir"),
        completion: .directory)
    var output = "."

    @Flag(help: "Prints JSON.")
    var json = false

    func run() throws {
        let file = try ConfigFile(reading: config)
        let options = try merging.resolved(on: Host())
        let plan: MergePlan
        do throws(MergeProblems) {
            plan = try models.planner(options).plan(
                file.text, fileName: file.path.string, outputName: file.path.stem ?? "merged")
        } catch {
            if json { print(Self.json(error)) }
            throw CommandFailure(error)
        }
        let report = PlanReport(
            plan, memory: options.memory, threads: options.threads,
            freeSpace: try? FileSystem.freeSpace(at: FilePath(output)),
            bytesPerSecond: PlanReport.fileToMeasure(plan).flatMap { DiskMeasurement.readRate(of: $0) })
        if json {
            print(report.json)
        } else {
            StandardStream.output.write(report.text)
        }
        if let problem = report.budgetProblem { throw CommandFailure(problem, .badConfiguration) }
    }

    private func print(_ json: JSON) { StandardStream.output.write(json.serialized(indentedBy: 2) + "\n") }

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
