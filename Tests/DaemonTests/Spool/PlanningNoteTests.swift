import StreamIO
import SystemPackage
import Testing

@testable import Daemon

/// Jobs whose planning ends the daemon without a word.
@Suite struct PlanningNoteTests {
    /// Begins the job, notes that it is planned, and is gone.
    private func dieWhilePlanning(_ rig: SpoolRig) throws {
        let run = try rig.start()
        try run.planning.write()
        try rig.restart()
    }

    @Test func aJobWhosePlanningEndsTheDaemonThreeTimesFails() throws {
        let rig = try SpoolRig()
        try rig.drop("poison.yml", at: 1000)
        try rig.drop("honest.yml", at: 2000)
        rig.settle()
        for _ in 0..<PlanningNote.limit { try dieWhilePlanning(rig) }
        #expect(rig.runAll() == ["honest"])
        #expect(rig.status("poison")?.state == .failed)
        #expect(rig.reason("poison") == PlanningNote.reason + "\n")
        #expect(rig.names(in: .active).isEmpty)
        // Its owner may try again, as often.
        try rig.drop("poison.retry", "")
        rig.settle()
        for _ in 0..<PlanningNote.limit - 1 { try dieWhilePlanning(rig) }
        #expect(rig.runAll() == ["poison"])
    }

    @Test func planningThatComesThroughStartsTheCountAnew() throws {
        let rig = try SpoolRig()
        try rig.drop("a.yml")
        rig.settle()
        for _ in 0..<2 {
            for _ in 0..<PlanningNote.limit - 1 { try dieWhilePlanning(rig) }
            let run = try rig.start()
            try run.planning.write()
            run.planning.end()
            #expect(rig.names(in: .active) == ["a.yml"])
            // Killed while it merges.
            try rig.restart()
        }
        #expect(rig.runAll() == ["a"])
        #expect(rig.names(in: .active).isEmpty)
    }

    @Test func aNoteIsWrittenOnceAndNotAfterTheEnd() throws {
        let rig = try SpoolRig()
        let path = rig.folder.path / "note"
        let note = PlanningNote(path, boot: "one")
        try note.write()
        try note.write()
        #expect(path.text == "1 one\n")
        note.end()
        #expect(!path.exists)
        try note.write()
        #expect(!path.exists && !note.isDue)
    }

    @Test func aHostThatWentDownSaysNothingAgainstAJob() throws {
        let rig = try SpoolRig()
        let path = rig.folder.path / "note"
        for boot in ["one", "two", "three", "four"] {
            try PlanningNote(path, boot: boot).write()
            #expect(PlanningNote.count(at: path, boot: boot) == 1)
        }
        try PlanningNote(path, boot: "four").write()
        #expect(PlanningNote.count(at: path, boot: "four") == 2)
        #expect(PlanningNote.count(at: path, boot: "five") == 1)
    }

    @Test(arguments: [
        "", "x", "-1 b", "9223372036854775807 b", "99999999999999999999 b", "2", "\n\n", "3 b c",
    ])
    func aNoteMaySayAnything(text: String) throws {
        let rig = try SpoolRig()
        let path = rig.folder.path / "note"
        try path.write(text)
        let before = PlanningNote.count(at: path, boot: "b")
        #expect(before >= 0)
        try PlanningNote(path, boot: "b").write()
        #expect(PlanningNote.count(at: path, boot: "b") == before.addingSaturated(1))
    }

    @Test func theNoteOfAJobThatIsGoneGoes() throws {
        let rig = try SpoolRig()
        try rig.spool.planningNote(try #require(JobName("gone"))).write("1 b\n")
        try rig.restart()
        #expect(rig.names(in: .active).isEmpty)
    }
}
