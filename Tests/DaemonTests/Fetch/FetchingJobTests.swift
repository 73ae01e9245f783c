import Della
import StreamIO
import SystemPackage
import Testing

@testable import Daemon

/// Jobs whose models are missing, from the daemon's side: the fetcher is the test.
@Suite struct FetchingJobTests {
    private func rig() throws -> (SpoolRig, FetchFolder) {
        let rig = try SpoolRig()
        return (rig, try start(rig))
    }

    @discardableResult private func start(_ rig: SpoolRig) throws -> FetchFolder {
        var settings = DaemonSettings(stateFolder: nil)
        settings.fetchCommand = try FetchCommandLine(FetchCommandLine.usual)
        rig.machine.setFetching(settings, environment: [:])
        return FetchFolder(spool: rig.spool.root, environment: [:])
    }

    private func look(_ rig: SpoolRig, after seconds: Double = 1.1) {
        rig.settle(after: seconds)
        rig.machine.attendFetches(now: rig.now)
    }

    /// A job, `a`, that waits for these models, which are asked for.
    private func waiting(for models: String) throws -> (SpoolRig, FetchFolder) {
        let (rig, folder) = try rig()
        try rig.drop("a.yml", "miss \(models)")
        rig.settle(after: 3)
        rig.runOne()
        look(rig)
        return (rig, folder)
    }

    private func answer(
        _ model: String, _ state: FetchAnswer.State, in folder: FetchFolder,
        _ change: (inout FetchAnswer) -> Void = { _ in }
    ) throws {
        let request = try #require(folder.requests().first { $0.model.description == model }, "\(model)")
        var answer = FetchAnswer(identifier: request.identifier, state: state)
        change(&answer)
        try folder.write(answer, to: request)
    }

    private func asked(_ folder: FetchFolder) -> [String] {
        folder.requests().map(\.model.description).sorted()
    }

    @Test func aJobWaitsForItsModelsWhileOthersAreMergedAndIsMergedWhenTheyCame() throws {
        let (rig, folder) = try rig()
        try rig.drop("a.yml", "miss o/one o/two@v1", at: 1)
        try rig.drop("b.yml", "good", at: 2)
        rig.settle(after: 3)
        #expect(rig.runOne() == "a")
        #expect(rig.status("a")?.state == .fetching)
        look(rig)
        #expect(asked(folder) == ["o/one", "o/two@v1"])
        #expect(rig.runAll() == ["b"])
        try answer("o/one", .fetching, in: folder) { ($0.bytesDone, $0.bytesTotal) = (10, 40) }
        look(rig)
        let shown = try #require(rig.status("a")?.fetching)
        #expect(shown.map(\.model) == ["o/one", "o/two@v1"])
        #expect(shown[0].bytesDone == 10 && shown[0].bytesTotal == 40 && shown[0].state == "fetching")
        try answer("o/one", .done, in: folder)
        look(rig)
        #expect(rig.status("a")?.state == .fetching)
        #expect(rig.runOne() == nil)
        try answer("o/two@v1", .done, in: folder)
        look(rig)
        #expect(asked(folder).isEmpty)
        rig.merging.present.withLock { $0 = Set(["o/one", "o/two@v1"].compactMap { HubModel($0) }) }
        #expect(rig.runOne() == "a")
        #expect(rig.status("a")?.state == .done)
        #expect(try FileSystem.entries(of: folder.path).isEmpty)
    }

    @Test func oneRequestServesAllJobsThatWantItAndGoesWhenNoneDoes() throws {
        let (rig, folder) = try rig()
        for (name, time) in [("a", 1), ("b", 2)] { try rig.drop("\(name).yml", "miss o/one", at: time) }
        rig.settle(after: 3)
        rig.runOne()
        look(rig)
        let first = try #require(folder.requests().first)
        rig.runOne()
        look(rig)
        #expect(folder.requests() == [first])
        try rig.drop("a.cancel", "", at: 100)
        look(rig, after: 3)
        #expect(rig.status("a")?.state == .cancelled)
        #expect(folder.requests() == [first])
        try rig.drop("b.cancel", "", at: 100)
        look(rig, after: 3)
        #expect(folder.requests().isEmpty)
    }

    @Test func aFetchThatFailedFailsItsJobWithTheWordsAndTheCode() throws {
        let (rig, folder) = try waiting(for: "o/one o/two")
        try answer("o/one", .failed, in: folder) { ($0.error, $0.exitCode) = ("it is gated (ask)", 66) }
        look(rig)
        #expect(rig.reason("a") == "the model o/one was not fetched: it is gated (ask)\n")
        #expect(rig.status("a")?.exitCode == 66)
        // Nobody wants the other one any more.
        #expect(folder.requests().isEmpty)
        // A retry asks anew.
        try rig.drop("a.retry", "", at: 2000)
        look(rig, after: 3)
        rig.settle(after: 3)
        rig.runOne()
        look(rig)
        #expect(asked(folder) == ["o/one", "o/two"])
        #expect(rig.status("a")?.state == .fetching)
    }

    @Test func whatIsMissingAlthoughItCameIsNotAskedForForEver() throws {
        let (rig, folder) = try waiting(for: "o/one")
        try answer("o/one", .done, in: folder)
        look(rig)
        rig.runOne()
        #expect(rig.status("a")?.state == .failed)
        #expect(rig.reason("a") == "o/one is missing (find it)\n")
    }

    @Test func aRequestOutlivesTheDaemonAndItsAnswerCounts() throws {
        let (rig, folder) = try waiting(for: "o/one")
        let request = try #require(folder.requests().first)
        // One that nobody wants any more goes.
        try folder.ask(FetchRequest(model: #require(HubModel("o/left")), identifier: "1"))
        try rig.restart()
        try start(rig)
        look(rig)
        #expect(folder.requests() == [request])
        rig.runOne()
        look(rig)
        #expect(rig.status("a")?.state == .fetching)
        #expect(folder.requests() == [request])
        try answer("o/one", .done, in: folder)
        rig.merging.present.withLock { $0 = Set([HubModel("o/one")].compactMap(\.self)) }
        look(rig)
        rig.runOne()
        #expect(rig.status("a")?.state == .done)
    }

    @Test func aRequestThatIsTakenAwayIsMadeAgainAndSilenceIsTold() throws {
        let (rig, folder) = try waiting(for: "o/one")
        try FileSystem.removeTree(folder.path)
        look(rig, after: 16)
        #expect(asked(folder) == ["o/one"])
        #expect(rig.status("a")?.fetching.first?.error?.contains("dellad fetch --watch") == true)
    }

    @Test func aConfigThatIsTakenOutOfActiveIsCancelled() throws {
        let (rig, folder) = try waiting(for: "o/one")
        try FileSystem.remove(rig.spool.config(#require(JobName("a")), in: .active))
        look(rig)
        #expect(rig.status("a")?.state == .cancelled)
        #expect(folder.requests().isEmpty)
    }

    @Test func withoutTheSettingAJobFailsAsEver() throws {
        let rig = try SpoolRig()
        try rig.drop("a.yml", "miss o/one")
        rig.runAll()
        #expect(rig.reason("a") == "o/one is missing (find it)\n")
        #expect(rig.status("a")?.exitCode == 66)
    }

    @Test func anAnswerToAnEarlierRequestIsNone() throws {
        let (rig, folder) = try waiting(for: "o/one")
        let request = try #require(folder.requests().first)
        try folder.write(
            FetchAnswer(identifier: "another", state: .fetching), to: request)
        look(rig)
        #expect(rig.status("a")?.fetching.first?.state == "asked")
    }
}
