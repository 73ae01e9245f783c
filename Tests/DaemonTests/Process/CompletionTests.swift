import Glibc
import StreamIO
import SystemPackage
import Testing

@testable import Daemon

/// What a shell is offered, and where it looks for it.
@Suite struct CompletionTests {
    @Test func jobsAreOfferedByWhatCanBeDoneWithThem() throws {
        let rig = try MergeRig()
        try Spool(root: rig.spool, output: rig.output).createFolders()
        for file in [
            "incoming/new.yaml", "active/now.yml", "failed/bad.yml", "failed/bad.error.txt", "done/good.yml",
        ] {
            try rig.spool.pushing(FilePath(file)).write("x")
        }
        let words = ["dellad", "status", "--spool", rig.spool.string]
        #expect(Completions.jobs(in: [.failed], words) == ["bad"])
        #expect(Completions.jobs(in: [.incoming, .active, .failed], words) == ["bad", "new", "now"])
        for spool in [["--spool=\(rig.spool)"], ["--spool", "=", rig.spool.string]] {
            #expect(Completions.jobs(in: [.failed], ["dellad", "retry"] + spool + [""]) == ["bad"])
        }
        let file = rig.folder.path / "settings.yaml"
        try file.write("spool: \(rig.spool)\n")
        #expect(Completions.jobs(in: [.done], ["dellad", "status", "--config", file.string]) == ["good"])
        #expect(Completions.jobs(in: [.done], ["dellad", "status", "--spool", "/nowhere"]) == [])
        // An option whose value is still to come is none.
        let (bare, usual) = (["dellad", "status", "--spool"], ["dellad", "status"])
        #expect(Completions.jobs(in: [.done], bare) == Completions.jobs(in: [.done], usual))
    }

    /// Bash, asked as a person asks it.
    @Test(arguments: [
        ("retry", "", ["bad"]), ("cancel", "", ["bad", "new"]), ("status", "n", ["new"]),
    ])
    func bashOffersJobs(command: String, typed: String, offered: [String]) throws {
        let rig = try MergeRig()
        try Spool(root: rig.spool, output: rig.output).createFolders()
        for file in ["incoming/new.yml", "failed/bad.yml"] {
            try rig.spool.pushing(FilePath(file)).write("x")
        }
        let script = try rig.run("--generate-completion-script", "bash")
        try (rig.folder.path / "completion").write(script.output)
        try (rig.folder.path / "ask").write(
            """
            PATH="\(FilePath(Executable.path).removingLastComponent()):$PATH"
            source '\(rig.folder.path)/completion'
            COMP_WORDS=(dellad \(command) --spool '\(rig.spool)' '\(typed)')
            COMP_CWORD=4
            COMP_LINE="${COMP_WORDS[*]}"
            COMP_POINT=${#COMP_LINE}
            COMP_TYPE=9
            function_name=$(complete -p dellad | sed 's/.*-F \\([^ ]*\\).*/\\1/')
            $function_name dellad '\(typed)' '\(rig.spool)'
            printf '%s\\n' "${COMPREPLY[@]}" >'\(rig.folder.path)/answer'

            """)
        #expect(system("bash '\(rig.folder.path)/ask' 2>'\(rig.folder.path)/ask.errors'") == 0)
        let answer = Set((rig.folder.path / "answer").text.split(separator: "\n").map(String.init))
        #expect(answer.isSuperset(of: offered), "\(answer) \((rig.folder.path / "ask.errors").text)")
        #expect(answer.isDisjoint(with: Set(["bad", "new"]).subtracting(offered)), "\(answer)")
    }

    @Test(arguments: [
        ("/usr", "usr/share/zsh/vendor-completions", "usr/share/fish/vendor_completions.d"),
        ("/usr/local", "usr/local/share/zsh/site-functions", "etc/fish/completions"),
        ("/opt/x", "opt/x/share/zsh/site-functions", "opt/x/share/fish/vendor_completions.d"),
    ])
    func eachShellsFolderHasThem(prefix: String, zsh: String, fish: String) throws {
        let folder = try TemporaryFolder()
        let stage = Repository.root.pushing("Makefile.d/stage")
        // Nothing is to be stripped of what was built to be debugged.
        let binary = folder.path / "dellad"
        try binary.write("#!/bin/sh\nexec '\(Executable.path)' \"$@\"\n")
        let strip = folder.path / "strip"
        try strip.write("#!/bin/sh\n")
        #expect(chmod(binary.string, 0o755) == 0 && chmod(strip.string, 0o755) == 0)
        #expect(
            system(
                "PATH='\(folder.path)':$PATH '\(stage)' '\(binary)' '\(folder.path)/root' \(prefix) \(prefix)/lib/systemd/system 2>/dev/null"
            )
                == 0)
        let root = folder.path / "root"
        #expect(root.pushing(FilePath("\(zsh)/_dellad")).text.hasPrefix("#compdef dellad"))
        // Zsh takes --spool=DIR for an option that it knows.
        #expect(root.pushing(FilePath("\(zsh)/_dellad")).text.contains("\n        '--spool=[The spool"))
        #expect(root.pushing(FilePath("\(fish)/dellad.fish")).text.contains("complete -c 'dellad'"))
        let bash = "\(prefix.dropFirst())/share/bash-completion/completions/dellad"
        #expect(root.pushing(FilePath(bash)).text.contains("complete"))
        let unit = root.pushing(FilePath("\(prefix.dropFirst())/lib/systemd/system/dellad.service")).text
        #expect(unit.contains("ExecReload=\(prefix)/bin/dellad serve --check"))
    }
}
