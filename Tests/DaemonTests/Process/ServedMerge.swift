import Foundation
import StreamIO
import SystemPackage
import Testing

@testable import Daemon

/// A tiny merge as a job of the daemon, whose operations on the file system are counted, fail or are its last.
struct ServedMerge {
    /// What became of the daemon and of its job.
    enum Ending {
        case done, failed
        /// The daemon is gone.
        case ended
        /// Neither within the time that a tiny merge takes many times over.
        case undecided
    }

    let tiny: TinyMerge
    let spool: Spool
    private let name: JobName

    init(engine: String, method: String = "della") throws {
        tiny = try TinyMerge(engine: engine, method: method)
        // The model card names the job.
        name = try #require(JobName(tiny.output.lastComponent?.string ?? ""))
        spool = Spool(root: tiny.folder / "spool", output: tiny.folder / "served")
    }

    /// Starts the daemon.
    func start(_ plan: String? = nil) throws -> Executable {
        try Executable(
            [
                "serve", "--spool", spool.root.string, "--output", spool.output.string, "--models",
                tiny.folder.string, "--memory", "4M", "--threads", "1", "--io", tiny.engine, "--sha256",
                "--no-audit",
            ], in: tiny.notes, environment: plan.map { ["DELLAD_FAULT_PLAN": $0] } ?? [:])
    }

    /// Waits until the daemon has made its folders, or is gone.
    func waitUntilServing(_ daemon: Executable) {
        wait(seconds: 120) { spool.folder(.status).exists || !daemon.isRunning }
    }

    /// Drops the config by a rename, once the daemon has made its folders or is gone.
    func drop(for daemon: Executable) throws {
        waitUntilServing(daemon)
        try spool.createFolders()
        let draft = spool.root / "draft"
        try FileSystem.writeWhole(
            try FileSystem.readWhole(tiny.folder / "merge.yml", limit: 1 << 16), to: draft, sync: false)
        try FileSystem.rename(draft, to: spool.incoming("\(name).yml"), replacing: false)
    }

    /// Waits for an end.
    func ending(of daemon: Executable, seconds: Double) -> Ending {
        var ending = Ending.undecided
        wait(seconds: seconds) {
            if !daemon.isRunning {
                ending = .ended
            } else if spool.config(name, in: .done).exists {
                ending = .done
            } else if spool.errorText(name).exists && spool.config(name, in: .failed).exists {
                ending = .failed
            }
            return ending != .undecided
        }
        return ending
    }

    /// Whether the daemon outlives what it does after a job's end.
    func endingAfterDone(of daemon: Executable) -> Ending {
        wait(seconds: 0.3) { !daemon.isRunning }
        return daemon.isRunning ? .done : .ended
    }

    /// Why the job failed.
    var reason: String { spool.errorText(name).text }

    func retry() throws {
        let ending = try Executable.run(
            ["retry", name.text, "--spool", spool.root.string], in: tiny.notes)
        #expect(ending.code == 0, "\(ending.errors)")
        wait(seconds: 120) { !spool.errorText(name).exists }
    }

    /// Runs the daemon undisturbed until the job is done, after a retry where that is needed, and stops it.
    func finish() throws {
        let daemon = try start()
        var ending = ending(of: daemon, seconds: 300)
        if ending == .failed {
            try retry()
            ending = self.ending(of: daemon, seconds: 300)
        }
        #expect(ending == .done, "\(ending): \(reason)\(daemon.errorText)")
        daemon.signal(SIGTERM)
        #expect(daemon.wait() == 0, "\(daemon.errorText)")
    }

    /// What is wrong with what the job left.
    func faults(expected: [String: [UInt8]]) throws -> [String] {
        var faults: [String] = []
        if try tiny.model(spool.model(name)) != expected { faults.append("the model's bytes") }
        for folder in Spool.Folder.allCases where folder != .status {
            let files = try FileSystem.entries(of: spool.folder(folder))
            if files != (folder == .done ? ["\(name).yml"] : []) { faults.append("\(folder): \(files)") }
        }
        let left = try FileSystem.entries(of: spool.output)
            .filter {
                $0 != name.text && !$0.hasPrefix(name.text + ".") && !$0.hasPrefix(SpoolLock.fileName)
            }
        if !left.isEmpty { faults.append("output: \(left)") }
        let status = spool.readStatus(name)
        if status?.state != .done { faults.append("status: \(String(describing: status?.state))") }
        return faults
    }

    func clear() throws {
        for path in [spool.root, spool.output] where path.exists { try FileSystem.removeTree(path) }
    }

    /// Operations from the daemon's start until the job is done and all is quiet.
    func countOperations() throws -> Int {
        let file = tiny.folder / "count"
        let daemon = try start("count:\(file)")
        try drop(for: daemon)
        let ending = ending(of: daemon, seconds: 300)
        try #require(ending == .done, "\(daemon.errorText)")
        Thread.sleep(forTimeInterval: 0.3)
        daemon.killAndWait()
        try clear()
        return try #require(Int(file.text.trimmingCharacters(in: .whitespacesAndNewlines)))
    }

    private func wait(seconds: Double, until condition: () -> Bool) {
        let end = ContinuousClock.now + .seconds(seconds)
        while !condition(), ContinuousClock.now < end { Thread.sleep(forTimeInterval: 0.004) }
    }
}
