import ArgumentParser
import StreamIO
import Synchronization
import SystemPackage

/// `dellad verify`: a merged folder against its `dellad.json`.
struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Compares every byte of a merged folder with the checksums in its dellad.json."
    )

    @Argument(help: "The folder.", completion: .directory)
    var folder: String

    @Option(
        help: ArgumentHelp(
            "Threads that read (default: what the quota and the affinity allow).", valueName: "n"))
    var threads: Int?

    func validate() throws {
        if let threads, let problem = Setting.threads.problem(with: ["\(threads)"]) {
            throw ValidationError("--threads: \(problem)")
        }
    }

    func run() throws {
        let verification = try ModelVerification(reading: FilePath(folder))
        let start = ContinuousClock.now
        let findings = verification.findings(threads: threads ?? Host().threads())
        guard findings.isEmpty else {
            let isDamaged = findings.contains { !$0.isMissing }
            throw CommandFailure(
                findings.map(\.message).joined(separator: "\n"), isDamaged ? .badData : .missingInput)
        }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        try StandardStream.print(
            "\(folder): \(Figure.count(verification.files.count, "file")), \(Figure.bytes(verification.byteCount)), as written; "
                + "\(Figure.rate(seconds > 0 ? Double(verification.byteCount) / seconds : 0))\n")
        if let note = try? UnlistedFiles(in: verification.folder, beside: verification.files).note {
            StandardStream.error.write("dellad: \(folder): \(note)\n")
        }
    }
}
