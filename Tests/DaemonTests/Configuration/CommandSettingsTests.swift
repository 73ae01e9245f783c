import Glibc
import StreamIO
import SystemPackage
import Testing

@testable import Daemon

/// That commands take the daemon's settings: flag, environment, file.
@Suite struct CommandSettingsTests {
    /// A rig whose spool was moved, by a settings file.
    private func movedSpool() throws -> (rig: MergeRig, file: String) {
        let rig = try MergeRig()
        try Spool(root: rig.spool, output: rig.output).createFolders()
        let file = rig.folder.path / "settings.yaml"
        try file.write(
            "spool: \(rig.spool)\noutput: \(rig.output)\nmodels: \(rig.models)\nmemory: 64M\nthreads: 1\n")
        return (rig, file.string)
    }

    private func run(
        _ rig: MergeRig, _ arguments: [String], _ environment: [String: String] = [:]
    ) throws -> (code: Int32, output: String, errors: String) {
        try Executable.run(arguments, in: rig.folder, environment: environment)
    }

    @Test func aSpoolThatTheFileMovedIsTheOneOfEveryCommand() throws {
        let (rig, file) = try movedSpool()
        let submit = try run(rig, ["submit", rig.config.string, "--name", "a", "--config", file])
        #expect(submit.code == 0, "\(submit.errors)")
        #expect((rig.spool / "incoming" / "a.yml").exists)
        let status = try run(rig, ["status", "a", "--config", file])
        #expect(status.output.contains("in incoming"), "\(status.errors)")
        #expect(try run(rig, ["cancel", "a", "--config", file]).code == 0)
        #expect((rig.spool / "incoming" / "a.cancel").exists)
        try (rig.spool / "failed" / "b.yml").write("x")
        #expect(try run(rig, ["retry", "b", "--config", file]).code == 0)
        #expect((rig.spool / "incoming" / "b.retry").exists)
    }

    @Test func theEnvironmentBeatsTheFileAndAFlagBoth() throws {
        let (rig, file) = try movedSpool()
        let other = rig.folder.path / "other"
        try Spool(root: other, output: rig.output).createFolders()
        try (other / "incoming" / "b.yml").write("x")
        let environment = ["DELLAD_SPOOL": other.string]
        #expect(try run(rig, ["status", "b", "--config", file], environment).code == 0)
        #expect(try run(rig, ["status", "b"], environment).code == 0)
        let flag = try run(rig, ["status", "b", "--config", file, "--spool", rig.spool.string], environment)
        #expect(flag.code == 66)
        #expect(flag.errors.contains("there is no such job in \(rig.spool)"))
    }

    @Test func aMergeHasTheModelsTheBudgetAndTheThreadsOfTheSettings() throws {
        let (rig, file) = try movedSpool()
        let check = try run(rig, ["check", rig.config.string, "--config", file, "--json"])
        #expect(check.code == 0, "\(check.errors)")
        let report = try JSON(parsing: Array(check.output.utf8))
        #expect(report["memory"]?.intValue == 64 << 20)
        let out = rig.folder.path / "merged"
        let environment = ["DELLAD_SHA256": "true", "DELLAD_IO": "posix", "DELLAD_MEMORY": "32M"]
        let merge = try run(
            rig, ["merge", rig.config.string, out.string, "--config", file], environment)
        #expect(merge.code == 0, "\(merge.errors)")
        #expect(merge.output.contains("posix"))
        #expect((out / "dellad.json").text.contains("sha256"))
        let narrow = try run(
            rig, ["check", rig.config.string, "--config", file, "--memory", "16M", "--json"], environment)
        #expect(try JSON(parsing: Array(narrow.output.utf8))["memory"]?.intValue == 16 << 20)
    }

