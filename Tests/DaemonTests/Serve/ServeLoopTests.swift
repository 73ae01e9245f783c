import CDaemon
import Glibc
import Logging
import StreamIO
import Synchronization
import SystemPackage
import Testing

@testable import Daemon

@Suite struct ServeLoopTests {
    /// A loop on a thread of its own, with a pipe in place of signals.
    private final class Served: Sendable {
        let folder: TemporaryFolder
        let spool: Spool
        let merging = FakeMerging()
        let lines = LogLines()
        private let writeEnd: Int32
        private let hasEnded = Atomic(false)

        /// - Parameters:
        ///   - clearAfter: the setting at the start.
        ///   - reloaded: the setting that SIGHUP brings.
        init(
            clearAfter: Age? = nil, reloaded: Age? = nil, before: (Spool) throws -> Void = { _ in }
        ) throws {
            folder = try TemporaryFolder()
            spool = Spool(root: folder.path / "spool", output: folder.path / "output")
            try spool.createFolders()
            try before(spool)
            var ends: [Int32] = [0, 0]
            guard pipe(&ends) == 0, fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0 else {
                throw IOError("pipe", "", Errno(rawValue: errno))
            }
            writeEnd = ends[1]
            let (spool, merging, log, readEnd) = (spool, merging, lines.logger, ends[0])
            try DetachedThread.start {
                do {
                    var machine = SpoolMachine(spool: spool, merging: merging, log: log)
                    machine.clearAfter = clearAfter
                    var link = ServiceLink()
                    link.reload = {
                        ServiceLink.Reloaded(merging: merging, memoryBudget: 0, clearAfter: reloaded)
                    }
                    try ServeLoop(
                        machine: machine, host: Host(), log: log, signals: readEnd, service: link
                    ).run()
                } catch {
                    log.critical("\(error)")
                }
                self.hasEnded.store(true, ordering: .releasing)
            }
        }

        func signal(_ number: Int32) {
            var information = [UInt8](repeating: 0, count: 128)
            information[0] = UInt8(number)
            _ = write(writeEnd, information, information.count)
        }

        /// As SIGTERM would. Waits for the end; seconds that it took.
        func stop() -> Double {
            signal(SIGTERM)
            let start = ContinuousClock.now
            wait { self.hasEnded.load(ordering: .acquiring) }
            close(writeEnd)
            return (ContinuousClock.now - start) / .seconds(1)
        }

        /// Waits until a condition holds; whether it does. The limit is for what hangs: a machine that does other things as
        /// well takes its time.
        @discardableResult func wait(seconds: Int = 300, until condition: () -> Bool) -> Bool {
            let end = ContinuousClock.now + .seconds(seconds)
            while ContinuousClock.now < end {
                if condition() { return true }
                usleep(5000)
            }
            return condition()
        }

        func count(in folder: Spool.Folder, suffix: String = ".yml") -> Int {
            ((try? FileSystem.entries(of: spool.folder(folder))) ?? []).count {
                $0.hasSuffix(suffix) && !$0.hasPrefix(".")
            }
        }
    }

    /// A scan would take two seconds at least. On a busy machine not every try is as quick as the daemon.
    @Test func aFileIsTakenWithinASecondByCopyAndByMove() throws {
        let served = try Served()
        #expect(served.wait { (served.spool.folder(.status)).exists })
        usleep(100_000)
        var quickest = Duration.seconds(60)
        for attempt in 0..<20 where quickest >= .seconds(1.9) {
            let start = ContinuousClock.now
            try served.spool.incoming("copied\(attempt).yml").write("good")
            try (served.folder.path / "moved").write("good")
            try FileSystem.rename(
                served.folder.path / "moved", to: served.spool.incoming("moved\(attempt).yml"),
                replacing: false)
            #expect(served.wait { served.count(in: .done) == 2 * attempt + 2 })
            quickest = min(quickest, ContinuousClock.now - start)
        }
        #expect(quickest < .seconds(1.9))
        _ = served.stop()
    }

    @Test func filesDroppedWhileTheDaemonIsDownAreFound() throws {
        let served = try Served { spool in try spool.incoming("early.yml").write("good") }
        #expect(served.wait { served.count(in: .done) == 1 })
        _ = served.stop()
    }

    @Test func theLoopGoesOnDuringAMergeAndStopsInSeconds() throws {
        let served = try Served()
        // A merge that lasts until it is asked to stop.
        served.merging.during.withLock { $0 = { run in while !run.stop.isRequested { usleep(2000) } } }
        try served.spool.incoming("long.yml").write("wait")
        let name = try #require(JobName("long"))
        #expect(served.wait { served.spool.readStatus(name)?.state == .merging })
        try served.spool.incoming("next.yml").write("good")
        #expect(served.wait { served.count(in: .active) == 2 })
        #expect(served.stop() < 30)
        #expect(served.count(in: .active) == 2)
        #expect(served.spool.readStatus(name)?.state == .queued)
    }

