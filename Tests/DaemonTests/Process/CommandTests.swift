import Glibc
import StreamIO
import SystemPackage
import Testing

@testable import Daemon

/// The built executable, as people run it.
@Suite struct CommandTests {
    @Test func aMergeIsVerifiable() throws {
        let rig = try MergeRig()
        let out = (rig.output).string
        let models = rig.models.string
        let merge = try rig.run("merge", rig.config.string, out, "--models", models, "--memory", "64M")
        #expect(merge.code == 0)
        #expect(merge.errors.isEmpty)
        #expect(merge.output.contains(out))
        #expect(try rig.run("verify", out).code == 0)
        let again = try rig.run("merge", rig.config.string, out, "--models", models, "--memory", "64M")
        #expect(again.code == 73)
        #expect(again.errors.hasPrefix("dellad: \(out): exists"))
        try (rig.output / "notes.txt").write("mine")
        let noted = try rig.run("verify", out)
        #expect(noted.code == 0)
        #expect(noted.errors.contains("not checked, as dellad.json does not list it: notes.txt"))
        try (rig.output / "model.safetensors.index.json").write("{}")
        let added = try rig.run("verify", out)
        #expect(added.code == 65)
        #expect(added.errors.contains("model.safetensors.index.json: was not written by the merge"))
        try FileSystem.remove(rig.output / "model.safetensors.index.json")
        var bytes = try rig.weights(rig.output)
        bytes[bytes.count - 1] ^= 1
        try FileSystem.replaceAtomically(rig.output / "model.safetensors", with: bytes)
        let damaged = try rig.run("verify", out)
        #expect(damaged.code == 65)
        #expect(damaged.errors.contains("model.safetensors: bytes "))
    }

    @Test func exitCodesFollowSysexits() throws {
        let rig = try MergeRig()
        let (config, models) = (rig.config.string, rig.models.string)
        let out = (rig.folder.path / "new").string
        func expect(_ code: Int32, _ arguments: [String], _ text: String) throws {
            let result = try Executable.run(arguments, in: rig.folder)
            #expect(result.code == code, "\(arguments) \(result.errors)")
            #expect(result.errors.contains(text), "\(result.errors)")
            #expect(result.errors.hasPrefix("dellad: "))
            #expect(!(rig.folder.path / "new").exists)
        }
        try expect(64, ["merge"], "config")
        try expect(64, ["merge", config, out, "--memory", "lots"], "lots")
        try expect(64, ["merge", config, "..", "--models", models], "..")
        try expect(64, ["serve", "--spool", out, "--clear-after", "soon"], "'soon' is no age")
        try expect(64, ["synth", out, "--shape", "square"], "square")
        try expect(66, ["merge", "nowhere.yml", out, "--models", models], "nowhere.yml: is not there")
        try expect(
            66, ["merge", config, out, "--models", (rig.folder.path / "empty").string], "config.yml:1: ")
        try (rig.folder.path / "bad.yml").write("merge_method: dela\n")
        try expect(65, ["check", (rig.folder.path / "bad.yml").string, "--models", models], "bad.yml:1: ")
        try expect(
            73,
            [
                "merge", config, (rig.folder.path / "no" / "out").string, "--models", models, "--memory",
                "64M",
            ], "out")
        try expect(78, ["merge", config, out, "--models", models, "--memory", "4K"], "too small")
        let long = (rig.folder.path / String(repeating: "x", count: 250)).string
        try expect(
            73, ["merge", config, long, "--models", models, "--memory", "64M"], "(use a shorter name)")
        try expect(
            73, ["synth", (rig.folder.path / "no" / "model").string, "--shape", "tiny"],
            "(create its folder: mkdir -p \(rig.folder.path / "no"))")
        for trace in [(rig.folder.path / "no" / "t.json").string, models] {
            try expect(
                73, ["merge", config, out, "--models", models, "--trace", trace],
                trace == models ? "--trace \(trace): is a folder" : "--trace \(trace): cannot be")
        }
        try expect(
            78, ["serve", "--spool", out, "--output", out, "--models", (rig.folder.path / "no").string],
            "is not a folder")
        try expect(66, ["status", "--spool", out], "is no spool")
        try expect(66, ["verify", models], "dellad.json")
        try expect(64, ["verify", models, "--threads", "1025"], "1024")
        try expect(66, ["synth", out, "--shape", "tiny", "--base", models + "/nosuch"], "nosuch")
    }

    @Test func moreMemoryThanTheHostHasIsWarnedAbout() throws {
        let rig = try MergeRig()
        let merge = try rig.run(
            "merge", "--memory", "900000G", "--models", rig.models.string, rig.config.string,
            rig.output.string)
        // Where a control group bounds the memory that is refused, not warned about.
        #expect(merge.code == (Host().memory.groupLimit == nil ? 0 : 78))
        #expect(merge.errors.contains("900000G"))
    }

