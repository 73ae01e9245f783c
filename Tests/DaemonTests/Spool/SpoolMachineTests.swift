import Glibc
import StreamIO
import SystemPackage
import Testing

@testable import Daemon

@Suite struct SpoolMachineTests {
    @Test func aDroppedConfigIsMergedAtOnce() throws {
        let rig = try SpoolRig()
        try rig.drop("a.yml", "model: x")
        rig.settle()
        #expect(rig.names(in: .active) == ["a.yml"])
        #expect(rig.names(in: .incoming).isEmpty)
        #expect(rig.status("a")?.state == .queued)
        #expect(rig.runOne() == "a")
        #expect(rig.names(in: .done) == ["a.yml"])
        #expect(rig.names(in: .active).isEmpty)
        #expect(rig.outputs == ["a"])
        let status = try #require(rig.status("a"))
        #expect(status.state == .done)
        #expect(status.fraction == 1)
        #expect(status.finishedAt != nil)
    }

    @Test func aFailureIsExplainedAndTheNextJobGoesOn() throws {
        let rig = try SpoolRig()
        try rig.drop("a.yml", "fail", at: 1)
        try rig.drop("b.yml", at: 2)
        #expect(rig.runAll() == ["a", "b"])
        #expect(rig.names(in: .failed) == ["a.error.txt", "a.yml"])
        #expect(rig.reason("a") == "it fails (do not)\n")
        #expect(rig.status("a")?.state == .failed)
        #expect(rig.status("a")?.error == "it fails (do not)")
        #expect(rig.names(in: .done) == ["b.yml"])
        // What a retry can use is kept.
        #expect(rig.outputs == [".a.journal", ".a.partial", "b"])
    }

    @Test func jobsRunByModificationTimeThenName() throws {
        let rig = try SpoolRig()
        try rig.drop("c.yml", at: 5)
        try rig.drop("b.yml", at: 7)
        try rig.drop("a.yml", at: 7)
        try rig.drop("d.yaml", at: 1)
        #expect(rig.runAll() == ["d", "c", "a", "b"])
        #expect(rig.names(in: .done) == ["a.yml", "b.yml", "c.yml", "d.yml"])
    }

    @Test func aFileFoundByAScanIsTakenOnceUnchangedForTwoSeconds() throws {
        let rig = try SpoolRig()
        try rig.drop("a.yml", "half", notice: false)
        rig.settle()
        #expect(rig.names(in: .active).isEmpty)
        rig.settle(after: 1.9)
        #expect(rig.names(in: .active).isEmpty)
        try rig.drop("a.yml", "half and", notice: false)
        rig.settle(after: 0.2)
        rig.settle(after: 1.9)
        #expect(rig.names(in: .active).isEmpty)
        let deadline = try #require(rig.machine.deadline(now: rig.now))
        #expect(deadline - rig.now <= .milliseconds(110))
        rig.settle(after: 0.11)
        #expect(rig.names(in: .active) == ["a.yml"])
    }

    @Test func twoFilesOfOneNameAreTwoJobsInTurn() throws {
        let rig = try SpoolRig()
        try rig.drop("a.yml", "first", at: 1)
        try rig.drop("a.yaml", "second", at: 2)
        rig.settle()
        #expect(rig.names(in: .incoming) == ["a.yaml"])
        #expect(rig.runAll() == ["a"])
        // The second is taken when the first has ended, and finds the output there.
        #expect((rig.spool.output / "a" / "model").text == "first")
        #expect(rig.names(in: .failed) == ["a.error.txt", "a.yml"])
        #expect(rig.reason("a").contains("exists"))
        #expect(rig.names(in: .incoming).isEmpty)
    }

    @Test func anExistingOutputIsNotTouched() throws {
        let rig = try SpoolRig()
        try FileSystem.createFolder(rig.spool.output / "a")
        try (rig.spool.output / "a" / "mine").write("mine")
        try rig.drop("a.yml")
        rig.runAll()
        #expect(rig.names(in: .failed) == ["a.error.txt", "a.yml"])
        #expect((rig.spool.output / "a" / "mine").text == "mine")
        #expect(rig.outputs == ["a"])
    }

