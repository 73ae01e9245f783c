import Glibc
import StreamIO
import SystemPackage
import Testing

@testable import Daemon

/// What ended jobs leave, cleared by the times of real files.
@Suite struct ClearingTests {
    static let day = 86_400
    /// When the tests' old things were written, and when the machine looks: 40 days later.
    static let old = 1_700_000_000
    static let wall = Timestamp(seconds: Int64(old + 40 * day))

    /// The spool of one test, which clears after 30 days.
    private func rig(stepsToLive: Int = .max) throws -> SpoolRig {
        let rig = try SpoolRig(stepsToLive: stepsToLive)
        rig.machine.clearAfter = Age("30d")
        return rig
    }

    private func write(_ path: FilePath, _ text: String, at time: Int, _ rig: SpoolRig) throws {
        try path.write(text)
        rig.setTime(path, time)
    }

    /// What a job leaves that ended at that time.
    private func end(_ name: String, _ state: JobState, at time: Int, _ rig: SpoolRig) throws {
        let folder = rig.spool.folder(state == .done ? .done : .failed)
        try write(folder / "\(name).yml", "x", at: time - 5, rig)
        if state == .failed { try write(folder / "\(name).error.txt", "why\n", at: time, rig) }
        let status = JobStatus(job: try #require(JobName(name)), state: state, output: "")
        try write(rig.spool.folder(.status) / "\(name).json", status.json.serialized(), at: time, rig)
        if state == .done { try FileSystem.createFolder(rig.spool.output / name) }
    }

    /// A partial output with something in it.
    private func leavePartial(
        _ name: String, journal: String? = "begun", at time: Int, _ rig: SpoolRig
    ) throws {
        let folder = rig.spool.output / ".\(name).partial"
        try FileSystem.createFolder(folder)
        try (folder / "model").write("weights")
        rig.setTime(folder, time)
        if let journal { try write(rig.spool.output / ".\(name).journal", journal, at: time, rig) }
    }

    /// All names below spool and output, without the folders themselves.
    private func names(_ rig: SpoolRig) -> Set<String> {
        var all = Set(rig.outputs)
        for folder in Spool.Folder.allCases {
            all.formUnion(rig.names(in: folder).map { "\(folder)/\($0)" })
        }
        return all
    }

    private func clear(_ rig: SpoolRig) { rig.machine.clear(now: rig.now, wall: Self.wall) }

    private func cleared(_ rig: SpoolRig) -> [String] { rig.lines.all.filter { $0.contains("cleared") } }

    @Test func whatEndedLongAgoGoesAndTheRestStays() throws {
        let rig = try rig()
        try end("old-done", .done, at: Self.old, rig)
        try end("old-failed", .failed, at: Self.old, rig)
        try leavePartial("old-failed", at: Self.old, rig)
        try end("new-done", .done, at: Self.old + 11 * Self.day, rig)
        try end("new-failed", .failed, at: Self.old + 11 * Self.day, rig)
        try leavePartial("new-failed", at: Self.old, rig)
        clear(rig)
        #expect(
            names(rig) == [
                "done/new-done.yml", "failed/new-failed.yml", "failed/new-failed.error.txt",
                "status/new-done.json", "status/new-failed.json", "old-done", "new-done",
                ".new-failed.partial", ".new-failed.journal",
            ])
        #expect(cleared(rig).count == 2)
        #expect(cleared(rig).contains { $0.contains("old-done") && $0.contains("2023-11-14T22:13:20Z") })
    }

    @Test func nothingIsClearedUnlessItIsWanted() throws {
        let rig = try SpoolRig()
        try end("a", .failed, at: Self.old, rig)
        try leavePartial("a", at: Self.old, rig)
        try leavePartial("b", at: Self.old, rig)
        let before = names(rig)
        clear(rig)
        #expect(names(rig) == before)
    }

    @Test func anAgeIsReachedToTheSecond() throws {
        let rig = try rig()
        try end("at", .done, at: Self.old + 10 * Self.day, rig)
        try end("before", .done, at: Self.old + 10 * Self.day - 1, rig)
        clear(rig)
        #expect(rig.names(in: .done) == ["at.yml"])
    }

