import Glibc
import StreamIO
import SystemPackage
import Testing

@testable import Daemon

/// Reasons of failures, read again at a start.
@Suite struct ReasonTests {
    /// A failed job whose status is from before a crash, so that its reason is read again.
    private func rigWithoutReason() throws -> SpoolRig {
        let rig = try SpoolRig()
        let name = try #require(JobName("f"))
        rig.machine.write(JobStatus(job: name, state: .merging, output: ""))
        try rig.spool.config(name, in: .failed).write("x")
        return rig
    }

    @Test(arguments: ["link", "second name", "pipe", "folder", "large", "another user's"])
    func whatTheDaemonDidNotWriteIsNoReason(kind: String) throws {
        let rig = try rigWithoutReason()
        let secret = rig.folder.path / "secret"
        try secret.write("the secret\n")
        let reason = rig.spool.folder(.failed) / "f.error.txt"
        switch kind {
        case "link": try #require(symlink(secret.string, reason.string) == 0)
        case "second name": try #require(link(secret.string, reason.string) == 0)
        case "pipe": try #require(mkfifo(reason.string, 0o644) == 0)
        case "folder": try FileSystem.createFolder(reason)
        case "large": try reason.write(String(repeating: "x", count: FailureText.byteLimit + 2))
        default:
            try reason.write("a lie")
            // Only root can give a file away.
            guard chown(reason.string, 12_345, 12_345) == 0 else { return }
        }
        try rig.restart()
        #expect(rig.status("f")?.state == .failed)
        #expect(rig.status("f")?.error == "it is not known why (retry it)")
        #expect(secret.text == "the secret\n")
    }

    @Test func aReasonOfTheDaemonsIsReadAgain() throws {
        let rig = try rigWithoutReason()
        let name = try #require(JobName("f"))
        try rig.spool.writeReason("first\nsecond", for: name)
        try rig.restart()
        #expect(rig.status("f")?.error == "first\nsecond")
    }
}