    @Test func anOlderEntryOfTheNameIsReplaced() throws {
        let rig = try SpoolRig()
        try rig.drop("a.yml", "fail")
        rig.runAll()
        try rig.drop("a.yml", "good")
        rig.settle()
        #expect(rig.names(in: .failed).isEmpty)
        rig.runAll()
        #expect(rig.names(in: .done) == ["a.yml"])
        try FileSystem.removeTree(rig.spool.output / "a")
        try rig.drop("a.yml", "fail again")
        rig.runAll()
        #expect(rig.names(in: .done).isEmpty)
        #expect(rig.names(in: .failed) == ["a.error.txt", "a.yml"])
    }

    @Test(arguments: [
        ".hidden.yml", "a.yml~", "a.yml.tmp", ".a.yml.swp", "a.swp", "README", "a.txt", "a.YML", ".yml",
    ])
    func otherFilesAreIgnored(fileName: String) throws {
        let rig = try SpoolRig()
        try rig.drop(fileName)
        rig.runAll()
        #expect(rig.names(in: .incoming).contains(fileName) || fileName.hasSuffix(".tmp"))
        #expect(rig.names(in: .active).isEmpty)
        #expect(rig.names(in: .done).isEmpty)
        #expect(rig.lines.all.isEmpty)
    }

    @Test(arguments: [
        "with space.yml", "tab\tname.yml", "nаme.yml", "a\\b.yml", "$(x).yml", "a\nb.yml", "a\u{1B}[2J.yml",
        "a\u{202E}b.yml",
        String(repeating: "n", count: 129) + ".yml",
    ])
    func unfitNamesAreLeftAndReportedOnce(fileName: String) throws {
        let rig = try SpoolRig()
        try rig.drop(fileName)
        rig.runAll()
        rig.runAll()
        #expect(rig.names(in: .incoming) == [fileName])
        #expect(rig.lines.all.count == 1)
        #expect(rig.lines.all[0].contains("rename it"))
        #expect(rig.lines.all[0].split(separator: "\n").count == 1)
        #expect(rig.lines.all[0].dropLast().unicodeScalars.allSatisfy { $0.isPrintable })
    }

    @Test func theLongestNameWorks() throws {
        let rig = try SpoolRig()
        let name = String(repeating: "n", count: 128)
        try rig.drop(name + ".yaml")
        #expect(rig.runAll() == [name])
    }

    @Test func linksFifosAndHugeFilesFailUnread() throws {
        let rig = try SpoolRig()
        try (rig.folder.path / "secret").write("secret")
        _ = symlink((rig.folder.path / "secret").string, rig.spool.incoming("link.yml").string)
        _ = mkfifo(rig.spool.incoming("fifo.yml").string, 0o644)
        try rig.drop("huge.yml", String(repeating: "#", count: 1 << 20) + "#")
        try rig.drop("large.yml", String(repeating: "#", count: 1 << 20))
        #expect(rig.runAll() == ["large"])
        for name in ["link", "fifo", "huge"] {
            #expect(rig.status(name)?.state == .failed, "\(name)")
            #expect(rig.names(in: .failed).contains("\(name).yml"))
            #expect(!rig.reason(name).isEmpty)
            #expect(!rig.reason(name).contains("secret"))
        }
        #expect(rig.names(in: .incoming).isEmpty)
        #expect((rig.folder.path / "secret").text == "secret")
    }

    @Test func aConfigReplacedByALinkWhileQueuedFails() throws {
        let rig = try SpoolRig()
        try rig.drop("a.yml")
        rig.settle()
        try FileSystem.remove(rig.spool.folder(.active) / "a.yml")
        _ = symlink("/etc/passwd", (rig.spool.folder(.active) / "a.yml").string)
        rig.runAll()
        #expect(rig.reason("a").contains("symbolic link"))
        #expect(rig.outputs.isEmpty)
    }

