import StreamIO
import SystemPackage
import Testing

@testable import Daemon

/// What a status tells of a job's work.
@Suite struct WorkedTimeTests {
    @Test func theSecondsOfAllRunsAddUpWhateverTheClockSays() throws {
        let rig = try SpoolRig()
        try rig.drop("a.yml", at: 10)
        rig.settle()
        #expect(rig.status("a")?.seconds == nil)
        _ = try rig.start()
        rig.now += .seconds(4)
        rig.machine.progressed(now: rig.now) { $0.startedAt = "2100-01-01T00:00:00Z" }
        #expect(rig.status("a")?.seconds == 4)
        rig.now += .seconds(1)
        rig.machine.ended(.stopped, now: rig.now)
        rig.now += .seconds(1000)
        try rig.restart()
        _ = try rig.start()
        rig.now += .seconds(3)
        rig.machine.ended(.done(JobReport(outputBytes: 1, seconds: 3)), now: rig.now)
        #expect(rig.status("a")?.state == .done)
        #expect(rig.status("a")?.seconds == 8)
    }

    /// The model is whole, and something has its name: a retry has nothing to count.
    @Test(arguments: [false, true])
    func aRetryOfTheLastStepsKeepsTheRecord(isRestarted: Bool) throws {
        let rig = try SpoolRig()
        let place = rig.spool.output / "a"
        rig.merging.during.withLock { $0 = { _ in try? FileSystem.createFolder(place) } }
        try rig.drop("a.yml", at: 10)
        rig.settle()
        #expect(rig.runOne() == "a")
        var failed = try #require(rig.status("a"))
        #expect(failed.state == .failed)
        failed.progress.tensorsTotal = 7
        failed.progress.tensorsDone = 7
        failed.progress.bytesRead = 99
        (failed.startedAt, failed.seconds, failed.report) = ("2026-01-02T03:04:05Z", 4, ["much alike"])
        try rig.rewrite(failed)
        try FileSystem.removeTree(place)
        rig.merging.during.withLock { $0 = nil }
        try rig.drop("a.retry", "", at: 20)
        rig.settle()
        rig.settle()
        if isRestarted { try rig.restart() }
        rig.runAll()
        let done = try #require(rig.status("a"))
        #expect(done.state == .done && done.error == nil && done.exitCode == 0)
        #expect(done.progress.tensorsTotal == 7 && done.progress.bytesRead == 99)
        #expect(done.report == ["much alike"])
        #expect(done.startedAt == "2026-01-02T03:04:05Z")
        #expect(done.seconds.map { (4..<5).contains($0) } == true)
    }

    @Test func aConfigThatIsNewBeginsWithoutARecord() throws {
        let rig = try SpoolRig()
        try rig.drop("a.yml", "fail", at: 10)
        rig.settle()
        rig.runOne()
        var failed = try #require(rig.status("a"))
        (failed.progress.tensorsTotal, failed.seconds) = (7, 100)
        try rig.rewrite(failed)
        try rig.drop("a.yml", at: 20)
        rig.settle()
        #expect(rig.status("a")?.seconds == nil && rig.status("a")?.progress.tensorsTotal == 0)
    }
}

extension SpoolRig {
    fileprivate func rewrite(_ status: JobStatus) throws {
        try FileSystem.replaceAtomically(
            spool.statusFile(status.job), with: Array(status.json.serialized().utf8), sync: false)
    }
}
