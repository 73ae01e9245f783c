import Della
import Logging
import StreamIO
import SystemPackage
import Testing

@testable import Daemon

/// The fetcher's side: requests that are answered, by a script that is the downloader.
@Suite struct FetchQueueTests {
    private let hub: FakeHub
    private let folder: FetchFolder
    private let lines = LogLines()

    init() throws {
        hub = try FakeHub()
        folder = FetchFolder(hub.folder.path / "requests")
        try folder.create()
    }

    private func ask(_ model: String) throws -> FetchRequest {
        let request = FetchRequest(model: try #require(HubModel(model)), identifier: "id of \(model)")
        try folder.ask(request)
        return request
    }

    private func run(watching: Bool = false, isStopped: () -> Bool = { false }) throws {
        var queue = FetchQueue(folder: folder, means: try hub.means(), log: lines.logger)
        queue.longestDelay = .milliseconds(50)
        queue.run(watching: watching, isStopped: isStopped)
    }

    @Test func allThatIsAskedForIsAnsweredAndThenItEnds() throws {
        for model in ["o/one", "o/two"] {
            try hub.add(model, ["config.json": "{}", "model.safetensors": "weights of \(model)"])
        }
        let requests = try ["o/one", "o/none", "o/two"].map { try ask($0) }
        try run()
        let answers = requests.map { folder.answer(to: $0) }
        #expect(answers.map { $0?.state } == [.done, .failed, .done])
        #expect(answers[0]?.commit == FakeHub.commit)
        #expect(answers[1]?.error?.hasPrefix("Model 'o/none' not found (") == true)
        #expect(answers[1]?.exitCode == 66)
        #expect(folder.requests().isEmpty)
        #expect(hub.found("o/one") != nil && hub.found("o/two") != nil)
    }

    @Test func aHubThatIsAwayIsTriedAgainWhileOthersAreFetched() throws {
        try hub.add("o/away", ["config.json": "{}", "model.safetensors": "w"])
        try hub.add("o/there", ["config.json": "{}", "model.safetensors": "w"])
        let count = hub.folder.path / "count"
        try hub.fault(
            """
            case $model in o/away)
                echo >>\(count)
                [ $(wc -l <\(count)) -gt 3 ] || { echo 'ConnectError: [Errno 111] Connection refused' >&2; exit 1; }
            esac
            """)
        let (away, there) = (try ask("o/away"), try ask("o/there"))
        try run()
        #expect(folder.answer(to: away)?.state == .done)
        #expect(folder.answer(to: there)?.state == .done)
        #expect(lines.all.contains { $0.contains("Connection refused") && $0.contains("tried again in") })
        let ends = lines.all.filter { $0.contains(": fetched: ") }
        #expect(ends.first?.contains("o/there") == true)
    }

    @Test func aHubThatStaysAwayIsGivenUpInTheEnd() throws {
        try hub.add("o/away", ["config.json": "{}", "model.safetensors": "w"])
        try hub.fault("echo 'ConnectError: [Errno 111] Connection refused' >&2; exit 1")
        let request = try ask("o/away")
        try run()
        let answer = try #require(folder.answer(to: request))
        #expect(answer.state == .failed && answer.exitCode == 75)
        #expect(hub.calls.count { $0.hasPrefix("download") } == FetchAttempts.limit)
    }

    @Test func whatIsNotWhatTheHubListsIsFetchedThreeTimesAtTheMost() throws {
        try hub.add("o/bad", ["config.json": "{}", "model.safetensors": "weights"])
        try hub.replace("model.safetensors", of: "o/bad", with: "weightz")
        let request = try ask("o/bad")
        try run()
        let answer = try #require(folder.answer(to: request))
        #expect(answer.state == .failed && answer.exitCode == 65)
        #expect(answer.error?.contains("model.safetensors has the SHA-256") == true, "\(answer)")
        #expect(hub.calls.count { $0.hasPrefix("download") } == FetchAttempts.damagedLimit)
        #expect(hub.found("o/bad") == nil)
    }

    @Test func aWithdrawnRequestEndsItsDownload() throws {
        try hub.add("o/one", ["config.json": "{}", "model.safetensors": "w"])
        let mark = hub.folder.path / "pid"
        try hub.fault("echo $$ >\(mark); exec sleep 600")
        let request = try ask("o/one")
        let folder = folder
        try DetachedThread.start {
            while !mark.exists { DetachedThread.sleep(.milliseconds(20)) }
            try? folder.withdraw(request.model)
        }
        try run()
        #expect(!FilePath("/proc/\(mark.text.filter(\.isNumber))/status").exists)
        #expect(hub.found("o/one") == nil)
    }

    @Test func whoeverAsksAnewMeanwhileIsAnswered() throws {
        try hub.add("o/one", ["config.json": "{}", "model.safetensors": "w"])
        let mark = hub.folder.path / "go"
        try hub.fault("while [ ! -e \(mark) ]; do sleep 0.05; done")
        let request = try ask("o/one")
        let again = FetchRequest(model: request.model, identifier: "again")
        let folder = folder
        try DetachedThread.start {
            DetachedThread.sleep(.milliseconds(300))
            try? folder.ask(again)
            try? mark.write("")
        }
        try run()
        #expect(folder.answer(to: again)?.state == .done)
    }

    @Test func clearingIsDoneWhenTheDaemonAsks() throws {
        try hub.add("o/one", ["config.json": "{}", "model.safetensors": "w"])
        _ = try hub.fetch("o/one")
        let place = try #require(hub.found("o/one"))
        let mark = try OpenFile.forUpdating(place / FetchedModel.fileName, direct: false)
        try mark.setModified(1_000_000_000)
        let age = try #require(Age("1h"))
        let log = lines.logger
        try folder.askForClearing(used: [place: Timestamp.now.seconds])
        folder.takeClearing(try hub.means(keep: age), log)
        #expect(hub.found("o/one") != nil)
        try mark.setModified(1_000_000_000)
        try folder.askForClearing(used: [:])
        folder.takeClearing(try hub.means(keep: age), log)
        #expect(hub.found("o/one") == nil)
        #expect(try FileSystem.entries(of: folder.path).isEmpty)
    }
}