    @Test func aConfigReplacedWhileQueuedIsReadWhenItsJobStarts() throws {
        let rig = try SpoolRig()
        try rig.drop("a.yml", "first")
        rig.settle()
        try FileSystem.remove(rig.spool.folder(.active) / "a.yml")
        try (rig.spool.folder(.active) / "a.yml").write("second")
        rig.runAll()
        #expect((rig.spool.output / "a" / "model").text == "second")
    }

    @Test func aConfigTakenOutWhileQueuedIsCancelled() throws {
        let rig = try SpoolRig()
        try rig.drop("a.yml")
        rig.settle()
        try FileSystem.remove(rig.spool.folder(.active) / "a.yml")
        #expect(rig.runAll().isEmpty)
        #expect(rig.status("a")?.state == .cancelled)
        #expect(rig.outputs.isEmpty)
    }

    @Test func aConfigTakenOutWhileMergingIsFinishedAllTheSame() throws {
        let rig = try SpoolRig()
        try rig.drop("a.yml", "text")
        rig.merging.during.withLock {
            $0 = { run in try? FileSystem.remove(run.spool.folder(.active) / "a.yml") }
        }
        rig.runAll()
        #expect((rig.spool.folder(.done) / "a.yml").text == "text")
        #expect(rig.status("a")?.state == .done)
    }

    @Test func aConfigReplacedWhileMergingIsAJobOfItsOwn() throws {
        let rig = try SpoolRig()
        try rig.drop("a.yml", "first")
        rig.settle()
        let run = try rig.start()
        try FileSystem.remove(rig.spool.folder(.active) / "a.yml")
        try (rig.spool.folder(.active) / "a.yml").write("second")
        rig.machine.ended(rig.merging.merge(run), now: rig.now)
        #expect((rig.spool.output / "a" / "model").text == "first")
        #expect((rig.spool.folder(.done) / "a.yml").text == "first")
        rig.runAll()
        // The name is taken by then.
        #expect((rig.spool.folder(.failed) / "a.yml").text == "second")
        #expect(rig.reason("a").contains("exists"))
        #expect((rig.spool.output / "a" / "model").text == "first")
    }

    @Test func aConfigTakenOutWhileMergingEndsAJobThatIsStopped() throws {
        let rig = try SpoolRig()
        try rig.drop("a.yml", "wait")
        rig.settle()
        let run = try rig.start()
        try FileSystem.remove(rig.spool.folder(.active) / "a.yml")
        rig.machine.ended(rig.merging.merge(run), now: rig.now)
        #expect(rig.status("a")?.state == .cancelled)
        #expect(rig.outputs.isEmpty)
    }

    /// What fails once the model has its name is tried again, and takes nothing back.
    @Test(arguments: ["sync done", "sync active", "forget journal", "rename to a.yml"])
    func aFailureAfterPublicationLeavesTheJobDone(step: String) throws {
        let failing = Switch(true)
        let rig = try SpoolRig(failing: { name in
            name == step && failing.isOn ? .ioError : nil
        })
        try rig.drop("a.yml", "text")
        rig.runAll()
        #expect((rig.spool.output / "a" / "model").text == "text")
        #expect(rig.names(in: .failed) == [])
        #expect(rig.status("a")?.state == .queued)
        #expect(rig.status("a")?.error?.contains("its last steps fail") == true)
        failing.isOn = false
        rig.settle(after: 31)
        #expect(rig.status("a")?.state == .done)
        #expect(rig.status("a")?.error == nil)
        #expect(rig.names(in: .done) == ["a.yml"])
        #expect(rig.names(in: .active) == [])
        #expect(rig.outputs == ["a"])
    }

    @Test func aReasonForWhichThereIsNoRoomIsWrittenLater() throws {
        let isFull = Switch(false)
        let rig = try SpoolRig(failing: { name in
            name.hasPrefix("write a.") && isFull.isOn ? .noSpace : nil
        })
        try rig.drop("a.yml", "fail")
        rig.settle()
        let run = try rig.start()
        isFull.isOn = true
        rig.machine.ended(rig.merging.merge(run), now: rig.now)
        #expect(rig.names(in: .failed) == ["a.yml"])
        isFull.isOn = false
        rig.settle(after: 31)
        #expect(rig.reason("a").contains("it fails"))
        #expect(rig.status("a")?.state == .failed)
    }