    @Test func anInterruptedMergeGoesOn() throws {
        let rig = try MergeRig(vocabulary: 20_000)
        let models = rig.models.string
        let reference = rig.folder.path / "reference"
        #expect(
            try rig.run("merge", rig.config.string, reference.string, "--models", models, "--memory", "64M")
                .code == 0)
        var interruptions = 0
        for attempt in 0..<60 {
            let merge = try Executable(
                ["merge", rig.config.string, rig.output.string, "--models", models, "--memory", "64M"],
                in: rig.folder)
            usleep(UInt32.random(in: 20_000...60_000) + UInt32(attempt) * 60_000)
            merge.signal(SIGINT)
            let code = merge.wait()
            if code == 0 { break }
            // Before it listens, the signal ends it as it ends any process.
            #expect(code == 130 || code == -SIGINT, "\(merge.errorText)")
            if code == 130 {
                interruptions += 1
                #expect(merge.errorText.contains("give the same command again"))
            }
            #expect(!rig.output.exists)
        }
        print("interrupted \(interruptions) times")
        #expect(try rig.weights(rig.output) == rig.weights(reference))
        #expect(!(rig.folder.path / ".output.partial").exists)
        #expect(!(rig.folder.path / ".output.journal").exists)
    }

    /// A spool that nobody serves.
    private func idleSpool(_ rig: MergeRig) throws -> Spool {
        let spool = Spool(root: rig.spool, output: rig.output)
        try spool.createFolders()
        return spool
    }

    @Test(arguments: [("077", UInt32(0o640)), ("022", 0o644)])
    func whatIsSubmittedIsReadableForTheGroupWhateverTheUmask(umask: String, mode: UInt32) throws {
        let rig = try MergeRig()
        let spool = try idleSpool(rig)
        let submit = try Executable(
            ["submit", rig.config.string, "--name", "a", "--spool", rig.spool.string], in: rig.folder,
            umask: umask)
        #expect(submit.wait() == 0, "\(submit.errorText)")
        #expect(try FileSystem.status(spool.incoming("a.yml"))?.permissions == mode)
    }

    @Test(arguments: ["incoming/a.yml", "incoming/a.yaml", "active/a.yml"], [false, true])
    func aCancelIsNoOlderThanTheConfigWhateverTheClock(file: String, isAsked: Bool) throws {
        let rig = try MergeRig()
        let spool = try idleSpool(rig)
        let (path, time) = (rig.spool.pushing(FilePath(file)), Int64(4_107_542_400_123_000_000))
        try path.write("x")
        try OpenFile.forUpdating(path, direct: false).setModified(time)
        // One that was left at an earlier time will not do.
        if isAsked { try spool.incoming("a.cancel").write("") }
        let cancel = try rig.run("cancel", "a", "--spool", rig.spool.string)
        #expect(cancel.code == 0, "\(cancel.errors)")
        #expect(try FileSystem.status(spool.incoming("a.cancel"))?.modified == time)
        #expect(try FileSystem.entries(of: spool.folder(.incoming)).count { $0.hasPrefix(".") } == 0)
    }

    @Test func aCancelOfAnOlderConfigIsOfNow() throws {
        let rig = try MergeRig()
        let spool = try idleSpool(rig)
        try spool.incoming("a.yml").write("x")
        try OpenFile.forUpdating(spool.incoming("a.yml"), direct: false).setModified(1_000_000_000)
        #expect(try rig.run("cancel", "a", "--spool", rig.spool.string).code == 0)
        let made = try #require(try FileSystem.status(spool.incoming("a.cancel")))
        #expect(abs(made.modified / 1_000_000_000 - Timestamp.now.seconds) < 600)
    }

    @Test func aFolderInPlaceOfARequestIsToldOf() throws {
        let rig = try MergeRig()
        let spool = try idleSpool(rig)
        try spool.incoming("a.yml").write("x")
        try FileSystem.createFolder(spool.incoming("a.cancel"))
        let cancel = try rig.run("cancel", "a", "--spool", rig.spool.string)
        #expect(cancel.code == 73)
        #expect(cancel.errors.contains("a.cancel: is in the way of the request (remove it"))
    }

    @Test func submitStatusCancelAndRetryWorkOnTheFiles() throws {
        let rig = try MergeRig()
        let spool = rig.spool.string
        let daemon = try rig.serve()
        #expect(rig.wait { (rig.spool / "status").exists })
        let submitted = try rig.run("submit", rig.config.string, "--name", "one", "--spool", spool)
        #expect(submitted.code == 0)
        #expect(submitted.output == "one\n")
        #expect(rig.wait { rig.status("one")?.state == .done })
        #expect(try rig.run("status", "--spool", spool).output.contains("done"))
        let details = try rig.run("status", "one", "--watch", "--json", "--spool", spool)
        #expect(details.code == 0)
        #expect(try JSON(parsing: Array(details.output.utf8))["state"]?.stringValue == "done")
        #expect(try rig.run("submit", rig.config.string, "--name", "../x", "--spool", spool).code == 64)
        #expect(try rig.run("cancel", "nothing", "--spool", spool).code == 66)
        // The output exists: it is refused, and fails where it is dropped all the same. What is known of the job that
        // made it stays; after it is moved away a retry is merged.
        let again = try rig.run("submit", rig.config.string, "--name", "one", "--spool", spool)
        #expect(again.code == 73)
        #expect(again.errors.contains("output/one: exists (move it away, or choose another --name)"))
        try rig.drop("one")
        #expect(rig.wait { rig.status("one")?.state == .failed })
        let history = try rig.run("status", "one", "--done", "--json", "--spool", spool)
        #expect(try JSON(parsing: Array(history.output.utf8))["state"]?.stringValue == "done")
        try FileSystem.rename(rig.output / "one", to: rig.output / "other", replacing: false)
        #expect(try rig.run("retry", "one", "--spool", spool).code == 0)
        #expect(rig.wait { rig.status("one")?.state == .done })
        daemon.signal(SIGTERM)
        #expect(daemon.wait() == 0)
        let idle = try rig.run("submit", rig.config.string, "--name", "late", "--spool", spool)
        #expect(idle.code == 0)
        #expect(idle.errors.contains("no daemon is running"))
        #expect(try rig.run("status", "--spool", spool).output.contains("no daemon is running"))
    }
}
