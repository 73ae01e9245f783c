import Glibc
import StreamIO
import SystemPackage
import Testing

@testable import Daemon

/// What is refused before it begins.
@Suite struct RefusalTests {
    private func serving(_ rig: MergeRig) throws -> Executable {
        let daemon = try rig.serve()
        #expect(rig.wait { (rig.spool / DaemonRecord.fileName).exists && (rig.spool / "status").exists })
        return daemon
    }

    /// A recipe that keeps its stage `second`.
    private func recipe(_ rig: MergeRig) throws -> String {
        let path = rig.folder.path / "recipe.yml"
        let merge = "merge_method: linear\nmodels: [{model: MODEL, parameters: {weight: 1}}]\n"
        try path.write(
            "name: second\n" + merge.replacing("MODEL", with: "tuned") + "dellad: {keep: true}\n---\n"
                + merge.replacing("MODEL", with: "second"))
        return path.string
    }

    @Test func aRecipeWhoseKeptStageHasNoPlaceIsNotSubmitted() throws {
        let rig = try MergeRig()
        let daemon = try serving(rig)
        let recipe = try recipe(rig)
        let place = rig.output / "k.second"
        try FileSystem.createFolder(place)
        let submit = { (options: [String]) in
            try Executable.run(
                ["submit", recipe, "--name", "k", "--spool", rig.spool.string] + options, in: rig.folder)
        }
        let refused = try submit([])
        #expect(refused.code == 73, "\(refused.errors)")
        #expect(refused.errors == "dellad: \(place): exists (move it away, or choose another --name)\n")
        // The daemon knows the name by the config's.
        let failed = try submit(["--no-check", "--wait"])
        #expect(failed.code == 73, "\(failed.errors)")
        #expect(failed.errors == "dellad: k: failed: \(place): exists (move it away, or rename the config)\n")
        try FileSystem.removeTree(place)
        let done = try submit(["--wait"])
        #expect(done.code == 0, "\(done.errors)")
        #expect((place / "dellad.json").exists)
        daemon.signal(SIGTERM)
        #expect(daemon.wait() == 0)
    }

    @Test func aNameThatLooksLikeAnOptionIsNotSubmitted() throws {
        let rig = try MergeRig()
        try Spool(root: rig.spool, output: rig.output).createFolders()
        let refused = try rig.run(
            "submit", rig.config.string, "--name=-dash", "--spool", rig.spool.string)
        #expect(refused.code == 64 && refused.errors.contains("'-dash' begins as an option does"))
        // One that was dropped can be named.
        try rig.drop("-dash")
        let cancel = try rig.run("cancel", "--spool", rig.spool.string, "--", "-dash")
        #expect(cancel.code == 0, "\(cancel.errors)")
    }

    @Test(
        arguments: [
            ("1", Int32(78), "is less than any merge needs"), ("255K", 78, "is less than any merge needs"),
            ("256K", 0, ""), ("900000G", 0, "is more than the host's memory"),
        ])
    func aCheckSaysOfTheBudgetWhatTheDaemonDoes(memory: String, code: Int32, text: String) throws {
        let rig = try MergeRig()
        let arguments = Array(rig.serveArguments.dropLast()) + [memory]
        let check = try Executable.run(arguments + ["--check"], in: rig.folder)
        // Where a control group has less, the budget does not fit.
        guard !check.errors.contains("does not fit") else { return }
        #expect(check.code == code, "\(check.errors)")
        #expect(text.isEmpty ? check.errors.isEmpty : check.errors.contains(text), "\(check.errors)")
        guard code != 0 else { return }
        let serve = try Executable.run(arguments, in: rig.folder)
        #expect(serve.code == code && serve.errors == check.errors, "\(serve.errors)")
        #expect(!rig.spool.exists)
    }

    @Test func aDaemonThatIsRefusedLeavesNoSpool() throws {
        let rig = try MergeRig()
        let daemon = try serving(rig)
        let other = rig.folder.path / "other"
        let second = try rig.run(
            "serve", "--spool", other.string, "--output", rig.output.string, "--models", rig.models.string)
        #expect(second.code == 75, "\(second.errors)")
        #expect(!other.exists)
        // One that was there stays.
        try FileSystem.createFolder(other)
        let third = try rig.run(
            "serve", "--spool", other.string, "--output", rig.output.string, "--models", rig.models.string)
        #expect(third.code == 75 && other.exists)
        daemon.signal(SIGTERM)
        #expect(daemon.wait() == 0)
    }

    @Test func aCancelledJobSaysSoOnce() throws {
        let rig = try MergeRig(vocabulary: 60_000)
        let daemon = try serving(rig)
        let submit = try Executable(
            ["submit", rig.config.string, "--name", "a", "--wait", "--spool", rig.spool.string],
            in: rig.folder)
        #expect(rig.wait { (rig.spool / "active" / "a.yml").exists })
        #expect(try rig.run("cancel", "a", "--spool", rig.spool.string).code == 0)
        #expect(submit.wait() == 130)
        #expect(submit.errorText == "dellad: a: \(SpoolMachine.cancelledReason)\n", "\(submit.errorText)")
        daemon.signal(SIGTERM)
        #expect(daemon.wait() == 0)
    }
}
