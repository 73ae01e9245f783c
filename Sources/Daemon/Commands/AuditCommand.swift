import ArgumentParser
import Della
import StreamIO
import SystemPackage

/// `dellad audit`: a merged folder against the models it was merged from.
struct AuditCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract:
            "Computes a random sample of a merged folder's rows anew from its models, and compares.",
        discussion: """
            Reads the config and the record in the folder, finds the models as a merge does, and computes a row of \
            every tensor and a share of all rows again, with code that shares nothing with a merge's. Ends with 65 and \
            names the first difference where there is one.
            """
    )

    @Argument(help: "The folder.", completion: .directory)
    var folder: String

    @OptionGroup var models: ModelFolders
    @OptionGroup var settings: SettingsOptions

    @Option(
        help: ArgumentHelp(
            "How much of all rows: \(AuditPolicy.shareForm) (default: 0.1%).", valueName: "share"),
        completion: .list(["0.1%", "1%", "100%"]))
    var share: String?

    @Option(
        help: ArgumentHelp(
            "Selects the rows; dellad.json has the one of a merge that was audited (default: a random one).",
            valueName: "n"))
    var seed: UInt64?

    func validate() throws {
        if let share, AuditPolicy.share(share) == nil {
            throw ValidationError("--share: '\(share)' is no share (write \(AuditPolicy.shareForm))")
        }
    }

    func run() throws {
        let record: RecordedMerge
        do throws(MergeFailure) {
            record = try RecordedMerge(reading: FilePath(folder))
        } catch {
            throw CommandFailure(error.message, exitCode: error.exitCode)
        }
        // What may be merged was decided when it was.
        let settings = try settings.readIfPermitted(models.flags)
        let planner = MergePlanner(
            library: ModelFolders.library(settings), seed: record.seed, allowsCrimes: true)
        let seed = seed ?? AuditReport.freshSeed
        let share = share.flatMap { AuditPolicy.share($0) } ?? 0.001
        let session = ForegroundWork<AuditReport> { (progress, stop) throws(CommandFailure) in
            do {
                guard let plan = try record.plan(planner, isStopped: { stop.isRequested }) else {
                    throw CommandFailure("interrupted", .interrupted)
                }
                try record.check(plan)
                return try record.audit(
                    plan, readable: plan.readable(planner.library), seed: seed, progress: progress, stop: stop
                ).perform(.share(share))
            } catch {
                throw CommandFailure(ofReading: error)
            }
        }
        let report = try session.perform()
        let sample = "seed \(report.seed), share \(report.share * 100) %"
        if let difference = report.difference {
            throw CommandFailure(
                "\(difference) (its models or the folder were changed, which dellad verify tells, or it was merged "
                    + "wrongly: merge again, and report it; \(sample))", .badData)
        }
        if let remark = report.remark { StandardStream.error.write("dellad: \(remark)\n") }
        try StandardStream.print(
            "\(folder): \(Figure.count(report.rows, "row")) of \(Figure.count(report.tensors, "tensor")), \(Figure.bytes(report.bytes)), are as "
                + "computed anew; \(sample), \(Figure.duration(report.seconds))\n")
    }
}
