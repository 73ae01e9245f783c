import Glibc
import StreamIO
import SystemPackage
import Testing

@testable import Daemon

/// What a script learns of a job from the built program.
@Suite struct OutcomeTests {
    private func serving(_ rig: MergeRig) throws -> Executable {
        let daemon = try rig.serve()
        #expect(rig.wait { (rig.spool / DaemonRecord.fileName).exists && (rig.spool / "status").exists })
        return daemon
    }

    private func config(_ rig: MergeRig, _ name: String, _ text: String) throws -> String {
        try (rig.folder.path / "\(name).yml").write(text)
        return (rig.folder.path / "\(name).yml").string
    }

    private static let absent = "base_model: base\nmerge_method: della\nmodels:\n  - model: absent\n"
    private static let misspelt = "base_model: base\nmerge_method: dela\nmodels:\n  - model: tuned\n"

    @Test func aCommandThatWaitsEndsAsTheJobDid() throws {
        let rig = try MergeRig()
        let spool = rig.spool.string
        let daemon = try serving(rig)
        let good = try rig.run("submit", rig.config.string, "--name", "good", "--wait", "--spool", spool)
        #expect(good.code == 0, "\(good.errors)")
        #expect(good.output == "good\n\(rig.output / "good")\n")
        #expect(try rig.run("status", "good", "--watch", "--spool", spool).code == 0)
        for (name, text, code) in [("absent", Self.absent, Int32(66)), ("misspelt", Self.misspelt, 65)] {
            let path = try config(rig, name, text)
            let submitted = try rig.run("submit", path, "--wait", "--no-check", "--spool", spool)
            #expect(submitted.code == code, "\(submitted.errors)")
            #expect(submitted.errors.hasPrefix("dellad: \(name): failed: "))
            #expect(try rig.run("status", name, "--watch", "--spool", spool).code == code)
            #expect(try rig.run("status", name, "--spool", spool).code == 0)
            let merged = try rig.run(
                "merge", path, (rig.folder.path / "out").string, "--models", rig.models.string)
            #expect(merged.code == code)
        }
        let exists = try rig.run(
            "submit", rig.config.string, "--name", "good", "--wait", "--no-check", "--spool", spool)
        #expect(exists.code == 73, "\(exists.errors)")
        // What is known of the first stays.
        #expect(try rig.run("status", "good", "--watch", "--spool", spool).code == 73)
        #expect(try rig.run("status", "good", "--watch", "--done", "--spool", spool).code == 0)
        let history = try rig.run("status", "--done", "--spool", spool)
        #expect(history.output.split(separator: "\n").count == 2 && history.output.contains("good "))
        daemon.signal(SIGTERM)
        #expect(daemon.wait() == 0)
    }

    @Test func aCancelIs130() throws {
        let rig = try MergeRig(vocabulary: 60_000)
        let daemon = try serving(rig)
        let submit = try Executable(
            ["submit", rig.config.string, "--name", "a", "--wait", "--spool", rig.spool.string],
            in: rig.folder)
        let watched = rig.wait { rig.status("a") != nil }
        #expect(watched)
        let watch = try Executable(["status", "a", "--watch", "--spool", rig.spool.string], in: rig.folder)
        #expect(rig.wait { !watch.outputText.isEmpty })
        #expect(try rig.run("cancel", "a", "--spool", rig.spool.string).code == 0)
        let codes = [submit.wait(), watch.wait()]
        // The merge may have been quicker.
        let isDone = (rig.output / "a").exists
        #expect(codes == (isDone ? [0, 0] : [130, 130]), "\(submit.errorText)")
        daemon.signal(SIGTERM)
        #expect(daemon.wait() == 0)
    }