    @Test func aNewConfigOfARunningJobsNameWaits() throws {
        let rig = try SpoolRig()
        try rig.drop("a.yml", "first")
        rig.settle()
        let run = try rig.start()
        try rig.drop("a.yml", "second")
        rig.settle(after: 31)
        #expect(rig.names(in: .incoming) == ["a.yml"])
        rig.machine.ended(rig.merging.merge(run), now: rig.now)
        #expect((rig.spool.output / "a" / "model").text == "first")
        rig.settle()
        #expect(rig.names(in: .active) == ["a.yml"])
    }

    @Test func aFullDiskIsRetriedWithBackoffWhileOthersGoOn() throws {
        let rig = try SpoolRig()
        try rig.drop("a.yml", "full", at: 1)
        try rig.drop("b.yml", at: 2)
        rig.settle()
        #expect(rig.runOne() == "a")
        #expect(rig.status("a")?.state == .queued)
        #expect(rig.status("a")?.error?.contains("disk full") == true)
        #expect(rig.runOne() == "b")
        #expect(rig.runOne() == nil)
        let deadline = try #require(rig.machine.deadline(now: rig.now))
        #expect(deadline - rig.now == .seconds(10))
        rig.settle(after: 10)
        #expect(rig.runOne() == "a")
        rig.settle(after: 19)
        #expect(rig.runOne() == nil)
        rig.settle(after: 1)
        #expect(rig.runOne() == "a")
        #expect(rig.status("a")?.state == .failed)
        #expect(rig.reason("a") == "disk full (free space)\n")
    }

    @Test func aPoisonJobFailsAfterThreeCrashesWithoutProgress() throws {
        let rig = try SpoolRig()
        try rig.drop("a.yml")
        rig.settle()
        let notes = rig.spool.folder(.active) / ".a.crashes"
        try notes.write("11 -\n11 0\n")
        try rig.restart()
        #expect(rig.machine.jobs.count == 1)
        try FileSystem.replaceAtomically(notes, with: Array("11 -\n11 0\n6 0\n".utf8))
        try rig.restart()
        #expect(rig.runAll().isEmpty)
        #expect(rig.reason("a").contains("SIGABRT"))
        #expect(rig.names(in: .active).isEmpty)
        // A retry counts anew.
        try rig.drop("a.retry")
        #expect(rig.runAll() == ["a"])
    }

    @Test func aStoppedJobStaysActiveAndGoesOnAfterARestart() throws {
        let rig = try SpoolRig()
        try rig.drop("a.yml")
        rig.settle()
        let run = try rig.start()
        run.stop.request()
        rig.machine.ended(rig.merging.merge(run), now: rig.now)
        #expect(rig.names(in: .active) == ["a.yml"])
        #expect(rig.status("a")?.state == .queued)
        try rig.restart()
        #expect(rig.runAll() == ["a"])
        #expect(rig.status("a")?.state == .done)
    }

    @Test func staleStatusesArePutRightAtStart() throws {
        let rig = try SpoolRig()
        func leave(_ name: String, _ state: JobState, in folder: Spool.Folder?) throws {
            let job = try #require(JobName(name))
            rig.machine.write(JobStatus(job: job, state: state, output: ""))
            if let folder { try rig.spool.config(job, in: folder).write("x") }
        }
        try leave("d", .merging, in: .done)
        try leave("f", .merging, in: .failed)
        try (rig.spool.folder(.failed) / "f.error.txt").write("broken\n")
        try leave("g", .merging, in: nil)
        try rig.restart()
        #expect(rig.status("d")?.state == .done)
        #expect(rig.status("f")?.state == .failed)
        #expect(rig.status("f")?.error == "broken")
        #expect(rig.status("g") == nil)
    }
}