    @Test(arguments: [
        "incoming/a.yml", "incoming/a.yaml", "incoming/a.retry", "incoming/a.cancel", "active/a.yml",
    ])
    func aNameThatIsActiveOrWaitsIsLeftAlone(file: String) throws {
        let rig = try rig()
        try end("a", .failed, at: Self.old, rig)
        try leavePartial("a", at: Self.old, rig)
        try write(rig.spool.root.pushing(FilePath(file)), "good", at: Self.old, rig)
        let before = names(rig)
        clear(rig)
        #expect(names(rig) == before)
    }

    @Test func theJobThatMergesKeepsItsPartialOutputHoweverOldItsFilesAre() throws {
        let rig = try rig()
        try rig.drop("a.yml", "wait", at: Self.old)
        rig.settle()
        let run = try rig.start()
        try leavePartial("a", at: Self.old, rig)
        rig.setTime(rig.spool.folder(.status) / "a.json", Self.old)
        clear(rig)
        #expect(rig.outputs == [".a.journal", ".a.partial"])
        #expect(rig.names(in: .status) == ["a.json"])
        #expect(rig.names(in: .active) == ["a.yml"])
        _ = run
    }

    @Test func anAbandonedPartialOutputGoesByItsJournalsTime() throws {
        let rig = try rig()
        try leavePartial("old", at: Self.old, rig)
        try leavePartial("used", at: Self.old, rig)
        rig.setTime(rig.spool.output / ".used.journal", Self.old + 20 * Self.day)
        try leavePartial("alone", journal: nil, at: Self.old, rig)
        try write(rig.spool.output / ".bare.journal", "begun", at: Self.old, rig)
        // Of a job that is done: that one's entry is new, and says nothing of this.
        try end("again", .done, at: Self.old + 39 * Self.day, rig)
        try leavePartial("again", at: Self.old, rig)
        clear(rig)
        #expect(rig.outputs == [".used.journal", ".used.partial", "again"])
        #expect(rig.names(in: .done) == ["again.yml"])
        #expect(cleared(rig).count == 4)
        #expect(cleared(rig).allSatisfy { $0.contains("abandoned partial output") })
    }

    /// Somebody builds it on other machines, and no job knows of it.
    @Test func aMergeInPartsIsNobodysAndStays() throws {
        let rig = try rig()
        try leavePartial("parts", journal: nil, at: Self.old, rig)
        try FileSystem.createFolder(rig.spool.output / ".parts.journals")
        rig.setTime(rig.spool.output / ".parts.journals", Self.old)
        try leavePartial("alone", journal: nil, at: Self.old, rig)
        clear(rig)
        #expect(rig.outputs == [".parts.journals", ".parts.partial"])
    }

    @Test func aPartialOutputThatIsWholeStaysWithItsConfig() throws {
        let rig = try rig()
        try end("a", .failed, at: Self.old, rig)
        try leavePartial("a", journal: "complete", at: Self.old, rig)
        try leavePartial("b", journal: "complete", at: Self.old, rig)
        let before = names(rig)
        clear(rig)
        #expect(names(rig) == before)
    }

    @Test func aFailedConfigThatWasPutRightLatelyStays() throws {
        let rig = try rig()
        try end("a", .failed, at: Self.old, rig)
        rig.setTime(rig.spool.folder(.failed) / "a.yml", Self.old + 35 * Self.day)
        let before = names(rig)
        clear(rig)
        #expect(names(rig) == before)
    }

    /// A config's own time is that of its writing, which may be years before it was merged.
    @Test func anEntryIsNotJudgedByItsConfigAlone() throws {
        let rig = try rig()
        try write(rig.spool.folder(.done) / "a.yml", "x", at: Self.old, rig)
        clear(rig)
        #expect(rig.names(in: .done) == ["a.yml"])
        try end("b", .done, at: Self.old + 20 * Self.day, rig)
        rig.setTime(rig.spool.folder(.done) / "b.yml", Self.old)
        clear(rig)
        #expect(rig.names(in: .done) == ["a.yml", "b.yml"])
    }