    @Test func aRunningJobIsCancelledByAFile() throws {
        let served = try Served()
        served.merging.during.withLock { $0 = { run in while !run.stop.isRequested { usleep(2000) } } }
        try served.spool.incoming("long.yml").write("wait")
        let name = try #require(JobName("long"))
        #expect(served.wait { served.spool.readStatus(name)?.state == .merging })
        try served.spool.incoming("long.cancel").write("")
        #expect(served.wait { served.spool.readStatus(name)?.state == .cancelled })
        #expect(((try? FileSystem.entries(of: served.spool.output)) ?? []).isEmpty)
        _ = served.stop()
    }

    /// A failed job of long ago, and one that is just as old and waits to be merged again.
    private static func leaveOldJobs(_ spool: Spool) throws {
        let name = try #require(JobName("old"))
        let status = JobStatus(job: name, state: .failed, output: "").json.serialized()
        let failed = spool.folder(.failed)
        for (path, text) in [
            (spool.statusFile(name), status), (failed / "old.yml", "bad"), (failed / "old.error.txt", "why"),
            (failed / "again.yml", "bad"), (failed / "again.error.txt", "why"),
            (spool.incoming("again.yml"), "good"),
        ] {
            try path.write(text)
            var times = Array(repeating: timespec(tv_sec: 1_700_000_000, tv_nsec: 0), count: 2)
            _ = path.withPlatformString { utimensat(AT_FDCWD, $0, &times, 0) }
        }
    }

    @Test func whatIsOldIsClearedAtTheStart() throws {
        let served = try Served(clearAfter: Age("1h"), before: Self.leaveOldJobs)
        #expect(served.wait { served.count(in: .done) == 1 })
        #expect(served.count(in: .failed) == 0)
        #expect(served.count(in: .status, suffix: "old.json") == 0)
        #expect(served.lines.all.count { $0.contains("cleared") } == 1)
        _ = served.stop()
    }

    @Test func aReloadTurnsClearingOn() throws {
        let served = try Served(reloaded: Age("1h"), before: Self.leaveOldJobs)
        #expect(served.wait { served.count(in: .done) == 1 })
        #expect(served.count(in: .failed, suffix: "old.yml") == 1)
        served.signal(SIGHUP)
        #expect(served.wait { served.count(in: .failed) == 0 })
        #expect(served.wait { served.count(in: .status, suffix: "old.json") == 0 })
        _ = served.stop()
    }

    @Test func anIncomingFolderThatIsReplacedIsWatchedAgain() throws {
        let served = try Served()
        #expect(served.wait { served.spool.folder(.incoming).exists })
        try FileSystem.rename(served.spool.folder(.incoming), to: served.spool.root / "old", replacing: false)
        #expect(served.wait { served.spool.folder(.incoming).exists })
        usleep(50_000)
        try served.spool.incoming("a.yml").write("good")
        #expect(served.wait { served.count(in: .done) == 1 })
        _ = served.stop()
    }

    @Test func aThousandJobsByEightWritersAllEnd() throws {
        let served = try Served()
        let (files, memory) = (Self.openFiles, Host().peakResidentBytes)
        WorkerThreads.run(count: 8) { [next = SharedCount()] in
            while let number = next.take(below: 1000) {
                let text = number % 10 == 3 ? "fail" : "good"
                try? served.spool.incoming("job-\(number).yml").write(text)
            }
        }
        var ended = -1
        while case let now = served.count(in: .done) + served.count(in: .failed), now < 1000, now > ended {
            ended = now
            // As long as some end, the others may take their time.
            served.wait(seconds: 60) {
                served.count(in: .done) + served.count(in: .failed) >= min(1000, ended + 50)
            }
        }
        #expect(served.count(in: .done) == 900)
        #expect(served.count(in: .failed) == 100)
        #expect(served.count(in: .failed, suffix: ".error.txt") == 100)
        #expect(served.count(in: .incoming) == 0)
        #expect(served.count(in: .active) == 0)
        // The last config may be in its place a moment before the merge is counted.
        #expect(served.wait { served.merging.merged.withLock { $0.count } == 900 })
        let grown = Host().peakResidentBytes - memory
        print(
            "1000 jobs: \(Self.openFiles - files) more open files, peak memory up by \(Figure.bytes(grown))")
        // Other tests' merges grow the same process at the same time: the bound holds for this test by itself.
        if getenv("TEST_ALONE") != nil { #expect(grown < 64 << 20) }
        _ = served.stop()
    }

    /// A number handed out to each caller once.
    private final class SharedCount: Sendable {
        private let value = Atomic(0)

        func take(below limit: Int) -> Int? {
            let number = value.wrappingAdd(1, ordering: .relaxed).oldValue
            return number < limit ? number : nil
        }
    }

    private static var openFiles: Int { (try? FileSystem.entries(of: "/proc/self/fd"))?.count ?? 0 }
}
