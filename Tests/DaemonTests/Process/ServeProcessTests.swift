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
        #expect(ContinuousClock.now - start < .seconds(10))
        let next = try rig.serve()
        #expect(rig.wait { rig.status("a")?.state == .done }, "\(next.errorText)")
        next.signal(SIGTERM)
        #expect(next.wait() == 0)
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
