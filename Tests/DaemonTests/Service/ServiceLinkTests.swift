import Della
import Logging
import StreamIO
import Synchronization
import SystemPackage
import Testing

@testable import Daemon

@Suite("What the service manager hears")
struct ServiceLinkTests {
    private final class Sent: Sendable {
        private let lines = Mutex([String]())
        var all: [String] { lines.withLock { $0 } }
        func add(_ text: String) { lines.withLock { $0.append(text) } }
    }

    private func link() -> (ServiceLink, Sent) {
        let sent = Sent()
        var link = ServiceLink()
        link.notifier = ServiceNotifier(send: { sent.add($0) })
        return (link, sent)
    }

    private func machine(_ folder: TemporaryFolder) throws -> SpoolMachine {
        let spool = Spool(root: folder.path.appending("spool"), output: folder.path.appending("output"))
        try spool.createFolders()
        return SpoolMachine(spool: spool, merging: FakeMerging(), log: LogLines().logger)
    }

    private func running(_ machine: SpoolMachine) throws -> ServiceLink.Running {
        let run = JobRun(name: try #require(JobName("seed")), config: [], spool: machine.spool)
        return ServiceLink.Running(run: run, bytesPerSecond: 512e6, etaSeconds: 95)
    }

    @Test("The status names job, percent, rate and ETA, and is sent once while it stays the same")
    func status() throws {
        let machine = try machine(TemporaryFolder())
        var (link, sent) = link()
        let now = ContinuousClock.now
        for second in 0..<3 {
            _ = link.attend(
                machine, running: nil, host: Host(), isStopping: false, now: now + .seconds(second))
        }
        let running = try running(machine)
        _ = link.attend(machine, running: running, host: Host(), isStopping: false, now: now + .seconds(3))
        #expect(sent.all == ["STATUS=idle", "STATUS=merging seed: 0.0 %, 512 MB/s, ETA 1:35"])
    }

    @Test("A status of several lines cannot become another assignment")
    func statusLines() {
        let (link, sent) = link()
        link.notifier.says("a\nWATCHDOG=1\r\nb")
        #expect(sent.all == ["STATUS=a WATCHDOG=1 b"])
    }

    @Test("A reload says the monotonic time, by which systemd matches the READY that follows")
    func reload() throws {
        let (link, sent) = link()
        link.reloading()
        let line = try #require(sent.all.first)
        #expect(line.hasPrefix("RELOADING=1\nMONOTONIC_USEC="))
        #expect(UInt64(line.dropFirst("RELOADING=1\nMONOTONIC_USEC=".count)).map { $0 > 0 } == true)
    }

    @Test("A stop asks for time while the merge moves, and no longer")
    func slowStop() throws {
        let machine = try machine(TemporaryFolder())
        var (link, sent) = link()
        let running = try running(machine)
        let now = ContinuousClock.now
        for second in 0..<30 {
            _ = link.attend(
                machine, running: running, host: Host(), isStopping: true, now: now + .seconds(second))
        }
        #expect(sent.all == ["EXTEND_TIMEOUT_USEC=30000000"])
    }

    @Test("Metrics are a whole file for everybody, every few seconds and when a job ends")
    func metrics() throws {
        let folder = try TemporaryFolder()
        let machine = try machine(folder)
        let path = folder.path.appending("metrics.prom")
        var (link, _) = link()
        link.metricsFile = MetricsFile(environment: ["RUNTIME_DIRECTORY": "\(folder.path):/other"])
        link.memoryBudget = 1 << 30
        let now = ContinuousClock.now
        func inode(after seconds: Int) throws -> UInt64? {
            let error = link.attend(
                machine, running: nil, host: Host(), isStopping: false, now: now + .seconds(seconds))
            #expect(error == nil)
            return try FileSystem.status(path)?.inode
        }
        let first = try inode(after: 0)
        #expect(try inode(after: 4) == first)
        #expect(try inode(after: 5) != first)
        let third = try inode(after: 6)
        link.noteChange()
        #expect(try inode(after: 7) != third)
        #expect(try FileSystem.status(path)?.permissions == 0o644)
        #expect(try FileSystem.entries(of: folder.path).filter { $0.contains("metrics") } == ["metrics.prom"])
    }

    @Test("A metrics file that cannot be written is told of and stops nothing")
    func unwritable() throws {
        let machine = try machine(TemporaryFolder())
        var (link, _) = link()
        link.metricsFile = MetricsFile(environment: ["RUNTIME_DIRECTORY": "/nonexistent"])
        let error = link.attend(machine, running: nil, host: Host(), isStopping: false, now: .now)
        #expect(error?.errno == .noSuchFileOrDirectory)
    }

    @Test("Without a runtime folder there are no metrics")
    func noRuntimeFolder() {
        #expect(MetricsFile(environment: [:]) == nil)
    }
}
