import Glibc
import StreamIO
import SystemPackage
import Testing

@testable import Della

/// What a config may find out about paths that are none of its business.
@Suite struct ForeignPathTests {
    private struct Rig {
        let models: TinyModels
        let outside: TinyModels

        init() throws {
            (models, outside) = (try TinyModels(), try TinyModels())
            try models.makeModels(namedIn: "Test/Base Test/One")
            try outside.make("Test/One", as: "Secret")
            for (name, target) in [("led", "Secret"), ("lost", "Absent")] {
                _ = symlink(
                    outside.folder.appending(target).string, models.folder.appending(name).string)
            }
            _ = symlink(outside.folder.string, models.folder.appending("out").string)
        }

        /// What is said of a model, without its name.
        func report(_ name: String) -> String {
            let library = ModelLibrary(folders: [models.folder], workingDirectory: nil, allowsAnyPath: false)
            do throws(MergeProblems) {
                _ = try MergePlanner(library: library).plan(
                    Array(Rule.model(name).utf8), fileName: "m.yml", outputName: "Out")
                return "planned"
            } catch {
                return error.description.replacing(name, with: "NAME")
                    .replacing(String(name.split(separator: "/").last ?? ""), with: "LAST")
            }
        }
    }

    /// The same words, whether or not something is there.
    @Test func nothingTellsAFolderThatIsThereFromOneThatIsNot() throws {
        let rig = try Rig()
        let outside = rig.outside.folder.string
        let base = rig.outside.folder.lastComponent?.string ?? ""
        for (there, gone) in [
            ("\(outside)/Secret", "\(outside)/Absent"), ("../\(base)/Secret", "../\(base)/Absent"),
            ("out/Secret", "out/Absent"), ("led", "lost"), ("/etc/passwd", "/etc/no-such-file"),
            ("/etc", "/no-such-folder"), ("out/Secret/model.safetensors", "out/Secret/absent.safetensors"),
            ("Test/Base/../../../\(base)/Secret", "Test/Base/../../../\(base)/Absent"),
        ] {
            let (first, second) = (rig.report(there), rig.report(gone))
            #expect(first == second, "\(there)")
            #expect(first.contains("outside of the --models folders"), "\(first)")
        }
        for (there, gone) in [("Test/One@/etc/passwd", "Test/One@/etc/no-such-file")] {
            #expect(rig.report(there) == rig.report(gone), "\(there)")
        }
    }

    /// Files of a model, too.
    @Test(arguments: ["model.safetensors", "config.json", "model.safetensors.index.json"])
    func nothingTellsAFileThatIsThereFromOneThatIsNot(name: String) throws {
        let rig = try Rig()
        let path = rig.models.folder.pushing("Test/One").appending(name)
        var reports: Set<String> = []
        for target in ["Secret/model.safetensors", "Secret/config.json", "Absent", "Secret"] {
            if try FileSystem.status(path, followLinks: false) != nil { try FileSystem.remove(path) }
            try #require(symlink(rig.outside.folder.pushing(FilePath(target)).string, path.string) == 0)
            reports.insert(rig.report("Test/One"))
        }
        #expect(reports.count == 1, "\(reports)")
        #expect(reports.first?.contains("leads out of the --models folders") == true)
    }

    @Test(arguments: [
        "base_model: \"Test/Base\\0x\"\nmerge_method: della\nmodels:\n  - {model: Test/One, parameters: {weight: 1}}\n",
        "base_model: Test/Base\nmerge_method: della\nmodels:\n  - {model: \"Test/One\\0\", parameters: {weight: 1}}\n",
    ])
    func aNameThatAPathWouldEndInIsNone(text: String) throws {
        let rig = try Rig()
        let report = rig.models.report(text)
        #expect(report.contains { $0.contains("holds a NUL character") }, "\(report)")
        #expect(report.allSatisfy { !$0.utf8.contains(0) })
    }

    /// By a person's own `merge`, which takes any path: a model's author is a stranger all the same.
    @Test func noFileOfTheHostsIsCopiedThatAModelLinksTo() throws {
        let rig = try Rig()
        try rig.outside.write("secret", to: "private")
        let base = rig.models.folder.pushing("Test/Base")
        try rig.models.write("{}", to: "Test/shared.json")
        try rig.models.write("{}", to: "Test/Base/vocab.json")
        for (name, target) in [
            ("tokenizer.json", rig.outside.folder.appending("private").string), ("merges.txt", "/etc/passwd"),
            ("spiece.model", "/dev/zero"), ("added_tokens.json", "vocab.json"),
        ] {
            let path = base.appending(name)
            if try FileSystem.status(path, followLinks: false) != nil { try FileSystem.remove(path) }
            try #require(symlink(target, path.string) == 0)
        }
        let library = ModelLibrary(folders: [], workingDirectory: rig.models.folder, allowsAnyPath: true)
        let plan = try MergePlanner(library: library).plan(
            Array(Rule.model("Test/One").utf8), fileName: "m.yml", outputName: "Out")
        let names = Set(plan.companions.map(\.name))
        #expect(names.isDisjoint(with: ["tokenizer.json", "merges.txt", "spiece.model"]))
        #expect(names.isSuperset(of: ["added_tokens.json", "vocab.json"]))
        #expect(
            plan.warnings.count { $0.contains("leads out of the model's folder, and is left out") } == 3,
            "\(plan.warnings)")
    }
}
