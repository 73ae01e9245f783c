import Glibc
import Logging
import StreamIO
import Synchronization
import SystemPackage

@testable import Daemon

/// A spool in a folder of its own, a machine that works on it, and a clock that the test moves.
final class SpoolRig {
    /// Dies at a given step: from then on every step fails, so nothing on the disk changes any more.
    final class Mortality: Sendable {
        private let left: Mutex<Int>
        let last = Mutex("")

        init(stepsToLive: Int = .max) {
            left = Mutex(stepsToLive)
        }

        var isDead: Bool { left.withLock { $0 <= 0 } }

        func step(_ name: String) throws(IOError) {
            let alive = left.withLock { count in
                if count > 0 { count -= 1 }
                return count > 0
            }
            guard !alive else { return }
            last.withLock { if $0.isEmpty { $0 = name } }
            throw IOError("die", "", .interrupted)
        }
    }

    let folder: TemporaryFolder
    private(set) var spool: Spool
    private(set) var merging: FakeMerging
    var machine: SpoolMachine
    private(set) var mortality: Mortality
    let lines = LogLines()
    var now = ContinuousClock.now

    /// - Parameter failing: asked before each change to the disk why it fails.
    init(
        stepsToLive: Int = .max, failing: @escaping @Sendable (String) -> Errno? = { _ in nil }
    ) throws {
        folder = try TemporaryFolder()
        (spool, merging, machine, mortality) = Self.make(folder, lines, stepsToLive, failing)
        try spool.createFolders()
    }

    /// A new process on the same disk.
    func restart(stepsToLive: Int = .max) throws {
        (spool, merging, machine, mortality) = Self.make(folder, lines, stepsToLive)
        try machine.recover(now: now)
    }

    private static func make(
        _ folder: TemporaryFolder, _ lines: LogLines, _ stepsToLive: Int,
        _ failing: @escaping @Sendable (String) -> Errno? = { _ in nil }
    ) -> (Spool, FakeMerging, SpoolMachine, Mortality) {
        let mortality = Mortality(stepsToLive: stepsToLive)
        var spool = Spool(root: folder.path / "spool", output: folder.path / "output")
        let step = { @Sendable (name: String) throws(IOError) in
            try mortality.step(name)
            if let errno = failing(name) { throw IOError(name, "", errno) }
        }
        spool.betweenSteps = step
        let merging = FakeMerging(betweenSteps: step)
        let machine = SpoolMachine(spool: spool, merging: merging, log: lines.logger)
        return (spool, merging, machine, mortality)
    }

    // MARK: What people do

    /// Drops a file with a modification time, in seconds, and tells the machine as inotify would.
    func drop(_ fileName: String, _ text: String = "good", at seconds: Int = 1000, notice: Bool = true) throws
    {
        let path = spool.incoming(fileName)
        try? FileSystem.remove(path)
        try path.write(text)
        setTime(path, seconds)
        if notice { machine.noticed(fileName, now: now) }
    }

    func setTime(_ path: FilePath, _ seconds: Int) {
        var times = [timespec(tv_sec: seconds, tv_nsec: 0), timespec(tv_sec: seconds, tv_nsec: 0)]
        _ = path.withPlatformString { utimensat(AT_FDCWD, $0, &times, AT_SYMLINK_NOFOLLOW) }
    }

    // MARK: What the loop does

    func settle(after seconds: Double = 0) {
        now += .seconds(seconds)
        machine.settle(now: now)
    }

    /// Starts the next job and lets it run to its end. Its name.
    @discardableResult func runOne() -> String? {
        guard let run = machine.startNext(now: now) else { return nil }
        let outcome = merging.merge(run)
        if !mortality.isDead { machine.ended(outcome, now: now) }
        return run.name.text
    }

    /// Starts the next job, which there must be.
    func start() throws -> JobRun {
        guard let run = machine.startNext(now: now) else {
            throw IOError("start a job", "", .noSuchFileOrDirectory)
        }
        return run
    }

    /// Lets time pass and runs jobs until nothing happens any more. The names, in order.
    @discardableResult func runAll() -> [String] {
        var names: [String] = []
        for _ in 0..<4 {
            settle(after: 31)
            while !mortality.isDead, let name = runOne() {
                names.append(name)
                settle()
            }
        }
        return names
    }

    // MARK: What is there

    func names(in folder: Spool.Folder) -> [String] {
        ((try? FileSystem.entries(of: spool.folder(folder))) ?? []).filter { !$0.hasSuffix(".tmp") }
    }

    var outputs: [String] { (try? FileSystem.entries(of: spool.output)) ?? [] }

    func status(_ name: String) -> JobStatus? { JobName(name).flatMap { spool.readStatus($0) } }

    func reason(_ name: String) -> String { (spool.folder(.failed) / "\(name).error.txt").text }
}

/// The lines logged.
final class LogLines: Sendable {
    private let lines = Mutex([String]())

    var all: [String] { lines.withLock { $0 } }

    var logger: Logger { logger(isJournal: true) }

    func logger(isJournal: Bool) -> Logger {
        Logger(label: "test") { _ in
            LineLogHandler(isJournal: isJournal) { line in self.lines.withLock { $0.append(line) } }
        }
    }
}
