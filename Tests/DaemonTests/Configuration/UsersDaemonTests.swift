import Glibc
import StreamIO
import SystemPackage
import Testing

@testable import Daemon

/// That commands find a user's own daemon, and the system's before it.
@Suite struct UsersDaemonTests {
    @Test(arguments: [
        (["HOME": "/h"], "/h/.config/dellad/dellad.yaml", "/h/.local/state/dellad"),
        (["HOME": "/h", "XDG_CONFIG_HOME": "/c"], "/c/dellad/dellad.yaml", "/h/.local/state/dellad"),
        (["XDG_CONFIG_HOME": "/c", "XDG_STATE_HOME": "/s"], "/c/dellad/dellad.yaml", "/s/dellad"),
        // By the specification, what is relative does not count.
        (
            ["HOME": "/h", "XDG_CONFIG_HOME": "c", "XDG_STATE_HOME": ""], "/h/.config/dellad/dellad.yaml",
            "/h/.local/state/dellad"
        ),
    ])
    func itsFilesAreWhereXDGHasThem(environment: [String: String], file: String, state: String) throws {
        let own = try #require(ServiceName(ofUserIn: environment))
        #expect(own.isUsers && own.instance == nil && own != .usual)
        #expect(own.settingsFile == FilePath(file))
        #expect(own.stateFolder == FilePath(state))
        #expect(own.environmentFile == nil)
        let folder = try TemporaryFolder()
        let settings = folder.path / "dellad.yaml"
        try settings.write("threads: 3\n")
        let elsewhere = ["DELLAD_SPOOL": "/elsewhere", "DELLAD_MEMORY": "5M"]
        let read = try SettingsSource(environment: elsewhere, file: settings, service: own).read()
        #expect(read.spool == FilePath(state).appending("spool"))
        #expect(read.output == FilePath(state).appending("output"))
        #expect(read.threads == 3 && read.memory == 5 << 20)
    }

    @Test func whoHasNoneIsToldWhatWritesItsSettings() throws {
        let rig = try MergeRig()
        for command in [["status"], ["check", rig.config.string], ["serve", "--check"]] {
            let result = try Executable.run(
                command + ["--user"], in: rig.folder,
                environment: ["HOME": rig.folder.path.string, "XDG_CONFIG_HOME": ""])
            #expect(result.code == 78)
            #expect(
                result.errors
                    == "dellad: \(rig.folder.path)/.config/dellad/dellad.yaml: is not there (systemctl --user enable --now dellad writes it)\n"
            )
        }
        for others in [["--config", "x"], ["--instance", "fast"]] {
            let result = try Executable.run(["status", "--user"] + others, in: rig.folder)
            #expect(result.code == 64)
            #expect(result.errors.contains("--config, --instance and --user exclude each other"))
        }
    }

    /// Who may not look into the system's spool. A line each: what is asked for, and what is to be said.
    private static let questions: [(name: String, command: String, answer: String)] = [
        // There is no spool of the system's.
        ("absent", "own status mine", "in incoming"),
        ("chosen", "own status", "your own daemon's spool, "),
        ("variable", "export DELLAD_SPOOL=/elsewhere; own status mine", "/elsewhere: is no spool"),
        ("homeless", "export HOME=/nowhere; own status mine", "system: is no spool"),
        // There is one that this user may look into.
        ("open", "own status theirs", "in incoming"),
        ("other", "own status mine", "there is no such job"),
        ("asked", "own status mine --user", "in incoming"),
        // What was asked for is not told again.
        ("unsaid", "own status --user | sed 1q", "no daemon is running on "),
        // There is one that is closed to this user, and not to root, who has such a file too.
        ("closed", "own status mine", "in incoming"),
        ("root", "root status theirs", "in incoming"),
        ("stranger", "export HOME=/nowhere; own status mine", "system: Permission denied"),
        ("models", "own check \"$config\"", "to move   "),
        ("offered", "own ---completion status -- positional@0 2 0 dellad status ''", "mine"),
        // The system's settings are closed to this user.
        ("settings", "own status mine", "in incoming"),
        // They have an error, which whoever can read them is told.
        ("error", "own status mine", "/etc/dellad/dellad.yaml:1: unknown key 'memroy'"),
    ]

    /// In an `/etc` of its own, where the tests may have one.
    @Test func itsSpoolIsTakenWhereTheSystemsMayNotBeUsed() throws {
        let rig = try MergeRig()
        let system = rig.folder.path / "system"
        for root in [rig.spool, system] { try Spool(root: root, output: rig.output).createFolders() }
        try (rig.spool / "incoming" / "mine.yml").write("x")
        try (system / "incoming" / "theirs.yml").write("x")
        let steps = [
            "absent": "mv system away",
            "open": "mv away system; chmod -R a+rX system",
            "closed": "chmod 700 system",
            "settings": "chmod 600 /etc/dellad/dellad.yaml",
            "error": "echo 'memroy: 1G' >/etc/dellad/dellad.yaml; chmod 644 /etc/dellad/dellad.yaml",
        ]
        let script = rig.folder.path / "script"
        try script.write(
            """
            cd '\(rig.folder.path)' && mkdir layers && mount -t tmpfs tmpfs layers || exit 9
            mkdir layers/u layers/w
            mount -t overlay overlay -o lowerdir=/etc,upperdir=layers/u,workdir=layers/w /etc || exit 9
            mkdir -p /etc/dellad home/.config/dellad
            rm -f /etc/default/dellad
            echo 'spool: \(system)' >/etc/dellad/dellad.yaml
            printf 'spool: \(rig.spool)\\nmodels: \(rig.models)\\n' >home/.config/dellad/dellad.yaml
            chmod -R a+rX . /etc/dellad
            cp '\(Executable.path)' program && chmod 755 program || exit 9
            config='\(rig.config)'
            unset XDG_CONFIG_HOME XDG_STATE_HOME DELLAD_SPOOL
            own() { setpriv --reuid 65534 --regid 65534 --clear-groups ./program "$@"; }
            root() { ./program "$@"; }
            export HOME="$PWD/home"
            \(Self.questions.map { question in
                let step = steps[question.name].map { "\($0)\n" } ?? ""
                return "\(step)( \(question.command) ) >said-\(question.name) 2>&1"
            }.joined(separator: "\n"))
            exit 0

            """)
        guard geteuid() == 0, Glibc.system("unshare -m sh '\(script)' 2>'\(script).errors'") == 0 else {
            print("left out: this user may not mount anything")
            return
        }
        for question in Self.questions {
            let said = (rig.folder.path / "said-\(question.name)").text
            #expect(said.contains(question.answer), "\(question.name): \(said)")
        }
    }
}
