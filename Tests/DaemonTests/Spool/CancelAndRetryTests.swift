import StreamIO
import SystemPackage
import Testing

@testable import Daemon

@Suite struct CancelAndRetryTests {
    @Test func aQueuedJobIsCancelled() throws {
        let rig = try SpoolRig()
        try rig.drop("a.yml", at: 10)
        rig.settle()
        try rig.drop("a.cancel", "", at: 20)
        #expect(rig.runAll().isEmpty)
        #expect(rig.names(in: .failed) == ["a.error.txt", "a.yml"])
        #expect(rig.names(in: .incoming).isEmpty)
        #expect(rig.names(in: .active).isEmpty)
        #expect(rig.status("a")?.state == .cancelled)
        #expect(rig.reason("a").hasPrefix("cancelled"))
    }

    @Test func aConfigAndItsCancelDroppedTogetherComeToNothing() throws {
        let rig = try SpoolRig()
        try rig.drop("a.yml", at: 10)
        try rig.drop("a.cancel", "", at: 10)
        #expect(rig.runAll().isEmpty)
        #expect(rig.status("a")?.state == .cancelled)
    }

    @Test func aRunningJobStopsAndItsPartialOutputIsDeleted() throws {
        let rig = try SpoolRig()
        try rig.drop("a.yml", "wait", at: 10)
        rig.settle()
        let run = try rig.start()
        try rig.drop("a.cancel", "", at: 20)
        rig.settle()
        #expect(run.stop.isRequested)
        // Repeated settling changes nothing while it stops.
        rig.settle()
        #expect(rig.names(in: .incoming) == ["a.cancel"])
        rig.machine.ended(rig.merging.merge(run), now: rig.now)
        #expect(rig.outputs.isEmpty)
        #expect(rig.names(in: .incoming).isEmpty)
        #expect(rig.status("a")?.state == .cancelled)
    }

    @Test func whatWaitsBehindARunningJobIsCancelledWithIt() throws {
        let rig = try SpoolRig()
        try rig.drop("a.yml", "wait", at: 10)
        rig.settle()
        let run = try rig.start()
        try rig.drop("a.yaml", "second", at: 15)
        try rig.drop("a.cancel", "", at: 20)
        rig.settle()
        rig.machine.ended(rig.merging.merge(run), now: rig.now)
        #expect(rig.runAll().isEmpty)
        #expect(rig.names(in: .incoming).isEmpty)
        #expect((rig.spool.folder(.failed) / "a.yml").text == "second")
        #expect(rig.status("a")?.state == .cancelled)
        #expect(rig.outputs.isEmpty)
    }

    /// The name was taken while it merged; the model is whole in its partial folder.
    private static func obstructed() throws -> SpoolRig {
        let rig = try SpoolRig()
        try rig.drop("a.yml", "first", at: 10)
        rig.merging.during.withLock {
            $0 = { run in try? FileSystem.createFolder(run.spool.output / "a") }
        }
        rig.runAll()
        rig.merging.during.withLock { $0 = nil }
        #expect(rig.status("a")?.state == .failed)
        #expect(rig.outputs == [".a.journal", ".a.partial", "a"])
        return rig
    }

    @Test func aRetryOfAMergeWhoseNameIsTakenFailsAgain() throws {
        let rig = try Self.obstructed()
        try rig.drop("a.retry", "", at: 20)
        rig.runAll()
        #expect(rig.status("a")?.state == .failed)
        #expect(rig.reason("a").contains("exists"))
        try FileSystem.removeTree(rig.spool.output / "a")
        try rig.drop("a.retry", "", at: 30)
        rig.runAll()
        #expect(rig.status("a")?.state == .done)
        #expect((rig.spool.output / "a" / "model").text == "first")
    }

    @Test func aCancelOfAMergeWhoseNameIsTakenDeletesIt() throws {
        let rig = try Self.obstructed()
        try rig.drop("a.cancel", "", at: 20)
        rig.runAll()
        #expect(rig.outputs == ["a"])
        #expect(rig.status("a")?.state == .cancelled)
    }

