import Glibc
import StreamIO
import SystemPackage
import Testing

@testable import Daemon

/// What is closed to a user is told as that, with the way in.
@Suite struct PermissionTests {
    /// Runs a command as a user that owns nothing; `nil` where the tests may not become another.
    private func run(
        _ rig: MergeRig, _ arguments: [String]
    ) throws -> (code: Int32, output: String, errors: String)? {
        guard geteuid() == 0, access("/usr/bin/setpriv", X_OK) == 0 else { return nil }
        // A copy, as nobody may look into where this was built; and a place to write for it.
        let program = rig.folder.path / "dellad"
        if !program.exists {
            #expect(system("cp '\(Executable.path)' '\(program)' && chmod 755 '\(program)'") == 0)
            #expect(chmod(rig.folder.path.string, 0o755) == 0)
        }
        let command = "cd / && exec setpriv --reuid 65534 --regid 65534 --clear-groups '\(program)' \"$@\""
        let ended = try Executable(arguments, in: rig.folder, prelude: command)
        let code = ended.wait()
        return (code, "", ended.errorText)
    }

    private func expectDenied(
        _ rig: MergeRig, _ arguments: [String], _ code: Int32, _ texts: String..., lacking: [String] = []
    ) throws {
        guard let result = try run(rig, arguments) else { return }
        #expect(result.code == code, "\(arguments) \(result.errors)")
        for text in ["Permission denied"] + texts {
            #expect(result.errors.contains(text), "\(arguments) \(result.errors)")
        }
        for text in ["is no spool", "was not found", "is not there"] + lacking {
            #expect(!result.errors.contains(text), "\(arguments) \(result.errors)")
        }
    }

    @Test func aSpoolOfAGroupNamesTheGroup() throws {
        let rig = try MergeRig()
        let spool = Spool(root: rig.spool, output: rig.output)
        try spool.createFolders()
        // Of any group but root's that has a name.
        guard geteuid() == 0, let group = getgrnam("daemon") else { return }
        let name = String(cString: group.pointee.gr_name)
        #expect(chown(rig.spool.string, 0, group.pointee.gr_gid) == 0 && chmod(rig.spool.string, 0o750) == 0)
        for command in [
            ["status"], ["submit", rig.config.string, "--name", "a"], ["cancel", "a"], ["retry", "a"],
        ] {
            try expectDenied(
                rig, command + ["--spool", rig.spool.string], 66, " \(name) as root, then log in again")
        }
        // What may be read and not be written to.
        #expect(chmod(rig.spool.string, 0o755) == 0)
        let incoming = spool.folder(.incoming)
        #expect(chown(incoming.string, 0, group.pointee.gr_gid) == 0 && chmod(incoming.string, 0o775) == 0)
        try expectDenied(
            rig, ["submit", rig.config.string, "--name", "a", "--spool", rig.spool.string], 74,
            "adduser ", " \(name) as root, then log in again", lacking: ["chmod"])
    }

    @Test(arguments: [mode_t(0o750), 0o700, 0o755])
    func anOutputsFolderThatIsClosedIsToldAsThat(mode: mode_t) throws {
        let rig = try MergeRig()
        let closed = rig.folder.path / "closed"
        try FileSystem.createFolder(closed)
        #expect(chmod(closed.string, mode) == 0)
        let merge = ["merge", rig.config.string, "\(closed)/x", "--models", rig.models.string]
        for words in [[], ["--part", "0/2"]] {
            try expectDenied(
                rig, merge + words, 73, "chmod a+rwx \(closed)",
                lacking: ["create its folder", "who began it"])
        }
    }

    @Test func aFileThatIsClosedIsOpenedByItsMode() throws {
        let rig = try MergeRig()
        #expect(chmod(rig.config.string, 0o600) == 0)
        try expectDenied(rig, ["check", rig.config.string], 66, "chmod a+r \(rig.config)")
        #expect(chmod(rig.config.string, 0o644) == 0)
        #expect(chmod(rig.models.string, 0o700) == 0)
        try expectDenied(
            rig, ["check", rig.config.string, "--models", rig.models.string], 66,
            "the model base: \(rig.models): ",
            "chmod a+rx \(rig.models)")
        try expectDenied(rig, ["verify", rig.models.string], 66, "chmod a+rx \(rig.models)")
        #expect(chmod(rig.models.string, 0o755) == 0)
        let file = rig.models / "base" / "model.safetensors"
        #expect(chmod(file.string, 0o600) == 0)
        try expectDenied(
            rig, ["check", rig.config.string, "--models", rig.models.string], 66, "chmod a+r \(file)")
        let settings = rig.folder.path / "settings.yaml"
        try settings.write("memory: 64M\n")
        #expect(chmod(settings.string, 0o600) == 0)
        try expectDenied(
            rig, ["serve", "--check", "--config", settings.string], 78, "chmod a+r \(settings)")
    }
}
