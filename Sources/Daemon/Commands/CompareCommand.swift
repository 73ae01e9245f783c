import ArgumentParser
import Della
import Glibc
import StreamIO
import SystemPackage

/// `dellad compare`: how far models are from one of them, and from each other.
struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Says how far models are from a base and from each other, layer by layer.",
        discussion: """
            Reads every weight of the models once, at the disk's speed and in the memory of a merge; writes nothing but \
            the page asked for. Finds models, adapters (BASE+ADAPTER) and tensors of other names as a merge does.
            """
    )

    @Argument(help: "The model that differences are taken from.", completion: .directory)
    var base: String

    @Argument(help: "Models to hold against it.", completion: .directory)
    var others: [String]

    @OptionGroup var models: ModelFolders

    @Option(
        help: ArgumentHelp(
            "Writes the report as a page for a browser; -: to standard output, in place of the table.",
            valueName: "file"),
        completion: .file(extensions: ["html"]))
    var html: String?

    @Flag(help: "Prints JSON, as a merge's report.json.")
    var json = false

    @Option(
        help: ArgumentHelp(
            "union, base or a model, as in a config: for models with other vocabularies.",
            valueName: "source"),
        completion: .list(["union", "base"]))
    var tokenizerSource: String?

    @Flag(help: "Compares models of different architectures, if all their tensors fit.")
    var allowCrimes = false

    @OptionGroup var reading: ReadingOptions
    @OptionGroup var settings: SettingsOptions

    func validate() throws {
        var seen: Set<String> = []
        for name in [base] + others where !seen.insert(name).inserted {
            throw ValidationError("'\(name)' is named twice")
        }
    }

    func run() throws {
        let files = self.settings.files
        let settings = try settings.readIfPermitted(
            reading.flags.merging(models.flags) { own, _ in own })
        let options = try MergeOptions(settings, on: Host())
        let planner = MergePlanner(
            library: ModelFolders.library(settings), threads: options.threads, memory: options.memory,
            allowsCrimes: allowCrimes)
        let names = [base] + others
        let source = tokenizerSource
        let isJSON = json
        let page = try html.map { text throws(CommandFailure) in
            let page = try ResultFile(text, of: "--html", inputs: files)
            guard !page.isStandardOutput || !isJSON else {
                throw CommandFailure(
                    "--html \(text): standard output has the JSON (name a file, or leave out --json)", .usage)
            }
            return page
        }
        let session = ForegroundWork<MergeReport> { (progress, stop) throws(CommandFailure) in
            try Self.compare(
                names, source, planner, options, page, progress: progress, stop: stop, json: isJSON)
        }
        let report = try session.perform()
        if !json, page?.isStandardOutput != true {
            let lines = report.tableLines(width: StandardStream.output.width).map { $0.printable + "\n" }
            try StandardStream.print(lines.joined())
        }
        try page?.write(report.html)
    }

    private static func compare(
        _ names: [String], _ tokenizerSource: String?, _ planner: MergePlanner, _ options: MergeOptions,
        _ page: ResultFile?, progress: MergeProgress, stop: StopRequest, json: Bool
    ) throws(CommandFailure) -> MergeReport {
        // What cannot be printed need not be read.
        var unprinted: CommandFailure?
        func print(_ text: String) {
            guard json, unprinted == nil else { return }
            do throws(CommandFailure) {
                try StandardStream.print(text)
            } catch {
                unprinted = error
                stop.request()
            }
        }
        do {
            let plan = try ModelComparison.plan(
                names, tokenizerSource: tokenizerSource, by: planner, isStopped: { stop.isRequested })
            guard let plan else { throw CommandFailure("interrupted", .interrupted) }
            try page?.refuse(asOneOf: plan.modelFolders)
            for warning in plan.warnings { warn(warning) }
            let comparison = ModelComparison(
                plan: plan, options: options, library: planner.library, remark: warn)
            var writer = ReportJSONWriter(plan.comparison)
            print(writer.header)
            let report = try comparison.perform(progress: progress, stop: stop) { tensor in
                print(writer.piece(tensor))
            }
            print(writer.end(report))
            if let unprinted { throw unprinted }
            for warning in progress.warnings { warn(warning) }
            return report
        } catch {
            throw unprinted ?? CommandFailure(ofReading: error)
        }
    }

    private static func warn(_ text: String) {
        StandardStream.error.write("dellad: \(text.printable)\n")
    }
}