    @Test func aCancelDoesNotApplyToANewerConfig() throws {
        let rig = try SpoolRig()
        try rig.drop("a.yml", at: 30)
        rig.settle()
        try rig.drop("a.cancel", "", at: 20)
        #expect(rig.runAll() == ["a"])
        #expect(rig.names(in: .incoming).isEmpty)
        #expect(rig.status("a")?.state == .done)
    }

    @Test func aCancelAfterCompleteComesTooLate() throws {
        let rig = try SpoolRig()
        try rig.drop("a.yml", at: 10)
        rig.settle()
        let run = try rig.start()
        try rig.drop("a.cancel", "", at: 20)
        let outcome = rig.merging.merge(run)
        rig.settle()
        rig.machine.ended(outcome, now: rig.now)
        #expect(rig.status("a")?.state == .done)
        #expect(rig.outputs == ["a"])
        #expect(rig.names(in: .incoming).isEmpty)
    }

    @Test func aCancelOfAFailedJobDeletesItsPartialOutput() throws {
        let rig = try SpoolRig()
        try rig.drop("a.yml", "fail", at: 10)
        rig.runAll()
        #expect(rig.outputs == [".a.journal", ".a.partial"])
        try rig.drop("a.cancel", "", at: 20)
        rig.runAll()
        #expect(rig.outputs.isEmpty)
        #expect(rig.status("a")?.state == .cancelled)
        #expect(rig.names(in: .failed) == ["a.error.txt", "a.yml"])
    }

    @Test(arguments: ["cancel", "retry"])
    func aRequestForNothingIsDropped(kind: String) throws {
        let rig = try SpoolRig()
        try rig.drop("a.\(kind)", "")
        rig.runAll()
        #expect(rig.names(in: .incoming).isEmpty)
        #expect(rig.lines.all.contains { $0.contains("nothing to \(kind)") })
    }

    @Test func aDoneJobIsNotCancelled() throws {
        let rig = try SpoolRig()
        try rig.drop("a.yml", at: 10)
        rig.runAll()
        try rig.drop("a.cancel", "", at: 20)
        rig.runAll()
        #expect(rig.status("a")?.state == .done)
        #expect(rig.outputs == ["a"])
    }

    @Test(arguments: [true, false])
    func aFailedJobIsRetried(byFile: Bool) throws {
        let rig = try SpoolRig()
        try rig.drop("a.yml", "fail")
        rig.runAll()
        try FileSystem.replaceAtomically(rig.spool.folder(.failed) / "a.yml", with: Array("good".utf8))
        if byFile {
            try rig.drop("a.retry", "")
        } else {
            // As mv does, with the event that follows.
            try FileSystem.rename(
                rig.spool.folder(.failed) / "a.yml", to: rig.spool.incoming("a.yml"), replacing: false)
            rig.machine.noticed("a.yml", now: rig.now)
        }
        rig.settle()
        #expect(rig.names(in: .failed).isEmpty)
        #expect(rig.runAll() == ["a"])
        #expect(rig.status("a")?.state == .done)
        #expect(rig.names(in: .incoming).isEmpty)
    }

    @Test func aRetryOfACancelUnderWayWaitsForIt() throws {
        let rig = try SpoolRig()
        try rig.drop("a.yml", "wait", at: 10)
        rig.settle()
        let run = try rig.start()
        try rig.drop("a.cancel", "", at: 20)
        try rig.drop("a.retry", "", at: 30)
        rig.settle()
        rig.machine.ended(rig.merging.merge(run), now: rig.now)
        rig.settle()
        #expect(rig.names(in: .active) == ["a.yml"])
        #expect(rig.names(in: .incoming).isEmpty)
    }

    @Test func aRetryDoesNotDisplaceANewerConfig() throws {
        let rig = try SpoolRig()
        try rig.drop("a.yml", "fail")
        rig.runAll()
        try rig.drop("a.yaml", "newer", notice: false)
        try rig.drop("a.retry", "")
        rig.settle()
        #expect(rig.names(in: .failed) == ["a.error.txt", "a.yml"])
        rig.runAll()
        #expect((rig.spool.output / "a" / "model").text == "newer")
    }
}
