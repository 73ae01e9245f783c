import StreamIO
import Synchronization
import SystemPackage

@testable import Daemon

/// Merges nothing, but keeps the books of a merge on the disk, and takes as long as it is told: a run is begun, and
/// ended when the test says. The model is its config, so that it can be seen which was merged.
///
/// A config's first word is what becomes of it: `fail`, `full` (a full disk, tried twice more), else it is merged.
final class BookedMerging: Merging {
    private let betweenSteps: @Sendable (String) throws(IOError) -> Void

    init(betweenSteps: @escaping @Sendable (String) throws(IOError) -> Void) {
        self.betweenSteps = betweenSteps
    }

    private struct Places {
        let output: FilePath

        init(_ output: FilePath) { self.output = output }

        private func hidden(_ ending: String) -> FilePath {
            output.removingLastComponent() / ".\(output.lastComponent?.string ?? "").\(ending)"
        }

        var partial: FilePath { hidden("partial") }
        var journal: FilePath { hidden("journal") }
        var isComplete: Bool { journal.text.hasPrefix("complete\n") }
        var config: String { String(journal.text.drop { $0 != "\n" }.dropFirst()) }
    }

    private func write(_ places: Places, _ state: String, _ config: String) throws(IOError) {
        try betweenSteps("write journal: \(state)")
        try FileSystem.replaceAtomically(places.journal, with: Array("\(state)\n\(config)".utf8), sync: false)
    }

    /// The first steps of a run.
    func begin(_ run: JobRun) throws(IOError) {
        let places = Places(run.spool.model(run.name))
        let config = String(decoding: run.config, as: UTF8.self)
        if places.journal.exists, places.config != config { try remove(places) }
        if !places.journal.exists {
            try remove(places)
            try write(places, "begun", config)
        }
        if !places.isComplete, !places.partial.exists {
            try betweenSteps("create partial")
            try FileSystem.createFolder(places.partial)
        }
    }

    func merge(_ run: JobRun) -> JobOutcome {
        let places = Places(run.spool.model(run.name))
        let config = String(decoding: run.config, as: UTF8.self)
        do {
            try begin(run)
            if !places.isComplete {
                if run.stop.isRequested { return .stopped }
                if config.hasPrefix("fail") { return .failed(JobFailure(message: "it fails (do not)")) }
                if config.hasPrefix("full") {
                    return .failed(
                        JobFailure(
                            message: "disk full (free space)", exitCode: 74, isRetryable: true, retries: 2))
                }
                try betweenSteps("write model")
                try FileSystem.replaceAtomically(
                    places.partial / "model", with: Array(config.utf8), sync: false)
                try write(places, "complete", config)
            }
            try publish(places) { try run.moveConfig() }
            return .done(JobReport(outputBytes: 1, seconds: 1))
        } catch let error as IOError where error.errno == .fileExists && error.operation == "publish" {
            return .failed(
                JobFailure(
                    message: "\(places.output): exists (move it away, or rename the config)", exitCode: 73))
        } catch {
            return .failed(JobFailure(message: "\(error)", exitCode: 74))
        }
    }

    private func publish(_ places: Places, _ moveConfig: () throws -> Void) throws {
        if places.partial.exists {
            try betweenSteps("publish")
            do throws(IOError) {
                try FileSystem.rename(places.partial, to: places.output, replacing: false)
            } catch {
                throw IOError("publish", places.output, error.errno)
            }
        }
        try moveConfig()
        try betweenSteps("forget journal")
        try FileSystem.remove(places.journal)
    }

    func finishPublished(
        _ output: FilePath, config: [UInt8]?, mayName: Bool, moveConfig: () throws -> Void
    ) throws(JobFailure) -> Bool {
        let places = Places(output)
        do {
            guard places.isComplete else { return false }
            let isNamed = !places.partial.exists && output.exists
            guard isNamed || places.partial.exists else {
                try remove(places)
                return false
            }
            if let config, String(decoding: config, as: UTF8.self) != places.config {
                if isNamed { try remove(places) }
                return false
            }
            guard isNamed || mayName else { return false }
            try publish(places, moveConfig)
            return true
        } catch {
            throw JobFailure(message: "\(error)")
        }
    }

    func isComplete(_ output: FilePath) throws(JobFailure) -> Bool { Places(output).isComplete }

    func discard(_ output: FilePath) throws(JobFailure) {
        do {
            try remove(Places(output))
        } catch {
            throw JobFailure(message: "\(error)")
        }
    }

    private func remove(_ places: Places) throws(IOError) {
        if places.partial.exists {
            try betweenSteps("discard partial")
            try FileSystem.removeTree(places.partial)
        }
        if places.journal.exists {
            try betweenSteps("discard journal")
            try FileSystem.removeTree(places.journal)
        }
    }
}
