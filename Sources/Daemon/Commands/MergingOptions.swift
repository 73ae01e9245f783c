import ArgumentParser
import Della
import StreamIO
import SystemPackage

/// What `serve` and `merge` let a merge use.
struct MergingOptions: ParsableArguments {
    @OptionGroup var reading: ReadingOptions

    @Flag(
        name: .customLong("sha256"),
        help: "Records the SHA-256 of every file in dellad.json, as the Hub shows it; taken while writing.")
    var sha256 = false

    @Option(
        help: ArgumentHelp(
            "How much of a merge is computed anew before it is published: auto, a row of every tensor and then what 1 % of the time allows; off; or a share of all rows, 0.1% (default: auto).",
            valueName: "share"), completion: .list(["auto", "off", "0.1%"]))
    var audit: AuditPolicy?

    @Flag(help: "The same as --audit off.")
    var noAudit = false

    @Flag(help: "Makes no report of what the merge did (report.html, report.json, report.svg).")
    var noReport = false

    func validate() throws {
        if noAudit, audit != nil { throw ValidationError("--audit and --no-audit exclude each other") }
    }

    /// What is audited; `nil` where the command line does not say.
    var auditPolicy: AuditPolicy? { noAudit ? .off : audit }

    /// What the command line says of it.
    var flags: [Setting: [String]] {
        var flags = reading.flags
        flags[.sha256] = sha256 ? ["true"] : nil
        flags[.audit] = auditPolicy.map { ["\($0)"] }
        flags[.report] = noReport ? ["false"] : nil
        return flags
    }
}

extension MergeOptions {
    /// What settings let a merge in the foreground use, with what this host grants in place of what they do not say.
    init(_ settings: DaemonSettings, on host: Host, trace: FilePath? = nil) throws(CommandFailure) {
        let facts = host.memory
        if let warning = facts.warning(asked: settings.memory) {
            StandardStream.error.write("dellad: \(warning)\n")
        }
        self.init(
            memory: try facts.budget(asked: settings.memory), threads: settings.threads ?? host.threads(),
            engine: settings.engine, sha256: settings.sha256, trace: trace, audit: settings.audit,
            report: settings.report)
    }
}

extension IOEngineKind: ExpressibleByArgument {}

extension AuditPolicy: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}