    @Test func aFileWithAnErrorIsToldByEveryCommandThatReadsIt() throws {
        let (rig, file) = try movedSpool()
        try FilePath(file).rewrite("spool: \(rig.spool)\nmemroy: 1G\n")
        for arguments in [
            ["status"], ["submit", rig.config.string], ["cancel", "a"], ["retry", "a"],
            ["check", rig.config.string], ["merge", rig.config.string, "new"],
        ] {
            let result = try run(rig, arguments + ["--config", file])
            #expect(result.code == 78, "\(arguments)")
            #expect(result.errors.contains("settings.yaml:2: unknown key 'memroy' (did you mean memory?)"))
        }
        // Who names a spool needs no settings for it.
        #expect(try run(rig, ["status", "--spool", rig.spool.string, "--config", file]).code == 0)
    }

    @Test func anInstanceHasASpoolAndAFileOfItsOwn() throws {
        let service = try #require(ServiceName(instance: "fast"))
        #expect(service.description == "dellad@fast")
        #expect(service.settingsFile == "/etc/dellad/fast.yaml")
        #expect(service.environmentFile == "/etc/default/dellad-fast")
        #expect(service.stateFolder == "/var/lib/dellad-fast")
        #expect(ServiceName.usual.settingsFile == "/etc/dellad/dellad.yaml")
        #expect(ServiceName.usual.stateFolder.appending("spool") == FilePath(DefaultPath.spool))
        for name in ["", "../x", "a/b", ".x", "-x", "a b", "ä"] {
            #expect(ServiceName(instance: name) == nil)
        }
        let folder = try TemporaryFolder()
        let file = folder.path / "fast.yaml"
        try file.write("threads: 3\n")
        // The environment of whoever names an instance says where another one is.
        let settings = try SettingsSource(
            environment: [
                "DELLAD_SPOOL": "/elsewhere", "DELLAD_MEMORY": "5M", "STATE_DIRECTORY": "/var/lib/x",
            ],
            file: file, service: service
        ).read()
        #expect(settings.spool == "/var/lib/dellad-fast/spool")
        #expect(settings.output == "/var/lib/dellad-fast/output")
        #expect(settings.threads == 3)
        #expect(settings.memory == 5 << 20)
        let rig = try MergeRig()
        let missing = try run(rig, ["status", "--instance", "no-such-instance"])
        #expect(missing.code == 78)
        #expect(missing.errors.hasPrefix("dellad: /etc/dellad/no-such-instance.yaml: "))
        #expect(try run(rig, ["status", "--instance", "../x"]).code == 64)
    }

    /// In an `/etc` of its own, where the tests may have one.
    @Test func theSystemsFilesAreReadAndAnInstanceIsNotWhereTheEnvironmentSays() throws {
        let (rig, _) = try movedSpool()
        try (rig.spool / "incoming" / "a.yml").write("x")
        let script = rig.folder.path / "script"
        try script.write(
            """
            cd '\(rig.folder.path)' && mkdir layers && mount -t tmpfs tmpfs layers || exit 9
            mkdir layers/u layers/w
            mount -t overlay overlay -o lowerdir=/etc,upperdir=layers/u,workdir=layers/w /etc || exit 9
            mkdir -p /etc/dellad /etc/default
            echo 'spool: \(rig.spool)' >/etc/dellad/dellad.yaml
            '\(Executable.path)' status a >file 2>&1
            echo 'DELLAD_SPOOL=/of-the-unit' >/etc/default/dellad
            '\(Executable.path)' status >unit 2>&1
            DELLAD_SPOOL=/of-the-caller '\(Executable.path)' status >caller 2>&1
            echo 'spool: \(rig.spool)' >/etc/dellad/fast.yaml
            DELLAD_SPOOL=/of-the-caller '\(Executable.path)' status a --instance fast >instance 2>&1
            '\(Executable.path)' ---completion status -- --instance 2 0 dellad status --instance >names 2>&1
            exit 0

            """)
        guard system("unshare -m sh '\(script)' 2>/dev/null") == 0 else {
            print("left out: this user may not mount anything")
            return
        }
        let said = ["file", "unit", "caller", "instance", "names"].map { (rig.folder.path / $0).text }
        #expect(said[0].contains("in incoming"), "\(said[0])")
        #expect(said[1].contains("/of-the-unit: is no spool"), "\(said[1])")
        #expect(said[2].contains("/of-the-caller: is no spool"), "\(said[2])")
        #expect(said[3].contains("in incoming"), "\(said[3])")
        #expect(said[4].contains("fast") && !said[4].contains("dellad"), "\(said[4])")
    }