    @Test func whatHasNoNameOfOursIsNotTouched() throws {
        let rig = try rig()
        let output = rig.spool.output
        for path in [
            rig.spool.folder(.done) / "notes.txt", rig.spool.folder(.failed) / "a b.yml",
            rig.spool.folder(.status) / ".x.json", rig.spool.folder(.status) / "y.json.bak",
            output / ".hidden", output / "a.journal", output / ".a b.journal", output / "..journal",
        ] {
            try write(path, "x", at: Self.old, rig)
        }
        for path in [output / "model", output / "model.partial", rig.spool.folder(.done) / "folder.yml"] {
            try FileSystem.createFolder(path)
            rig.setTime(path, Self.old)
        }
        let before = names(rig)
        clear(rig)
        #expect(names(rig) == before)
        #expect(rig.lines.all.isEmpty)
    }

    @Test func linksAreNotFollowed() throws {
        let rig = try rig()
        let outside = rig.folder.path / "outside"
        try FileSystem.createFolder(outside)
        try (outside / "precious").write("x")
        func link(_ target: FilePath, _ path: FilePath) throws {
            let made = target.withPlatformString { to in path.withPlatformString { symlink(to, $0) } }
            try #require(made == 0)
            rig.setTime(path, Self.old)
        }
        try link(outside, rig.spool.output / ".a.partial")
        try link(outside / "precious", rig.spool.output / ".b.journal")
        try end("c", .failed, at: Self.old, rig)
        try leavePartial("c", at: Self.old, rig)
        try link(outside, rig.spool.output / ".c.partial" / "inner")
        rig.setTime(rig.spool.output / ".c.partial", Self.old)
        try FileSystem.remove(rig.spool.folder(.failed) / "c.yml")
        try link(outside / "precious", rig.spool.folder(.failed) / "c.yml")
        rig.setTime(outside / "precious", Self.old)
        clear(rig)
        #expect(rig.outputs == [".a.partial", ".b.journal"])
        #expect(rig.names(in: .failed).isEmpty)
        #expect((outside / "precious").text == "x")
    }

    @Test func passesAreAnHourApartAndTakeTheSettingInForce() throws {
        let rig = try rig()
        clear(rig)
        try end("a", .done, at: Self.old, rig)
        rig.now += .seconds(3599)
        clear(rig)
        #expect(rig.names(in: .done) == ["a.yml"])
        rig.machine.clearAfter = Age("6w")
        rig.now += .seconds(1)
        clear(rig)
        #expect(rig.names(in: .done) == ["a.yml"])
        rig.machine.clearAfter = Age("5w")
        rig.now += .seconds(3600)
        clear(rig)
        #expect(rig.names(in: .done).isEmpty)
    }

    /// Whatever step the daemon dies before, nothing is left that a start or the next pass cannot deal with.
    @Test func everyWindowIsHarmless() throws {
        var windows: [String] = []
        for steps in 1... {
            let rig = try rig(stepsToLive: steps)
            try end("a", .failed, at: Self.old, rig)
            try leavePartial("a", at: Self.old, rig)
            try end("b", .done, at: Self.old, rig)
            try leavePartial("c", at: Self.old, rig)
            clear(rig)
            let window = "before '\(rig.mortality.last.withLock { $0 })'"
            let left = names(rig)
            for name in ["a", "c"] where left.contains(".\(name).partial") {
                #expect(left.contains(".\(name).journal"), "\(window)")
            }
            #expect(!left.contains(".a.partial") || left.contains("failed/a.yml"), "\(window)")
            for entry in left where entry.hasPrefix("failed/") {
                #expect(left.contains("status/a.json"), "\(window)")
            }
            let hasDied = rig.mortality.isDead
            if hasDied {
                windows.append(window)
                try rig.restart()
                rig.machine.clearAfter = Age("30d")
                clear(rig)
            }
            #expect(names(rig) == ["b"], "\(window)")
            guard hasDied else { break }
            try #require(steps < 50, "clearing does not end")
        }
        print("clearing: recovered from \(windows.count) windows")
        #expect(windows.count > 8)
    }

    /// A config that is retried after its partial output went is merged from the start.
    @Test func aRetryAfterAnInterruptedClearingIsMerged() throws {
        let rig = try rig(stepsToLive: 3)
        try end("a", .failed, at: Self.old, rig)
        try leavePartial("a", at: Self.old, rig)
        clear(rig)
        #expect(rig.mortality.isDead && !rig.outputs.contains(".a.partial"))
        #expect(rig.names(in: .failed).contains("a.yml"))
        try rig.restart()
        try rig.drop("a.retry", "")
        rig.runAll()
        #expect(rig.status("a")?.state == .done)
    }
}
