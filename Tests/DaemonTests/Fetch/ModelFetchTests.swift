import Della
import StreamIO
import SystemPackage
import Testing

@testable import Daemon

/// One model, by a downloader that is a script.
@Suite struct ModelFetchTests {
    private static let files = [
        "config.json": "{}", "model.safetensors": "weights of some length", "tokenizer.model": "t",
        "README.md": "r",
        "modeling.py": "import os", "chat_template.jinja": "j", "pytorch_model.bin": "b",
        "consolidated.safetensors": "c",
    ]
    private static let wanted = [
        "chat_template.jinja", "config.json", "model.safetensors", "tokenizer.model",
    ]

    @Test func onlyWhatAMergeNeedsIsAskedForAndAConfigFindsIt() throws {
        let hub = try FakeHub()
        try hub.add("org/base", Self.files)
        #expect(hub.found("org/base") == nil)
        let result = try hub.fetch("org/base")
        #expect(result.commit == FakeHub.commit)
        #expect(hub.found("org/base") == result.folder)
        #expect(try hub.files("org/base") == Self.wanted)
        // The commit that was listed is what is fetched, whatever main is by then.
        #expect(hub.words.contains(FakeHub.commit))
        #expect(!hub.words.contains("modeling.py"))
        // Nothing is fetched again for the commit, nor under the revision's name.
        let calls = hub.calls.count
        _ = try hub.fetch("org/base")
        #expect(hub.calls.count == calls + 2)
    }

    @Test func binFilesAreFetchedWhereThereIsNothingElse() throws {
        let hub = try FakeHub()
        try hub.add(
            "org/old",
            ["config.json": "{}", "pytorch_model.bin": "b", "training_args.bin": "t", "flax.msgpack": "f"])
        _ = try hub.fetch("org/old")
        #expect(try hub.files("org/old") == ["config.json", "pytorch_model.bin"])
    }

    @Test func aRevisionIsFoundByItsNameAndItIsNotTheMainOne() throws {
        let hub = try FakeHub()
        try hub.add("org/base", Self.files)
        _ = try hub.fetch("org/base@v1")
        #expect(hub.found("org/base@v1") != nil)
        #expect(hub.found("org/base") == nil)
        _ = try hub.fetch("org/base")
        #expect(hub.found("org/base") == hub.found("org/base@v1"))
    }