    @Test func aCommandInAnotherServiceHasTheDaemonsSpool() throws {
        let folder = try TemporaryFolder()
        let file = folder.path / "dellad.yaml"
        try file.write("")
        let environment = ["STATE_DIRECTORY": "/var/lib/nightly"]
        let own = try SettingsSource(environment: environment, file: file, service: .usual).read()
        #expect(own.spool == FilePath(DefaultPath.spool))
        #expect(
            try SettingsSource(environment: environment, file: file).read().spool == "/var/lib/nightly/spool")
    }

    @Test func variablesOfTheUnitAreReadAsSystemdReadsThem() throws {
        let text = """
            # DELLAD_SPOOL=/no
            ; DELLAD_SPOOL=/no
            DELLAD_SPOOL=/plain
              DELLAD_OUTPUT = "/with blanks"
            DELLAD_MEMORY='1G'
            DELLAD_THREADS=
            nothing

            """
        let file = EnvironmentFile(Array(text.utf8), path: "f")
        #expect(
            file.variables == [
                "DELLAD_SPOOL": "/plain", "DELLAD_OUTPUT": "/with blanks", "DELLAD_MEMORY": "1G",
                "DELLAD_THREADS": "",
            ])
    }

    // MARK: serve --check

    @Test func settingsAreTestedWithoutATrace() throws {
        let (rig, file) = try movedSpool()
        let fresh = rig.folder.path / "fresh"
        let fine = try run(
            rig, ["serve", "--check", "--config", file, "--spool", fresh.string, "--output", "\(fresh)-out"])
        #expect(fine.code == 0, "\(fine.errors)")
        #expect(fine.output.isEmpty && fine.errors.isEmpty)
        #expect(!fresh.exists)
        #expect(!(rig.output / SpoolLock.fileName).exists)
    }

    @Test(arguments: [
        ("memroy: 1G\n", "settings.yaml:1: unknown key 'memroy' (did you mean memory?)"),
        ("models: /nowhere/at/all\n", "models: /nowhere/at/all: is not a folder"),
        ("spool: /tmp\noutput: /tmp/../tmp\n", "is both spool and output"),
        ("spool: /proc/self/comm\n", "/proc/self/comm: "),
        ("a: [\n", "not YAML"),
    ])
    func badSettingsAreToldAndTheCheckFails(text: String, message: String) throws {
        let folder = try TemporaryFolder()
        let file = folder.path / "settings.yaml"
        let models = text.contains("models:") ? "" : "models: \(folder.path)\n"
        try file.write(text + models)
        let result = try Executable.run(["serve", "--check", "--config", file.string], in: folder)
        #expect(result.code == 78)
        #expect(result.errors.contains(message), "\(result.errors)")
    }

    @Test func aReloadTestsTheSettingsFirst() throws {
        for unit in ["dellad.service", "dellad@.service"] {
            let text = Repository.root.appending("systemd").appending(unit).text
            let lines = text.split(separator: "\n")
            let start = try #require(
                lines.first { $0.hasPrefix("ExecStart=") }?.dropFirst("ExecStart=".count))
            let reloads = lines.filter { $0.hasPrefix("ExecReload=") }.map {
                $0.dropFirst("ExecReload=".count)
            }
            #expect(
                reloads == [
                    start.replacing("serve ", with: "serve --check ")[...], "/bin/kill -HUP $MAINPID",
                ])
        }
    }
}