    @Test func whatCannotBeMergedIsRefusedAtOnce() throws {
        let rig = try MergeRig()
        let spool = rig.spool.string
        let daemon = try serving(rig)
        daemon.signal(SIGTERM)
        #expect(daemon.wait() == 0)
        // The daemon's models are known though it has ended; nothing reaches the spool.
        for (name, text, code, word) in [
            ("absent", Self.absent, Int32(66), "absent.yml:4: "),
            ("misspelt", Self.misspelt, 65, "misspelt.yml:2: "),
            ("empty", "", 65, "empty.yml"),
        ] {
            let refused = try rig.run("submit", try config(rig, name, text), "--spool", spool)
            #expect(refused.code == code && refused.errors.contains(word), "\(refused.errors)")
        }
        try FileSystem.createFolder(rig.output / "taken")
        #expect(try rig.run("submit", rig.config.string, "--name", "taken", "--spool", spool).code == 73)
        #expect(try FileSystem.entries(of: rig.spool / "incoming") == [])
        #expect(try rig.run("submit", rig.config.string, "--name", "free", "--spool", spool).code == 0)
        #expect(try FileSystem.entries(of: rig.spool / "incoming") == ["free.yml"])
    }

    /// As it is between the making of the folders and the first start.
    @Test(arguments: [true, false])
    func aConfigIsLookedAtWhereNoDaemonHasServedYet(isOfSettings: Bool) throws {
        let rig = try MergeRig()
        try Spool(root: rig.spool, output: rig.output).createFolders()
        let file = rig.folder.path / "d.yaml"
        try file.write("spool: \(rig.spool)\noutput: \(rig.output)\nmodels: \(rig.models)\nmemory: 64M\n")
        let place = isOfSettings ? ["--config", file.string] : ["--spool", rig.spool.string]
        func submit(_ path: String) throws -> (code: Int32, output: String, errors: String) {
            try Executable.run(["submit", path] + place, in: rig.folder)
        }
        for (name, text) in [("misspelt", Self.misspelt), ("none", "models: ["), ("empty", "")] {
            let refused = try submit(try config(rig, name, text))
            #expect(refused.code == 65, "\(name): \(refused.errors)")
        }
        // Where the models are is known from the settings alone; so is what has the output's name.
        let absent = try submit(try config(rig, "absent", Self.absent))
        #expect(absent.code == (isOfSettings ? 66 : 0), "\(absent.errors)")
        try FileSystem.createFolder(rig.output / "config")
        let taken = try submit(rig.config.string)
        #expect(taken.code == (isOfSettings ? 73 : 0), "\(taken.errors)")
        let names = try FileSystem.entries(of: rig.spool / "incoming")
        #expect(names == (isOfSettings ? [] : ["absent.yml", "config.yml"]))
    }

    @Test(arguments: ["--spool", "--config"], ["status", "submit"])
    func anEmptyOptionIsToldAsThat(option: String, command: String) throws {
        let rig = try MergeRig()
        let words = command == "submit" ? [command, rig.config.string] : [command]
        let result = try Executable.run(words + [option, ""], in: rig.folder)
        #expect(result.code == 64 && result.errors.contains("\(option): is empty ("), "\(result.errors)")
    }

    @Test func theFirstGoesBeforeAllThatWait() throws {
        let rig = try MergeRig()
        let spool = Spool(root: rig.spool, output: rig.output)
        try spool.createFolders()
        for (file, time) in [
            ("incoming/a.yml", 5_000), ("incoming/b.yml", 3_000), ("incoming/c.yaml", 4_000),
        ] {
            let path = rig.spool.pushing(FilePath(file))
            try path.write(rig.config.text)
            try OpenFile.forUpdating(path, direct: false).setModified(Int64(time) * 1_000_000_000)
        }
        for name in ["d", "e"] {
            let submit = try rig.run(
                "submit", rig.config.string, "--name", name, "--first", "--spool", rig.spool.string)
            #expect(submit.code == 0, "\(submit.errors)")
        }
        let daemon = try rig.serve()
        #expect(rig.wait { (try? FileSystem.entries(of: spool.folder(.done)).count) == 5 })
        daemon.signal(SIGTERM)
        #expect(daemon.wait() == 0)
        let order = daemon.errorText.split(separator: "\n").filter { $0.hasSuffix(": merging") }.map {
            String($0.dropLast(": merging".count).suffix(1))
        }
        #expect(order == ["e", "d", "b", "c", "a"])
    }
}
