import Foundation
import Glibc
import StreamIO
import SystemPackage
import Testing

@testable import Daemon

/// The built program: a daemon and a fetcher beside it, a downloader that is a script.
@Suite struct FetchProcessTests {
    private let hub: FakeHub
    private let spool: Spool
    private let settings: FilePath

    init() throws {
        hub = try FakeHub()
        try hub.synthesize("o/base")
        try hub.synthesize("o/tune", base: "o/base")
        spool = Spool(root: hub.folder.path / "spool", output: hub.folder.path / "output")
        settings = hub.folder.path / "dellad.yaml"
        try settings.write(
            """
            spool: \(spool.root)
            output: \(spool.output)
            models: \(hub.models)
            memory: 16M
            threads: 1
            fetch_command: '\(hub.command)'
            fetch_space: 100%

            """)
    }

    private static let config = """
        merge_method: linear
        base_model: o/base
        dtype: bfloat16
        models:
        - {model: o/base, parameters: {weight: 0.5}}
        - {model: o/tune@v1, parameters: {weight: 0.5}}

        """

    private func start(_ words: String...) throws -> Executable {
        try Executable(
            words + ["--config", settings.string], in: hub.folder,
            environment: ["DELLAD_TEST_FETCH_DELAY": "50"])
    }

    private func wait(seconds: Double = 60, _ condition: () -> Bool) -> Bool {
        let end = ContinuousClock.now + .seconds(seconds)
        while .now < end {
            if condition() { return true }
            usleep(50_000)
        }
        return false
    }

    private func drop(_ text: String = Self.config) throws {
        try #require(wait { spool.folder(.status).exists })
        let draft = spool.root / "draft"
        try draft.write(text)
        try FileSystem.rename(draft, to: spool.incoming("a.yml"), replacing: false)
    }

    @Test func aConfigThatIsDroppedIntoASpoolWithoutModelsBecomesAModel() throws {
        let (daemon, fetcher) = (try start("serve"), try start("fetch", "--watch"))
        try drop()
        #expect(wait { (spool.folder(.done) / "a.yml").exists }, "\(daemon.errorText)\n\(fetcher.errorText)")
        let record = try JSON(
            parsing: FileSystem.readWhole(spool.output / "a" / "dellad.json", limit: 1 << 24))
        let commits = record["inputs"]?.arrayValue?.compactMap { $0["commit"]?.stringValue }
        #expect(commits == [FakeHub.commit, FakeHub.commit])
        #expect(fetcher.isRunning)
        fetcher.signal(SIGTERM)
        #expect(fetcher.wait() == 0)
        daemon.signal(SIGTERM)
        #expect(daemon.wait() == 0)
        // What would be fetched is the same, so nothing is.
        let calls = hub.calls.count
        let check = try Executable.run(
            ["check", hub.folder.path.appending("c.yml").string, "--fetch", "--config", settings.string],
            in: {
                try (hub.folder.path / "c.yml").write(Self.config); return hub.folder
            }())
        #expect(check.code == 0, "\(check.errors)")
        #expect(hub.calls.count == calls)
    }

    @Test func aFetcherThatIsKilledTakesItsDownloaderWithIt() throws {
        let mark = hub.folder.path / "pid"
        try hub.fault("echo $$ >\(mark); exec sleep 600")
        let (daemon, fetcher) = (try start("serve"), try start("fetch", "--watch"))
        try drop()
        try #require(wait { mark.text.contains("\n") }, "\(daemon.errorText)\n\(fetcher.errorText)")
        let downloader = FilePath("/proc/\(mark.text.filter(\.isNumber))/status")
        #expect(downloader.exists)
        fetcher.killAndWait()
        #expect(wait(seconds: 10) { !downloader.exists || downloader.text.contains("State:\tZ") })
        #expect(hub.found("o/base") == nil)
        try hub.fault(nil)
        let next = try start("fetch", "--watch")
        #expect(wait { (spool.folder(.done) / "a.yml").exists }, "\(daemon.errorText)\n\(next.errorText)")
    }

    @Test func mergeFetchesWhatIsMissingAndSaysWhatItCannot() throws {
        let config = hub.folder.path / "m.yml"
        try config.write(Self.config)
        func merge(_ output: String, _ words: String...) throws -> (
            code: Int32, output: String, errors: String
        ) {
            try Executable.run(
                ["merge", config.string, (hub.folder.path / output).string, "--config", settings.string]
                    + words,
                in: hub.folder, environment: ["DELLAD_TEST_FETCH_DELAY": "10"])
        }
        let without = try merge("out")
        #expect(without.code == 66 && without.errors.contains("o/base was not found"), "\(without)")
        let with = try merge("out", "--fetch")
        #expect(with.code == 0 && with.errors.contains("o/tune@v1: fetched at 0123456789ab"), "\(with)")
        try config.rewrite(Self.config.replacingOccurrences(of: "o/tune@v1", with: "o/none"))
        let none = try merge("other", "--fetch")
        #expect(none.code == 66 && none.errors.contains("Model 'o/none' not found"), "\(none)")
    }

    @Test func aConfigThatIsSubmittedIsTakenThoughItsModelsAreMissing() throws {
        let daemon = try start("serve")
        let config = hub.folder.path / "s.yml"
        try config.write(Self.config)
        try #require(wait { spool.folder(.status).exists && (spool.root / DaemonRecord.fileName).exists })
        let result = try Executable.run(
            ["submit", config.string, "--spool", spool.root.string], in: hub.folder)
        #expect(result.code == 0 && result.errors.contains("to be fetched"), "\(result)")
        let name = try #require(JobName("s"))
        #expect(wait { spool.readStatus(name)?.state == .fetching }, "\(daemon.errorText)")
    }
}
