import Glibc
import StreamIO
import SystemPackage
import Testing

@testable import Della

/// Where models are found.
@Suite struct ModelLibraryTests {
    /// Folders as people have them; each entry is a folder below the root.
    private func makeFolders(_ names: [String]) throws -> FilePath {
        let root = try FileSystem.resolved(TemporaryFolder.create())
        for name in names {
            var path = root
            for component in FilePath(name).components {
                path.append(component)
                if try FileSystem.status(path) == nil { try FileSystem.createFolder(path) }
            }
        }
        return root
    }

    private func write(_ text: String, to path: FilePath) throws {
        try FileSystem.writeWhole(Array(text.utf8), to: path, sync: false)
    }

    private func link(_ path: FilePath, to target: FilePath) {
        _ = path.withPlatformString { link in target.withPlatformString { symlink($0, link) } }
    }

    private func find(_ name: String, in library: ModelLibrary) throws -> ModelLibrary.Result {
        library.find(try #require(ModelReference(name)))
    }

    @Test(arguments: ["Org/Name", "Name", "Org_Name", "Org--Name"])
    func everyWayToNameAFolderIsLookedUp(folder: String) throws {
        let root = try makeFolders(["a", "b/\(folder)"])
        defer { try? FileSystem.removeTree(root) }
        let library = ModelLibrary(
            folders: [root.appending("a"), root.appending("b")], workingDirectory: nil, allowsAnyPath: false)
        #expect(
            try find("Org/Name", in: library)
                == .found(root.appending("b").pushing(FilePath(folder)), isRevision: true))
        #expect(try find("Org/Nam", in: library) == .missing)
    }

    @Test func huggingFacesCacheIsReadByItsRefsAndCommits() throws {
        let one = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", two = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
        let root = try makeFolders([
            "models--Org--Name/snapshots/\(one)", "models--Org--Name/snapshots/\(two)",
            "models--Org--Name/refs",
            "models--Org--Lone/snapshots/\(one)",
        ])
        defer { try? FileSystem.removeTree(root) }
        let entry = root.appending("models--Org--Name")
        try write(two + "\n", to: entry.appending("refs").appending("main"))
        try write(one, to: entry.appending("refs").appending("v1"))
        let library = ModelLibrary(folders: [root], workingDirectory: nil, allowsAnyPath: false)
        func snapshot(_ commit: String) -> ModelLibrary.Result {
            .found(entry.appending("snapshots").appending(commit), isRevision: true)
        }
        #expect(try find("Org/Name", in: library) == snapshot(two))
        #expect(try find("Org/Name@\(one)", in: library) == snapshot(one))
        #expect(try find("Org/Name@aaaaaaa", in: library) == snapshot(one))
        #expect(try find("Org/Name@v1", in: library) == snapshot(one))
        #expect(try find("Org/Name@other", in: library) == .missing)
        #expect(try find("Org/Name@../../x", in: library) == .missing)
        // Without refs, the only snapshot is meant.
        let lone = root.appending("models--Org--Lone").appending("snapshots").appending(one)
        #expect(try find("Org/Lone", in: library) == .found(lone, isRevision: true))
    }

    @Test func relativePathsBeginInTheWorkingDirectory() throws {
        let root = try makeFolders(["work/Org/Name", "models/Org/Name", "models/Org/Other"])
        defer { try? FileSystem.removeTree(root) }
        let work = root.appending("work"), models = root.appending("models")
        let library = ModelLibrary(folders: [models], workingDirectory: work, allowsAnyPath: true)
        #expect(try find("Org/Name", in: library) == .found(work.pushing("Org/Name"), isRevision: true))
        #expect(try find("./Org/Name", in: library) == .found(work.pushing("./Org/Name"), isRevision: true))
        #expect(try find("Org/Other", in: library) == .found(models.pushing("Org/Other"), isRevision: true))
        #expect(try find(work.string, in: library) == .found(work, isRevision: true))
        #expect(try find("~/Org/Name", in: library) == .missing)
        #expect(try find("$HOME", in: library) == .missing)
    }

