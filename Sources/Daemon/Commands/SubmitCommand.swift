import ArgumentParser
import Della
import Glibc
import StreamIO
import SystemPackage

/// `dellad submit`: a config into the spool.
struct SubmitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "submit",
        abstract: "Drops a config into a spool, as cp would, if it can be merged.",
        discussion: """
            The config is planned first, by headers alone, with the models and the budget of the daemon that serves \
            the spool or did last; what it would refuse is refused here.
            """
    )

    @Argument(help: "The mergekit YAML.", completion: .file(extensions: ["yml", "yaml"]))
    var config: String

    @Option(help: "The job's name (default: the file's, without its extension).")
    var name: String?

    @OptionGroup var options: SpoolOptions

    @Flag(help: "Puts it before all jobs that wait.")
    var first = false

    @Flag(
        help:
            "Waits until the job has ended, and ends as it did: 0 done, 130 cancelled, else as merge would have."
    )
    var wait = false

    @Flag(name: .customLong("no-check"), help: "Leaves it to the daemon to look at the config.")
    var isUnchecked = false

    func run() throws {
        let file = try ConfigFile(reading: config)
        let name = try SpoolOptions.name(name ?? file.path.stem ?? "")
        guard !name.text.hasPrefix("-") else {
            throw CommandFailure(
                "'\(name)' begins as an option does: every command about the job would need -- before it (choose another "
                    + "--name)", .usage)
        }
        let spool = try options.existing()
        if !isUnchecked { try check(file, name, spool) }
        var job = try drop(file, name, spool)
        StandardStream.printOutcome("\(name)\n")
        options.warnIfIdle(spool)
        guard wait else { return }
        let status = try job.end()
        guard status.state == .done else {
            let reason = status.error ?? "it is not known why"
            // That of a cancelled job says so itself.
            let isSaid = reason.hasPrefix("\(status.state) ")
            throw CommandFailure(
                "\(name): " + (isSaid ? reason : "\(status.state): \(reason)"), exitCode: status.outcomeCode)
        }
        StandardStream.printOutcome("\(status.output)\n")
    }

    /// Refuses what the daemon would refuse.
    private func check(_ file: ConfigFile, _ name: JobName, _ spool: Spool) throws(CommandFailure) {
        var known = DaemonRecord(in: spool.root)
        if known == nil { known = try ofSettings(spool) }
        // Of a spool that nobody has served, and that no settings are about, the config alone can be looked at.
        let record = known ?? .unknown
        if known != nil {
            let model = record.output.appending(name.text)
            for place in [model] + RecipeRun.keptPlaces(of: file.text, output: model)
            where ((try? FileSystem.status(place, followLinks: false)) ?? nil) != nil {
                throw CommandFailure(
                    "\(place): exists (move it away, or choose another --name)", .cannotCreate)
            }
        }
        let report: PlanReport?
        do throws(RecipeError) {
            report = try RecipeReport(
                record.planner, text: file.text, fileName: file.path.string, outputName: name.text,
                memory: record.memory, threads: record.threads)?.report
        } catch {
            guard case .problems(let problems) = error,
                let remark = Self.remark(problems, of: record, isKnown: known != nil)
            else { throw CommandFailure(error) }
            StandardStream.error.write("dellad: \(remark.printable)\n")
            return
        }
        if let problem = report?.budgetProblem { throw CommandFailure(problem, .badConfiguration) }
    }

    /// What is said where all problems are of models that the daemon may have or read; `nil` where there are others.
    private static func remark(_ problems: MergeProblems, of record: DaemonRecord, isKnown: Bool) -> String? {
        if record.fetches, let models = problems.absentModels {
            return "\(models.map(\.description).joined(separator: ", ")): not there yet: to be fetched"
        }
        if !isKnown {
            let isOfModels = problems.problems.allSatisfy { $0.kind == .missingInput }
            return isOfModels
                ? "no daemon has served this spool yet: the models are left to the daemon to check" : nil
        }
        let closed = problems.problems.filter { $0.message.contains(Errno.permissionDenied.description) }
        let others = problems.problems.filter { !closed.contains($0) && !(record.fetches && $0.model != nil) }
        guard others.isEmpty, let first = closed.first else { return nil }
        return "\(first.message): the models are left to the daemon to check"
    }

    /// What a daemon with the settings of this command would say of itself; `nil` where they are of another spool.
    private func ofSettings(_ spool: Spool) throws(CommandFailure) -> DaemonRecord? {
        guard let settings = try? options.settings.read(), settings.spool == spool.root else { return nil }
        return DaemonRecord(
            settings, options: try MergeOptions(settings, on: Host()),
            workingDirectory: ModelFolders.workingDirectory)
    }

    func drop(
        _ file: ConfigFile, _ name: JobName, _ spool: Spool
    ) throws(CommandFailure) -> AwaitedJob {
        let target = spool.incoming("\(name).yml")
        // Hidden while it is written; then there, whole.
        let draft = spool.incoming(".\(name).yml.\(getpid())")
        do throws(IOError) {
            // The daemon reads it as a member of the folder's group.
            try FileSystem.writeWhole(
                file.text, to: draft, sync: true, permissions: 0o644, leastPermissions: 0o640)
            do throws(IOError) {
                let written = try OpenFile.forUpdating(draft, direct: false)
                let status = try written.status()
                if first, let time = try Self.earliest(in: spool) {
                    try written.setModified(min(status.modified, time.subtractingSaturated(1)))
                }
                try FileSystem.rename(draft, to: target, replacing: false)
                try FileSystem.syncFolder(spool.folder(.incoming))
                return AwaitedJob(name: name, spool: spool, file: status, dropped: status.modified)
            } catch {
                try? FileSystem.remove(draft)
                throw error
            }
        } catch  where error.errno == .fileExists {
            throw CommandFailure(
                "\(target): a config of that name waits already (choose another --name)", .cannotCreate)
        } catch {
            throw SpoolOptions.failure(error, in: spool)
        }
    }

    /// The time of the oldest config that waits; jobs are merged in the order of these.
    private static func earliest(in spool: Spool) throws(IOError) -> Int64? {
        var earliest: Int64?
        for folder in [Spool.Folder.active, .incoming]
        where try FileSystem.status(spool.folder(folder)) != nil {
            for fileName in try spool.entries(in: folder) {
                guard case .config = IncomingFile(fileName: fileName),
                    let status = try FileSystem.status(
                        spool.folder(folder).appending(fileName), followLinks: false)
                else { continue }
                earliest = min(earliest ?? status.modified, status.modified)
            }
        }
        return earliest
    }
}
