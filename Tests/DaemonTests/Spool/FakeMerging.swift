import Della
import StreamIO
import Synchronization
import SystemPackage

@testable import Daemon

/// Merges nothing, but keeps the books on the disk as a merge does: partial folder, journal, publication.
///
/// What a job does is in its config: `fail`, `full` (a full disk, retried twice), `wait` (until it is stopped),
/// `miss ORG/NAME …` (models that are missing until they are in `present`), else it is merged.
final class FakeMerging: Merging {
    let merged = Mutex([String]())
    /// Called in the middle of a merge.
    let during = Mutex<(@Sendable (JobRun) -> Void)?>(nil)
    /// Models that are there.
    let present = Mutex(Set<HubModel>())
    let betweenSteps: @Sendable (String) throws(IOError) -> Void

    init(betweenSteps: @escaping @Sendable (String) throws(IOError) -> Void = { (_) throws(IOError) in }) {
        self.betweenSteps = betweenSteps
    }

    private func partial(_ output: FilePath) -> FilePath {
        output.removingLastComponent() / ".\(output.lastComponent?.string ?? "").partial"
    }

    private func journal(_ output: FilePath) -> FilePath {
        output.removingLastComponent() / ".\(output.lastComponent?.string ?? "").journal"
    }

    func merge(_ run: JobRun) -> JobOutcome {
        let text = String(decoding: run.config, as: UTF8.self)
        let output = run.spool.model(run.name)
        do {
            if !journal(output).exists {
                try betweenSteps("create journal")
                try journal(output).write("begun")
            }
            if !partial(output).exists {
                try betweenSteps("create partial")
                try FileSystem.createFolder(partial(output))
            }
            during.withLock { $0 }?(run)
            if run.stop.isRequested { return .stopped }
            if text.hasPrefix("miss ") {
                let named = text.split { $0 == " " || $0 == "\n" }.dropFirst().compactMap {
                    HubModel(String($0))
                }
                let missing = named.filter { model in present.withLock { !$0.contains(model) } }
                if !missing.isEmpty {
                    return .missing(
                        missing, JobFailure(message: "\(missing[0]) is missing (find it)", exitCode: 66))
                }
            }
            if text.hasPrefix("fail") { return .failed(JobFailure(message: "it fails (do not)")) }
            if text.hasPrefix("full") {
                return .failed(JobFailure(message: "disk full (free space)", isRetryable: true, retries: 2))
            }
            if text.hasPrefix("wait") { return .stopped }
            if !(partial(output) / "model").exists {
                try betweenSteps("write model")
                try (partial(output) / "model").write(text)
            }
            try betweenSteps("journal complete")
            try FileSystem.replaceAtomically(journal(output), with: Array("complete".utf8), sync: false)
            _ = try finish(output) { try run.moveConfig() }
            merged.withLock { $0.append(run.name.text) }
            return .done(JobReport(outputBytes: 1, seconds: 1))
        } catch {
            return .failed(JobFailure(message: "\(error)"))
        }
    }

    func finishPublished(
        _ output: FilePath, config: [UInt8]?, mayName: Bool, moveConfig: () throws -> Void
    ) throws(JobFailure) -> Bool {
        do {
            guard journal(output).text == "complete", mayName || !partial(output).exists else { return false }
            return try finish(output, moveConfig)
        } catch {
            throw JobFailure(message: "\(error)")
        }
    }

    private func finish(_ output: FilePath, _ moveConfig: () throws -> Void) throws -> Bool {
        if partial(output).exists {
            try betweenSteps("publish")
            try FileSystem.rename(partial(output), to: output, replacing: false)
        }
        try moveConfig()
        try betweenSteps("forget journal")
        try FileSystem.remove(journal(output))
        return true
    }

    func isComplete(_ output: FilePath) throws(JobFailure) -> Bool { journal(output).text == "complete" }

    func discard(_ output: FilePath) throws(JobFailure) {
        do {
            try betweenSteps("discard partial")
            try FileSystem.removeTree(partial(output))
            try betweenSteps("discard journal")
            try FileSystem.remove(journal(output))
        } catch {
            throw JobFailure(message: "\(error)")
        }
    }
}
