import StreamIO
import SystemPackage
import Testing

@testable import Daemon

/// What is known of a done job when its name is dropped again.
@Suite struct DoneRecordTests {
    /// Merges `a`, and drops another config of that name by `act`.
    private func again(
        stepsToLive: Int = .max, _ act: (SpoolRig) throws -> Void
    ) throws -> (rig: SpoolRig, finished: String?) {
        let first = try SpoolRig()
        try first.drop("a.yml", "first")
        first.runAll()
        let finished = first.status("a")?.finishedAt
        try first.restart(stepsToLive: stepsToLive)
        try act(first)
        return (first, finished)
    }

    private func check(_ rig: SpoolRig, _ finished: String?, failedAs state: JobState, _ window: String = "")
        throws
    {
        let name = try #require(JobName("a"))
        #expect((rig.spool.folder(.done) / "a.yml").text == "first", "\(window)")
        #expect((rig.spool.output / "a" / "model").text == "first", "\(window)")
        #expect(rig.names(in: .failed) == ["a.error.txt", "a.yml"], "\(window)")
        #expect(rig.names(in: .incoming).isEmpty && rig.names(in: .active).isEmpty, "\(window)")
        #expect(rig.status("a")?.state == state, "\(window)")
        let kept = rig.spool.doneStatus(of: name)
        #expect(kept?.state == .done && kept?.finishedAt == finished && finished != nil, "\(window)")
        let view = try SpoolView(of: rig.spool)
        #expect(view.entries.map(\.folder) == [.failed, .done], "\(window)")
        #expect(view.entries.map(\.status.state) == [state, .done], "\(window)")
        #expect(view.history.entry(name)?.status.finishedAt == finished, "\(window)")
    }

    @Test func staysBesideTheFailureOfTheOther() throws {
        let (rig, finished) = try again { rig in
            try rig.drop("a.yml", "second")
            rig.runAll()
        }
        try check(rig, finished, failedAs: .failed)
        #expect(rig.status("a")?.exitCode == 73)
        #expect(rig.reason("a").contains("exists"))
        // Dropped a third time, and after a start, it is the same.
        try rig.drop("a.yaml", "third")
        rig.runAll()
        try rig.restart()
        rig.runAll()
        try check(rig, finished, failedAs: .failed)
    }

    @Test func staysBesideWhatIsNoConfigAndWhatIsCancelled() throws {
        let (rig, finished) = try again { rig in
            try rig.drop("a.yml", String(repeating: "#", count: DroppedConfig.sizeLimit + 1))
            rig.runAll()
        }
        try check(rig, finished, failedAs: .failed)
        #expect(rig.status("a")?.exitCode == 65)
        let (other, end) = try again { rig in
            try rig.drop("a.yml", "second", at: 10)
            try rig.drop("a.cancel", "", at: 20)
            rig.runAll()
        }
        try check(other, end, failedAs: .cancelled)
        #expect(other.status("a")?.exitCode == 130)
    }

    @Test(arguments: ["second", String(repeating: "#", count: DroppedConfig.sizeLimit + 1)])
    func staysWhereverTheDaemonDies(text: String) throws {
        var count = 0
        for steps in 1...200 {
            let (rig, finished) = try again(stepsToLive: steps) { rig in
                try rig.drop("a.yml", text)
                rig.runAll()
            }
            let hasDied = rig.mortality.isDead
            let window = "before '\(rig.mortality.last.withLock { $0 })'"
            if hasDied {
                count += 1
                try rig.restart()
                rig.runAll()
            }
            try check(rig, finished, failedAs: .failed, window)
            guard hasDied else { break }
        }
        #expect((4..<200).contains(count))
    }

    @Test func isReplacedWhenItsModelIsGone() throws {
        let (rig, finished) = try again { rig in
            try rig.drop("a.yml", "second")
            rig.runAll()
            try FileSystem.rename(rig.spool.output / "a", to: rig.spool.output / "b", replacing: false)
            try rig.drop("a.retry", "")
            rig.runAll()
        }
        #expect((rig.spool.folder(.done) / "a.yml").text == "second")
        #expect(rig.names(in: .failed).isEmpty)
        #expect(rig.names(in: .status) == ["a.json"])
        #expect(rig.status("a")?.state == .done && rig.status("a")?.exitCode == 0)
        #expect(rig.status("a")?.finishedAt != finished)
    }

    @Test func isWrittenBackWhereTheFailureWasTakenAway() throws {
        let (rig, finished) = try again { rig in
            try rig.drop("a.yml", "second")
            rig.runAll()
            for file in ["a.yml", "a.error.txt"] { try FileSystem.remove(rig.spool.folder(.failed) / file) }
            #expect(try SpoolView(of: rig.spool).entries.map(\.status.state) == [.done])
            try rig.restart()
        }
        #expect(rig.status("a")?.state == .done)
        #expect(rig.status("a")?.finishedAt == finished)
    }

    @Test func isClearedWithTheRest() throws {
        let (rig, _) = try again { rig in
            try rig.drop("a.yml", "second")
            rig.runAll()
        }
        for folder in [Spool.Folder.done, .failed, .status] {
            for file in rig.names(in: folder) { rig.setTime(rig.spool.folder(folder) / file, 1000) }
        }
        rig.machine.clearAfter = Age("30d")
        rig.machine.clear(now: rig.now, wall: Timestamp(seconds: 1000 + 31 * 86_400))
        for folder in Spool.Folder.allCases { #expect(rig.names(in: folder).isEmpty, "\(folder)") }
        #expect(rig.outputs == ["a"])
    }
}