    @Test func onlyWhatLiesBelowTheFoldersIsPermittedUnlessAnyPathIs() throws {
        let root = try makeFolders(["models/Org/Name", "elsewhere/Secret"])
        defer { try? FileSystem.removeTree(root) }
        let models = root.appending("models"), secret = root.appending("elsewhere").appending("Secret")
        link(models.appending("Out"), to: secret)
        link(models.appending("In"), to: models.pushing("Org/Name"))
        let library = ModelLibrary(folders: [models], workingDirectory: nil, allowsAnyPath: false)
        #expect(try find("Out", in: library) == .forbidden(models.appending("Out")))
        #expect(try find("In", in: library) == .found(models.appending("In"), isRevision: true))
        #expect(try find(secret.string, in: library) == .forbidden(secret))
        #expect(
            try find("../elsewhere/Secret", in: library) == .forbidden(models.pushing("../elsewhere/Secret")))
        #expect(try find(models.pushing("Org/Name").string, in: library) != .missing)
        let open = ModelLibrary(folders: [models], workingDirectory: nil, allowsAnyPath: true)
        #expect(try find("Out", in: open) == .found(models.appending("Out"), isRevision: true))
        #expect(try find(secret.string, in: open) == .found(secret, isRevision: true))
    }

    @Test func aShardThatLeadsOutOfTheFoldersIsRefused() throws {
        let models = try TinyModels()
        try models.makeModels(namedIn: "Test/Base Test/One")
        let outside = try TinyModels()
        try outside.make("Test/One", as: "Stolen")
        let shard = models.folder.pushing("Test/One/model.safetensors")
        try FileSystem.remove(shard)
        link(shard, to: outside.folder.pushing("Stolen/model.safetensors"))
        let config = Array(Rule.model("Test/One").utf8)
        func planner(anyPath: Bool) -> MergePlanner {
            MergePlanner(
                library: ModelLibrary(folders: [models.folder], workingDirectory: nil, allowsAnyPath: anyPath)
            )
        }
        let error = try #require(throws: MergeProblems.self) {
            _ = try planner(anyPath: false).plan(config, fileName: "m.yml", outputName: "Out")
        }
        #expect(error.description.contains("leads out of the --models folders"))
        _ = try planner(anyPath: true).plan(config, fileName: "m.yml", outputName: "Out")
    }

    /// A file of each kind that planning opens, and what it says where its content is looked at.
    @Test(arguments: ["config.json", "model.safetensors.index.json", "model.safetensors"])
    func noFileIsOpenedThatALinkLeadsTo(name: String) throws {
        let models = try TinyModels()
        try models.makeModels(namedIn: "Test/Base Test/One")
        let outside = try TinyModels()
        try outside.write("secret: 1", to: "private.json")
        let path = models.folder.pushing("Test/One").appending(name)
        if try FileSystem.status(path) != nil { try FileSystem.remove(path) }
        link(path, to: outside.folder.appending("private.json"))
        let library = ModelLibrary(folders: [models.folder], workingDirectory: nil, allowsAnyPath: false)
        let error = try #require(throws: MergeProblems.self) {
            _ = try MergePlanner(library: library).plan(
                Array(Rule.model("Test/One").utf8), fileName: "m.yml", outputName: "Out")
        }
        #expect(
            error.description
                == "m.yml:4: Test/One: \(path)\(name == "config.json" ? ":" : "") leads out of the "
                + "--models folders (move the file there, or start dellad serve with --allow-any-path)")
        // Where links may lead anywhere, it is the content that is looked at.
        if name.hasSuffix(".index.json") {
            let warnings = try models.plan(Rule.model("Test/One")).warnings
            #expect(warnings.contains { $0.contains("is wrong, and not believed") }, "\(warnings)")
        } else {
            let report = models.report(Rule.model("Test/One"))
            #expect(report.contains { !$0.contains("leads out") }, "\(report)")
        }
    }

    @Test func aLinkToNothingIsAMissingFile() throws {
        let models = try TinyModels()
        try models.makeModels(namedIn: "Test/Base Test/One")
        let path = models.folder.pushing("Test/One/model.safetensors")
        try FileSystem.remove(path)
        link(path, to: models.folder.pushing("blobs/0123"))
        let library = ModelLibrary(folders: [models.folder], workingDirectory: nil, allowsAnyPath: false)
        let error = try #require(throws: MergeProblems.self) {
            _ = try MergePlanner(library: library).plan(
                Array(Rule.model("Test/One").utf8), fileName: "m.yml", outputName: "Out")
        }
        #expect(error.exitCode == 66)
        #expect(error.description.contains("check the path, or download the model"))
    }

    @Test func neitherNamesNorRevisionsAreReadThroughLinksOutOfTheFolders() throws {
        let commit = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        let root = try makeFolders(["models/models--Org--Name/snapshots/\(commit)", "elsewhere/Secret"])
        defer { try? FileSystem.removeTree(root) }
        let models = root.appending("models")
        try write(commit, to: root.pushing("elsewhere/main"))
        link(models.appending("Out"), to: root.appending("elsewhere"))
        link(models.pushing("models--Org--Name/refs"), to: root.appending("elsewhere"))
        let library = ModelLibrary(folders: [models], workingDirectory: nil, allowsAnyPath: false)
        #expect(library.names() == ["Org/Name"])
        #expect(try find("Org/Name@main", in: library) == .missing)
        let open = ModelLibrary(folders: [models], workingDirectory: nil, allowsAnyPath: true)
        #expect(open.names() == ["Out/Secret", "Org/Name"])
        #expect(try find("Org/Name@main", in: open) != .missing)
    }

    @Test func aMissingModelIsAnsweredWithNamesLikeIt() throws {
        let root = try makeFolders([
            "MarinaraSpaghetti/NemoReRemix-12B", "Plain", "models--Nohobby--YetAnotherMerge-v0.3/snapshots",
        ])
        defer { try? FileSystem.removeTree(root) }
        try write("{}", to: root.pushing("Plain/config.json"))
        let library = ModelLibrary(folders: [root], workingDirectory: nil, allowsAnyPath: true)
        #expect(
            Set(library.names()) == [
                "MarinaraSpaghetti/NemoReRemix-12B", "Plain", "Nohobby/YetAnotherMerge-v0.3",
            ])
        #expect(
            library.namesLike("MarinaraSpaghettiNemoReRemix-12B") == ["MarinaraSpaghetti/NemoReRemix-12B"])
        #expect(library.namesLike("NohobbyYetAnotherMerge-v0.3") == ["Nohobby/YetAnotherMerge-v0.3"])
        #expect(library.namesLike("Marinara/NemoReRemix-12B") == ["MarinaraSpaghetti/NemoReRemix-12B"])
        #expect(library.namesLike("Plane") == ["Plain"])
        #expect(library.namesLike("Something/Else") == [])
        #expect(library.namesLike("E:\\models\\Plain") == ["Plain"])
        let absent = try #require(ModelReference("Some/Model@v2"))
        let missing = try #require(library.problem(absent, result: .missing, line: 3))
        #expect(missing.kind == .missingInput)
        #expect(
            missing.description(in: "m.yml")
                == "m.yml:3: the model Some/Model@v2 was not found in \(root) (download it: hf download Some/Model "
                + "--revision v2 --local-dir \(root)/Some/Model)")
    }

    @Test func problemsOfMissingInputsAloneAreExitCode66() {
        let missing = Problem(line: 1, "gone", kind: .missingInput), wrong = Problem(line: 2, "wrong")
        #expect(MergeProblems(fileName: "m.yml", problems: [missing]).exitCode == 66)
        #expect(MergeProblems(fileName: "m.yml", problems: [wrong]).exitCode == 65)
        #expect(MergeProblems(fileName: "m.yml", problems: [missing, wrong]).exitCode == 65)
    }

    @Test(arguments: [
        ("Org/Name", "Org/Name", true), ("/data/models/Name", "Name", false), ("../Name/", "Name", false),
        ("./a/b", "b", false), ("Name", "Name", false), ("~/x/Name", "Name", false),
        ("C:\\models\\Name", "Name", false), ("Org/Name@abc", "Org/Name", true),
        ("/cache/hub/models--Org--Name/snapshots/0123abc", "Org/Name", false),
    ])
    func aLocalPathIsShownByItsLastComponent(text: String, name: String, isHub: Bool) throws {
        let model = try #require(ModelReference(text))
        #expect(model.displayName == name)
        #expect(model.isHubName == isHub)
    }
}
