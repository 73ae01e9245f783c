import StreamIO
import SystemPackage
import Testing

@testable import Daemon

/// Configs that people move or replace under the daemon, and statuses that a disk keeps from being written.
@Suite struct MovedConfigTests {
    /// Whoever moves a config out of `active` has withdrawn the job, and keeps the config.
    @Test(arguments: [Spool.Folder.failed, .done])
    func oneThatIsMovedOutOfActiveIsNotRemoved(folder: Spool.Folder) throws {
        let rig = try SpoolRig()
        try rig.drop("a.yml", "mine")
        rig.settle()
        let active = rig.spool.folder(.active) / "a.yml"
        try FileSystem.rename(active, to: rig.spool.folder(folder) / "a.yml", replacing: false)
        #expect(rig.runAll().isEmpty)
        #expect((rig.spool.folder(folder) / "a.yml").text == "mine")
        #expect(rig.status("a")?.state == .cancelled)
        let view = try SpoolView(of: rig.spool)
        #expect(view.entries.map(\.status.state) == [.cancelled] && view.history.entries.isEmpty)
        try rig.restart()
        #expect(rig.status("a")?.state == .cancelled && rig.status("a")?.exitCode == 130)
    }

    /// What was not merged is not in `done`, whatever waits.
    @Test(arguments: [["a.yml"], ["a.yaml"], ["a.yml", "a.yaml"]])
    func oneThatIsReplacedWhileItMergesIsAJobOfItsOwn(waiting: [String]) throws {
        let rig = try SpoolRig()
        try rig.drop("a.yml", "first", at: 10)
        rig.settle()
        let run = try rig.start()
        try (rig.spool.folder(.active) / "a.yml").rewrite("other")
        for fileName in waiting { try rig.drop(fileName, "waits", at: 20, notice: false) }
        rig.machine.ended(rig.merging.merge(run), now: rig.now)
        #expect(rig.status("a")?.state == .done)
        #expect((rig.spool.folder(.done) / "a.yml").text == "first")
        let incoming = rig.names(in: .incoming).map { rig.spool.incoming($0).text }
        let active = rig.names(in: .active).map { (rig.spool.folder(.active) / $0).text }
        #expect((incoming + active).sorted() == ["other"] + waiting.map { _ in "waits" })
        // They have their turns, and fail as the model is there.
        rig.runAll()
        #expect(rig.names(in: .incoming).isEmpty && rig.names(in: .active).isEmpty)
        #expect((rig.spool.folder(.done) / "a.yml").text == "first")
    }

    @Test(arguments: [(10, true), (40, false)])
    func aCancelIsOfTheConfigThatReplacedAnother(at seconds: Int, applies: Bool) throws {
        let rig = try SpoolRig()
        try rig.drop("a.yml", at: applies ? 40 : 10)
        rig.settle()
        let config = rig.spool.folder(.active) / "a.yml"
        try config.rewrite("other")
        rig.setTime(config, seconds)
        try rig.drop("a.cancel", "", at: 20)
        rig.settle()
        #expect(rig.status("a")?.state == (applies ? .cancelled : .queued))
    }

    @Test func aCancelOfWhatWaitsLeavesTheStatusOfTheActiveJob() throws {
        let rig = try SpoolRig()
        try rig.drop("a.yml", at: 30)
        rig.settle()
        try rig.drop("a.yaml", "older", at: 10)
        try rig.drop("a.cancel", "", at: 20)
        rig.settle()
        #expect(rig.names(in: .active) == ["a.yml"] && rig.names(in: .failed).contains("a.yml"))
        #expect(rig.status("a")?.state == .queued)
        #expect(rig.runAll() == ["a"])
    }

    @Test func aStatusThatCouldNotBeWrittenIsWrittenByTheNextScan() throws {
        let isBroken = Switch(false)
        let rig = try SpoolRig(failing: { step in isBroken.isOn && step == "write a.json" ? .ioError : nil })
        try rig.drop("a.yml", "full")
        rig.settle()
        let run = try rig.start()
        isBroken.isOn = true
        rig.machine.ended(rig.merging.merge(run), now: rig.now)
        #expect(rig.status("a")?.state == .merging)
        isBroken.isOn = false
        rig.settle(after: 31)
        #expect(rig.status("a")?.state == .queued)
        #expect(rig.status("a")?.error?.hasPrefix("disk full") == true)
    }

    /// Of the done job and of the failed one that came after it, both are known when the disk is well.
    @Test(arguments: ["keep the status of the done a", "write a.json"])
    func theRecordOfADoneJobOutlivesABrokenDisk(step: String) throws {
        let isBroken = Switch(step.hasPrefix("write"))
        let rig = try SpoolRig(failing: { name in
            isBroken.isOn && (name == step || name == "write a.json") ? .ioError : nil
        })
        try rig.drop("a.yml", "first")
        rig.runAll()
        isBroken.isOn = true
        try rig.drop("a.yml", "second")
        rig.settle()
        isBroken.isOn = false
        rig.runAll()
        let name = try #require(JobName("a"))
        #expect(rig.status("a")?.state == .failed)
        #expect(rig.spool.doneStatus(of: name)?.state == .done)
    }
}
