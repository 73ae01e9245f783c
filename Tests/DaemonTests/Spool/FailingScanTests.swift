import StreamIO
import SystemPackage
import Testing

@testable import Daemon

/// The look through `incoming` where the disk refuses it.
@Suite struct FailingScanTests {
    @Test func aScanThatFailsIsTriedAnIntervalLater() throws {
        let rig = try SpoolRig()
        rig.settle()
        try FileSystem.removeTree(rig.spool.folder(.incoming))
        try rig.spool.folder(.incoming).write("in the way")
        rig.settle(after: 31)
        let deadline = try #require(rig.machine.deadline(now: rig.now))
        #expect(deadline - rig.now == IncomingWatch.scanInterval)
        for _ in 0..<10 { rig.settle(after: 2) }
        #expect(rig.lines.all.count { $0.contains("scan incoming") } == 1)
        rig.settle(after: 10)
        #expect(rig.lines.all.count { $0.contains("scan incoming") } == 2)
    }

    @Test func aFirstScanThatFailsIsTriedAnIntervalLaterToo() throws {
        let rig = try SpoolRig()
        try FileSystem.removeTree(rig.spool.folder(.incoming))
        try rig.spool.folder(.incoming).write("in the way")
        rig.settle()
        #expect(rig.machine.deadline(now: rig.now) == rig.now + IncomingWatch.scanInterval)
    }

    @Test func incomingIsScannedThoughOutputCannotBeMade() throws {
        let folder = try TemporaryFolder()
        try (folder.path / "file").write("")
        let spool = Spool(root: folder.path / "spool", output: folder.path / "file" / "output")
        #expect(throws: IOError.self) { try spool.createFolders() }
        try spool.incoming("a.yml").write("good")
        let lines = LogLines()
        var machine = SpoolMachine(spool: spool, merging: FakeMerging(), log: lines.logger)
        let now = ContinuousClock.now
        for turn in 0..<5 { machine.settle(now: now + .seconds(turn)) }
        #expect(machine.jobs.count == 1)
        #expect(lines.all.count { $0.contains("create what is missing") } == 1)
    }
}
