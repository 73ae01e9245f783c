import Glibc
import StreamIO
import SystemPackage
import Testing

@testable import Daemon

/// What is closed to a user is told as that, with the way in.
@Suite struct PermissionTests {
    private static let mayBecomeAnother = geteuid() == 0 && access("/usr/bin/setpriv", X_OK) == 0

    /// Runs a command as a user that owns nothing.
    private func run(
        _ rig: MergeRig, _ arguments: [String]
    ) throws -> (code: Int32, output: String, errors: String) {
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
        let result = try run(rig, arguments)
        #expect(result.code == code, "\(arguments) \(result.errors)")
        for text in ["Permission denied"] + texts {
            #expect(result.errors.contains(text), "\(arguments) \(result.errors)")
        }
        for text in ["is no spool", "was not found", "is not there"] + lacking {
            #expect(!result.errors.contains(text), "\(arguments) \(result.errors)")
        }
    }

    @Test(.enabled(if: mayBecomeAnother, "needs root and setpriv"))
    func aSpoolOfAGroupNamesTheGroup() throws {
        let rig = try MergeRig()
        let spool = Spool(root: rig.spool, output: rig.output)
        try spool.createFolders()
        // Of any group but root's that has a name.
        let group = try #require(getgrnam("daemon"))
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

    @Test(
        .enabled(if: mayBecomeAnother, "needs root and setpriv"), arguments: [mode_t(0o750), 0o700, 0o755])
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

    @Test(.enabled(if: mayBecomeAnother, "needs root and setpriv"))
    func aFileThatIsClosedIsOpenedByItsMode() throws {
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

    /// The daemon may read what this user may not.
    @Test(
        .enabled(if: mayBecomeAnother, "needs root and setpriv"),
        arguments: ["", "base", "base/model.safetensors"])
    func closedModelsAreLeftToTheDaemon(place: String) throws {
        let rig = try MergeRig()
        let spool = Spool(root: rig.spool, output: rig.output)
        let daemon = try rig.serve()
        #expect(rig.wait { (rig.spool / DaemonRecord.fileName).exists && (rig.spool / "status").exists })
        daemon.signal(SIGTERM)
        #expect(daemon.wait() == 0)
        for folder in ["", "incoming"] {
            #expect(chmod(rig.spool.pushing(FilePath(folder)).string, 0o777) == 0)
        }
        #expect(chmod((rig.spool / DaemonRecord.fileName).string, 0o644) == 0)
        let closed = place.isEmpty ? rig.models : rig.models.pushing(FilePath(place))
        #expect(chmod(closed.string, place.contains("/") ? 0o600 : 0o700) == 0)
        let result = try run(rig, ["submit", rig.config.string, "--name", "a", "--spool", rig.spool.string])
        #expect(result.code == 0, "\(result.errors)")
        #expect(
            result.errors.contains("Permission denied: the models are left to the daemon"), "\(result.errors)"
        )
        #expect(spool.incoming("a.yml").exists)
        for (name, text) in [
            ("dela", rig.config.text.replacing("della\n", with: "dela\n")), ("none", "models: ["),
            ("empty", ""),
        ] {
            let path = rig.folder.path / "\(name).yml"
            try path.write(text)
            let refused = try run(rig, ["submit", path.string, "--spool", rig.spool.string])
            #expect(refused.code == 65, "\(name): \(refused.errors)")
            #expect(!spool.incoming("\(name).yml").exists)
        }
    }
}