    @Test(
        arguments: [
            ("no such model", "org/none", nil, FetchFailure.Kind.permanent),
            (
                "reset", "org/base",
                "echo 'httpx.ReadError: [Errno 104] Connection reset by peer' >&2; exit 1", .passing
            ),
            ("killed", "org/base", "kill -9 $$", .passing),
            ("full", "org/base", "echo 'OSError: [Errno 28] No space left on device' >&2; exit 1", .full),
            (
                "other bytes", "org/base", "printf 'weights of same length' >\"$target/.$name.incomplete\"",
                .damaged
            ),
            ("shorter", "org/base", ": >\"$target/.$name.incomplete\"", .damaged),
            ("nothing", "org/base", "exit 0", .damaged),
        ] as [(String, String, String?, FetchFailure.Kind)])
    func whatIsNotWholeHasNoName(what: String, model: String, fault: String?, kind: FetchFailure.Kind) throws
    {
        let hub = try FakeHub()
        try hub.add("org/base", Self.files)
        try hub.fault(fault)
        do {
            _ = try hub.fetch(model)
            Issue.record("\(what): it is fetched")
        } catch let failure as FetchFailure {
            #expect(failure.kind == kind, "\(what): \(failure)")
        }
        #expect(hub.found(model) == nil)
        let entries = try FileSystem.entries(of: hub.models).filter { $0 != ModelLibrary.stagingName }
        #expect(
            entries.allSatisfy {
                ((try? FileSystem.entries(of: hub.models / $0 / "snapshots")) ?? []).isEmpty
            })
        // The next goes on, and what came is right.
        try hub.fault(nil)
        _ = try hub.fetch("org/base")
        let folder = try #require(hub.found("org/base"))
        #expect((folder / "model.safetensors").text == Self.files["model.safetensors"])
    }

    @Test func aConfigCannotNameWhatIsOnItsWay() throws {
        let hub = try FakeHub()
        try hub.add("org/base", Self.files)
        try hub.fault("exit 1")
        _ = try? hub.fetch("org/base")
        let staging = hub.models / ModelLibrary.stagingName
        let name = try #require(FileSystem.entries(of: staging).first { !$0.hasPrefix(".") })
        for path in ["\(ModelLibrary.stagingName)/\(name)", (staging / name).string] {
            let text = "merge_method: linear\nmodels:\n- model: \(path)\n  parameters: {weight: 1}\n"
            let library = ModelLibrary(folders: [hub.models], workingDirectory: nil, allowsAnyPath: true)
            #expect(throws: MergeProblems.self) {
                try MergePlanner(library: library).plan(Array(text.utf8), fileName: "c", outputName: "o")
            }
            do {
                _ = try MergePlanner(library: library).plan(Array(text.utf8), fileName: "c", outputName: "o")
            } catch {
                #expect(error.description.contains("was not found"), "\(error)")
            }
        }
    }

    @Test func aFetchThatIsStoppedEndsItsDownloader() throws {
        let hub = try FakeHub()
        try hub.add("org/base", Self.files)
        let mark = hub.folder.path / "pid"
        try hub.fault("echo $$ >\(mark); exec sleep 600")
        let model = try #require(HubModel("org/base"))
        #expect(throws: FetchFailure.stopped) { try hub.means().fetch(model) { _ in !mark.exists } }
        let pid = mark.text.filter(\.isNumber)
        #expect(!FilePath("/proc/\(pid)/status").exists)
    }

    @Test func noMoreIsFetchedThanTheSettingAllows() throws {
        let hub = try FakeHub()
        try hub.add("org/base", Self.files)
        try hub.add("org/other", Self.files)
        let bytes = UInt64(Self.wanted.compactMap { Self.files[$0]?.utf8.count }.reduce(0, +))
        let means = try hub.means(space: .bytes(2 * bytes - 1))
        _ = try hub.fetch("org/base", means)
        do {
            _ = try hub.fetch("org/other", means)
            Issue.record("there is no room for it")
        } catch let failure as FetchFailure {
            #expect(failure.kind == .full && failure.remedy.contains("fetch_space"), "\(failure)")
        }
        #expect(!hub.words.contains("org/other.."))
        _ = try hub.fetch("org/other", hub.means(space: .bytes(2 * bytes)))
    }

    @Test func theTokenIsInTheEnvironmentAloneAndNeverInWhatIsSaid() throws {
        let hub = try FakeHub()
        try hub.add("org/base", Self.files)
        try (hub.folder.path / "hf_token").write("hf_secret-of-mine\n")
        let means = try hub.means(environment: [
            "CREDENTIALS_DIRECTORY": hub.folder.path.string, "DELLAD_SPOOL": "/s",
            "HF_ENDPOINT": "http://mirror",
        ])
        try hub.fault("echo \"OSError: token $HF_TOKEN is bad\" >&2; exit 1")
        do {
            _ = try hub.fetch("org/base", means)
        } catch let failure as FetchFailure {
            #expect(failure.message == "OSError: token *** is bad")
        }
        #expect(hub.environment.contains("HF_TOKEN=hf_secret-of-mine\n"))
        #expect(hub.environment.contains("HF_ENDPOINT=http://mirror\n"))
        #expect(!hub.environment.contains("DELLAD_"))
        #expect(!hub.words.contains { $0.contains("secret") })
    }

    @Test func whatNobodyUsesIsClearedAndWhatOthersPutThereStays() throws {
        let hub = try FakeHub()
        for model in ["org/old", "org/used", "org/own"] { try hub.add(model, Self.files) }
        for model in ["org/old", "org/used", "org/own"] { _ = try hub.fetch(model) }
        let own = try #require(hub.found("org/own"))
        try FileSystem.remove(own / FetchedModel.fileName)
        let store = FetchStore(root: hub.models)
        let now = Timestamp.now.seconds
        for held in store.held() {
            let mark = try OpenFile.forUpdating(held.folder / FetchedModel.fileName, direct: false)
            try mark.setModified((now - 1000) * WallTime.second)
        }
        store.use([try #require(hub.found("org/used"))], at: (now - 10) * WallTime.second)
        let cleared = try store.clear(
            before: (now - 500) * WallTime.second, now: now * WallTime.second)
        #expect(cleared.map(\.model) == ["org/old"])
        #expect(hub.found("org/old") == nil && hub.found("org/used") != nil && hub.found("org/own") != nil)
        #expect(try FileSystem.entries(of: store.staging).filter { $0.hasPrefix(".cleared") }.isEmpty)
    }
}
