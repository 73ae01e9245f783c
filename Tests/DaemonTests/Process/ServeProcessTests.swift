import Glibc
import StreamIO
import SystemPackage
import Testing

@testable import Daemon

/// The built daemon, stopped and killed.
@Suite struct ServeProcessTests {
    @Test(arguments: [SIGTERM, SIGINT])
    func aSignalStopsItCleanly(signal: Int32) throws {
        let rig = try MergeRig(vocabulary: 20_000)
        let daemon = try rig.serve()
        #expect(rig.wait { (rig.spool / "status").exists })
        try rig.drop("a")
        #expect(rig.wait { rig.status("a")?.state == .merging || rig.status("a")?.state == .done })
        let start = ContinuousClock.now
        daemon.signal(signal)
        #expect(daemon.wait() == 0, "\(daemon.errorText)")
        #expect(ContinuousClock.now - start < .seconds(60))
        let next = try rig.serve()
        #expect(rig.wait { rig.status("a")?.state == .done }, "\(next.errorText)")
        next.signal(SIGTERM)
        #expect(next.wait() == 0)
    }

    @Test(arguments: ["spool", "output"])
    func aDaemonWhoseFolderWasRemovedKeepsOthersOutAllTheSame(name: String) throws {
        let rig = try MergeRig()
        let first = try rig.serve()
        let incoming = rig.spool / "incoming"
        #expect(rig.wait { (rig.spool / "status").exists && incoming.exists })
        #expect(rig.wait { !(rig.output / SpoolLock.fileName).text.isEmpty })
        #expect(rig.wait { first.isWatching })
        usleep(200_000)
        // Out of the daemon's way first, as it makes anew what it misses.
        let (folder, old) = (name == "spool" ? rig.spool : rig.output, rig.folder.path / "old")
        try FileSystem.rename(folder, to: old, replacing: false)
        // The end of the folder that it watches has it look at once.
        try FileSystem.removeTree(name == "spool" ? old : incoming)
        let lock = folder / SpoolLock.fileName
        #expect(rig.wait { !lock.text.isEmpty && incoming.exists }, "\(first.errorText)")
        #expect(first.errorText.contains("locked anew"))
        let second = try Executable.run(rig.serveArguments, in: rig.folder)
        #expect(second.code == 75)
        #expect(second.errors.contains("process \(first.pid)"))
        try rig.drop("a")
        #expect(rig.wait { rig.status("a")?.state == .done }, "\(first.errorText)")
        first.signal(SIGTERM)
        #expect(first.wait() == 0)
    }

    @Test func aDaemonWhoseFolderAnotherHasTakenEnds() throws {
        let rig = try MergeRig()
        let daemon = try rig.serve()
        #expect(rig.wait { (rig.spool / "status").exists })
        #expect(rig.wait { daemon.isWatching })
        usleep(200_000)
        let (new, old) = (rig.folder.path / "new", rig.folder.path / "old")
        try FileSystem.createFolder(new)
        let lock = try SpoolLock.holding(new)
        try FileSystem.rename(rig.spool, to: old, replacing: false)
        try FileSystem.rename(new, to: rig.spool, replacing: false)
        try FileSystem.removeTree(old)
        #expect(daemon.wait() == 75)
        #expect(daemon.errorText.contains("process \(getpid()) is working on it already"))
        #expect(try FileSystem.entries(of: rig.spool) == [SpoolLock.fileName])
        _ = consume lock
    }

    @Test func aDaemonThatCannotWatchSaysSoOnceAndUsesNoProcessor() throws {
        let rig = try MergeRig()
        let daemon = try rig.serve()
        let incoming = rig.spool / "incoming"
        #expect(rig.wait { (rig.spool / "status").exists })
        #expect(rig.wait { daemon.isWatching })
        usleep(200_000)
        try FileSystem.rename(incoming, to: rig.folder.path / "old", replacing: false)
        // The daemon may have made a new one in between.
        for _ in 0..<100 where (try? FileSystem.status(incoming))??.isRegular != true {
            try FileSystem.removeTree(incoming)
            try? incoming.write("in the way")
        }
        // They have the loop turn again and again.
        for _ in 0..<30 {
            daemon.signal(SIGHUP)
            usleep(10_000)
        }
        let start = daemon.processorSeconds
        usleep(1_000_000)
        #expect(daemon.processorSeconds - start < 0.3)
        let lines = daemon.errorText.split(separator: "\n")
        #expect(lines.count { $0.contains("settings read again") } > 1)
        #expect(lines.count { $0.contains("incoming") } < 8, "\(daemon.errorText.prefix(2000))")
        daemon.signal(SIGTERM)
        #expect(daemon.wait() == 0)
    }

    @Test func aSecondDaemonRefusesAndNamesTheFirst() throws {
        let rig = try MergeRig()
        let first = try rig.serve()
        #expect(rig.wait { (rig.spool / "status").exists && !(rig.spool / SpoolLock.fileName).text.isEmpty })
        let sameSpool = try Executable.run(rig.serveArguments, in: rig.folder)
        #expect(sameSpool.code == 75)
        #expect(sameSpool.errors.contains("process \(first.pid)"))
        let sameOutput = try rig.run(
            "serve", "--spool", (rig.folder.path / "spool2").string, "--output", rig.output.string,
            "--models",
            rig.models.string)
        #expect(sameOutput.code == 75)
        #expect(sameOutput.errors.contains("process \(first.pid)"))
        first.signal(SIGKILL)
        #expect(first.wait() == -SIGKILL)
        // A lock goes with its process, however it ended.
        let second = try rig.serve()
        #expect(rig.wait { second.errorText.contains("spool") })
        second.signal(SIGTERM)
        #expect(second.wait() == 0)
    }
}
