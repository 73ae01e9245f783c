import Glibc
import StreamIO
import SystemPackage
import Testing

@testable import Daemon

/// What becomes of a command whose standard output cannot be written.
@Suite struct StandardOutputTests {
    /// Runs a command whose standard output is a disk that is full.
    private func full(_ rig: MergeRig, _ arguments: [String]) throws -> (code: Int32, errors: String) {
        let command = try Executable(arguments, in: rig.folder, prelude: "exec >/dev/full")
        return (command.wait(), command.errorText)
    }

    private static let message =
        "dellad: standard output: No space left on device (free space on the disk that it goes to)\n"

    @Test func whatCannotBePrintedIsAFailure() throws {
        let rig = try MergeRig()
        try Spool(root: rig.spool, output: rig.output).createFolders()
        let models = ["--models", rig.models.string]
        let merged = rig.folder.path / "merged"
        #expect(
            try rig.run("merge", rig.config.string, merged.string, "--models", rig.models.string).code == 0)
        for arguments in [
            ["--help"], ["--version"], ["help", "merge"], ["--generate-completion-script", "bash"],
            ["status", "--spool", rig.spool.string], ["status", "--spool", rig.spool.string, "--json"],
            ["status", "--watch", "--spool", rig.spool.string],
            ["status", "--done", "--spool", rig.spool.string],
            ["verify", merged.string], ["audit", merged.string] + models,
            ["check", rig.config.string] + models, ["check", rig.config.string, "--json"] + models,
            ["compare", "base", "tuned"] + models, ["compare", "base", "tuned", "--json"] + models,
            ["inspect", "base"] + models, ["inspect", "base", "--json"] + models,
        ] {
            let result = try full(rig, arguments)
            #expect(result.code == 74, "\(arguments) \(result.errors)")
            #expect(result.errors.hasSuffix(Self.message), "\(arguments) \(result.errors)")
        }
    }

    @Test func whatIsDoneStaysDone() throws {
        let rig = try MergeRig()
        try Spool(root: rig.spool, output: rig.output).createFolders()
        let merged = rig.folder.path / "merged"
        let merge = try full(
            rig, ["merge", rig.config.string, merged.string, "--models", rig.models.string])
        #expect(merge.code == 0, "\(merge.errors)")
        #expect(
            merge.errors.contains(
                "dellad: it is done, but cannot be told: standard output: No space left on device"))
        #expect((merged / "dellad.json").exists)
        let submit = try full(rig, ["submit", rig.config.string, "--name", "a", "--spool", rig.spool.string])
        #expect(submit.code == 0, "\(submit.errors)")
        #expect(submit.errors.contains("it is done, but cannot be told"))
    }

    /// The next files that are opened would get the numbers of what is closed.
    @Test func whatIsClosedStaysNobodysFile() throws {
        let rig = try MergeRig()
        let models = ["--models", rig.models.string]
        let merged = rig.folder.path / "merged"
        let merge = try Executable(
            ["merge", rig.config.string, merged.string] + models, in: rig.folder,
            prelude: "exec 0<&- 1>&- 2>&-")
        #expect(merge.wait() == 0)
        #expect((merged / "dellad.json").exists)
        let compare = try Executable(
            ["compare", "base", "tuned", "--json"] + models, in: rig.folder, prelude: "exec 1>&-")
        #expect(compare.wait() == 74)
        #expect(compare.errorText.contains("standard output: Bad file descriptor"), "\(compare.errorText)")
    }

    @Test(arguments: ["uring", "posix"])
    func aLimitOfAFilesSizeIsAnErrorWithItsRemedy(engine: String) throws {
        let rig = try MergeRig()
        let arguments = [
            "merge", rig.config.string, (rig.folder.path / "merged").string, "--models", rig.models.string,
            "--io", engine,
        ]
        let limited = try Executable(arguments, in: rig.folder, prelude: "ulimit -f 8")
        #expect(limited.wait() == 74, "\(limited.errorText)")
        #expect(
            limited.errorText.contains("File too large (let files be larger (ulimit -f"),
            "\(limited.errorText)")
        #expect(try Executable.run(arguments, in: rig.folder).code == 0)
    }

    @Test func aPipeThatNobodyReadsIsNoFailure() throws {
        let rig = try MergeRig()
        // SIGPIPE is ignored, so that the write itself fails.
        let script = "trap '' PIPE; { sleep 1; \"$0\" --help; echo \"$?\" >&2; } | true; exit 0 #"
        let command = try Executable(["--help"], in: rig.folder, prelude: script)
        #expect(command.wait() == 0)
        #expect(command.errorText == "0\n", "\(command.errorText)")
    }

    @Test(
        arguments: [
            (Errno.noSpace, "free space on the spool's disk"),
            (.diskQuotaExceeded, "raise the quota, or free space on the spool's disk"),
            (.readOnlyFileSystem, "mount the spool's disk writable"),
            (.ioError, "check the spool's disk with dmesg"),
            (.tooManyOpenFiles, "write access to the spool's incoming folder is needed"),
        ])
    func aDiskHasItsRemedy(errno: Errno, remedy: String) {
        let spool = Spool(root: "/spool", output: "/output")
        let failure = SpoolOptions.failure(IOError("write", "/spool/incoming/.a", errno), in: spool)
        #expect(failure.message.contains("(\(remedy)"), "\(failure.message)")
        #expect(failure.exitCode == 74)
        let page = ResultFile.failure(IOError("write", "/page.html", errno), "--html /page.html")
        #expect(page.exitCode == ([.noSpace, .diskQuotaExceeded, .ioError].contains(errno) ? 74 : 73))
        #expect(page.message.hasSuffix(")"))
    }
}
