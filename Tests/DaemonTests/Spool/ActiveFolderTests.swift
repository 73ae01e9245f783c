import StreamIO
import SystemPackage
import Testing

@testable import Daemon

/// What others than the daemon put into `active`.
@Suite struct ActiveFolderTests {
    private func put(_ rig: SpoolRig, _ fileName: String, _ text: String = "good", at seconds: Int) throws {
        let path = rig.spool.folder(.active) / fileName
        try FileSystem.replaceAtomically(path, with: Array(text.utf8), sync: false)
        rig.setTime(path, seconds)
    }

    @Test func aConfigOfActiveThatIsNoJobsIsTakenUpByAScan() throws {
        let rig = try SpoolRig()
        try put(rig, "drop.yml", at: 10)
        try put(rig, ".hidden.yml", at: 10)
        try put(rig, "notes.txt", at: 10)
        #expect(rig.runAll() == ["drop"])
        #expect(rig.names(in: .done) == ["drop.yml"])
        #expect(rig.status("drop")?.state == .done)
        #expect(rig.outputs == ["drop"])
    }

    @Test func oneThatGetsAnotherNameThereIsAJobOfThatName() throws {
        let rig = try SpoolRig()
        try rig.drop("big.yml", at: 10)
        rig.settle()
        let active = rig.spool.folder(.active)
        try FileSystem.rename(active / "big.yml", to: active / "other.yml", replacing: false)
        // What waits behind it takes its turn.
        try rig.drop("other.yml", "second", at: 20)
        #expect(rig.runAll().first == "other")
        #expect(rig.status("big")?.state == .cancelled)
        #expect(rig.names(in: .active).isEmpty)
        #expect(rig.names(in: .incoming).isEmpty)
        #expect((rig.spool.output / "other" / "model").text == "good")
    }

    @Test func oneThatIsStillWrittenIsLeftAlone() throws {
        let rig = try SpoolRig()
        let name = try #require(JobName("drop"))
        try put(rig, "drop.yml", "go", at: 10)
        rig.settle(after: 31)
        rig.settle(after: 1)
        try put(rig, "drop.yml", "good", at: 11)
        rig.settle(after: 1.5)
        #expect(rig.machine.jobs[name] == nil)
        // It is looked at as soon as it may be ready.
        let deadline = try #require(rig.machine.deadline(now: rig.now))
        #expect(deadline - rig.now <= .seconds(2))
        rig.settle(after: 2.1)
        #expect(rig.machine.jobs[name]?.phase == .queued)
        #expect(rig.status("drop")?.state == .queued)
    }

    @Test(arguments: [(20, true), (5, false)])
    func aCancelIsOfWhatIsThere(at seconds: Int, applies: Bool) throws {
        let rig = try SpoolRig()
        try put(rig, "drop.yml", at: 10)
        try rig.drop("drop.cancel", "", at: seconds)
        rig.settle()
        #expect(rig.names(in: .incoming).isEmpty)
        #expect(rig.status("drop")?.state == (applies ? .cancelled : .queued))
        #expect(rig.names(in: .failed) == (applies ? ["drop.error.txt", "drop.yml"] : []))
        #expect(rig.runAll() == (applies ? [] : ["drop"]))
    }

    @Test func theStatusShowsTheOrderInWhichTheyRun() throws {
        let rig = try SpoolRig()
        try rig.drop("a.yml", at: 40)
        try rig.drop("c.yml", at: 30)
        rig.settle()
        // Queued last, and older than all.
        try rig.drop("z.yml", at: 5)
        rig.settle()
        // In the place of an older one.
        try put(rig, "c.yml", at: 50)
        rig.settle(after: 31)
        try rig.drop("y.yml", at: 8, notice: false)
        try rig.drop("b.yml", at: 9, notice: false)
        let shown = try SpoolView(of: rig.spool).entries.map(\.status.job.text)
        #expect(shown == ["z", "a", "c", "y", "b"])
        var run: [String] = []
        while let name = rig.runOne() { run.append(name) }
        #expect(run == ["z", "a", "c"])
        #expect(rig.runAll() == ["y", "b"])
    }
}
