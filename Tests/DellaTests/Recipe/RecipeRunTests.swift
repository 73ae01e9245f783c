import StreamIO
import Synchronization
import SystemPackage
import Testing

@testable import Della

/// Recipes as merges: what stays, what goes, what is told.
@Suite struct RecipeRunTests {
    let models: TinyModels
    let folder: FilePath

    init() throws {
        models = try TinyModels()
        try models.makeModels(namedIn: "Test/Base Test/One Test/Two")
        folder = models.folder.appending("output")
        try FileSystem.createFolder(folder)
    }

    static let kept = "dellad: {keep: true}"

    static let text = RecipeRuleTests.recipe(
        RecipeRuleTests.document("first", "Test/Base", "Test/One"),
        RecipeRuleTests.document("second", "first", "Test/Two", more: kept),
        RecipeRuleTests.document(nil, "second", "Test/One"))

    func run(_ text: String, audit: AuditPolicy = .off) -> RecipeRun {
        RecipeRun(
            MergePlanner(library: models.library), text: Array(text.utf8), fileName: "merge.yml",
            output: folder.appending("Out"),
            options: MergeOptions(memory: 64 << 20, threads: 1, engine: .posix, audit: audit))
    }

    @discardableResult
    func merge(
        _ text: String, progress: MergeProgress = MergeProgress(), stop: StopRequest = StopRequest(),
        beforeForgetting: () throws -> Void = {}
    ) throws -> MergeSummary {
        try run(text).perform(progress: progress, stop: stop, beforeForgetting: beforeForgetting)
    }

    var entries: [String] { get throws { try FileSystem.entries(of: folder) } }

    func bytes(_ name: String) throws -> [UInt8] {
        try FileSystem.readWhole(folder.appending(name).appending("model.safetensors"), limit: 1 << 24)
    }

    @Test func whatIsKeptIsPublishedAndTheRestGoes() throws {
        var place: [String] = []
        try merge(Self.text) { place = try entries }
        // The result has its name before its stages, and they before the books are settled.
        #expect(place == [".Out.journal", "Out", "Out.second"])
        #expect(try entries == ["Out", "Out.second"])
    }

    @Test func theCardTellsOfAllStagesAndOfNoPlace() throws {
        let path = models.folder.appending("Test").appending("Two").string
        try merge(Self.text.replacing("Test/Two", with: path))
        for (name, stages) in [
            ("Out", ["`first`", "`second`", "The result"]), ("Out.second", ["`first`", "`second`"]),
        ] {
            let output = folder.appending(name)
            let card = String(
                decoding: try FileSystem.readWhole(output.appending("README.md"), limit: 1 << 20),
                as: UTF8.self)
            #expect(card.contains("\n# \(name)\n"))
            #expect(card.contains("\n- Test/One\n") && card.contains("\n- Test/Base\n"), "\(card)")
            for stage in stages { #expect(card.contains("* \(stage): ")) }
            #expect(card.contains("name: first\n"))
            #expect(card.contains("name: second\n"))
            #expect(!card.contains(models.folder.string), "\(card)")
            #expect(!card.contains(".parts"))
            let record = String(
                decoding: try FileSystem.readWhole(output.appending("dellad.json"), limit: 1 << 20),
                as: UTF8.self)
            #expect(!record.contains(models.folder.string) && !record.contains(".parts"), "\(record)")
        }
        let record = try JSON(
            parsing: try FileSystem.readWhole(folder.appending("Out/dellad.json"), limit: 1 << 20))
        #expect(record["models"]?.arrayValue?.compactMap(\.stringValue) == ["second", "Test/One"])
        #expect(
            record["inputs"]?.arrayValue?.compactMap { $0["model"]?.stringValue } == [
                "second", "Test/One",
            ])
        // What was given is what is written.
        let config = try FileSystem.readWhole(
            folder.appending("Out/mergekit_config.yml"), limit: 1 << 20)
        #expect(String(decoding: config, as: UTF8.self) == Self.text.replacing("Test/Two", with: path))
    }

    /// Its config is a recipe of its own, which makes the same.
    @Test func aKeptStageCanBeMadeAgainFromItsOwnConfig() throws {
        try merge(Self.text)
        let config = try FileSystem.readWhole(
            folder.appending("Out.second/mergekit_config.yml"), limit: 1 << 20)
        let stage = try bytes("Out.second")
        try FileSystem.removeTree(folder.appending("Out"))
        try FileSystem.removeTree(folder.appending("Out.second"))
        try merge(String(decoding: config, as: UTF8.self))
        #expect(try entries == ["Out"])
        #expect(try bytes("Out") == stage)
    }

    struct Interruption: Error {}

    /// Stops where the progress says so first.
    private func interrupt(
        _ text: String, when condition: @escaping @Sendable (MergeProgress.Snapshot) -> Bool
    ) throws {
        let stop = StopRequest()
        let progress = MergeProgress()
        progress.onUpdate { figures in if condition(figures) { stop.request() } }
        let error = #expect(throws: RecipeError.self) {
            try merge(text, progress: progress, stop: stop)
        }
        guard case .failure(let failure) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(failure.kind == .stopped)
    }

    @Test func aStageThatIsWholeIsNotMadeAgain() throws {
        try merge(Self.text)
        let (result, stage) = (try bytes("Out"), try bytes("Out.second"))
        for name in try entries { try FileSystem.removeTree(folder.appending(name)) }
        try interrupt(Self.text) { $0.stage?.number == 3 }
        #expect(
            try entries == [".Out.parts"] || entries == [".Out.journal", ".Out.partial", ".Out.parts"])
        let progress = MergeProgress()
        try merge(Self.text, progress: progress)
        let figures = progress.snapshot
        #expect(figures.bytesResumed > 0)
        #expect(figures.fraction == 1)
        #expect(try bytes("Out") == result)
        #expect(try bytes("Out.second") == stage)
        #expect(try entries == ["Out", "Out.second"])
    }

    @Test func whatAnotherTextOrModelMadeIsMadeAgain() throws {
        let other = Self.text.replacing(
            "{model: Test/One, parameters: {weight: 1}}]\n# nothing\n---\nname: second",
            with: "{model: Test/One, parameters: {weight: 3}}]\n# nothing\n---\nname: second")
        #expect(other != Self.text)
        try merge(other)
        let expected = try bytes("Out")
        for name in try entries { try FileSystem.removeTree(folder.appending(name)) }
        try interrupt(Self.text) { $0.stage?.number == 3 }
        try merge(other)
        #expect(try bytes("Out") == expected)
        #expect(try entries == ["Out", "Out.second"])
    }

    @Test func aConfigOfOneDocumentRemovesWhatARecipeLeft() throws {
        try interrupt(Self.text) { $0.stage?.number == 3 }
        try merge(RecipeRuleTests.document(nil, "Test/Base", "Test/One"))
        #expect(try entries == ["Out"])
    }

    @Test func whatIsDiscardedGoesWithItsStages() throws {
        try interrupt(Self.text) { $0.stage?.number == 2 && $0.tensorsDone > 0 }
        #expect(try entries.contains(".Out.parts"))
        try RecipeRun.discard(output: folder.appending("Out"))
        #expect(try entries == [])
    }

    @Test func aConfigThatIsWrongLeavesNothing() throws {
        #expect(throws: RecipeError.self) {
            try merge(Self.text.replacing("Test/Two", with: "Test/Gone"))
        }
        #expect(try entries == [])
    }

    @Test func noNameIsTakenThatSomethingElseHas() throws {
        for name in ["Out", "Out.second"] {
            try FileSystem.createFolder(folder.appending(name))
            let error = #expect(throws: RecipeError.self) { try merge(Self.text) }
            guard case .failure(let failure) = error else { throw Interruption() }
            #expect(failure.kind == .outputExists)
            #expect(failure.message.hasPrefix("\(folder.appending(name)): exists"), "\(failure)")
            #expect(try entries == [name])
            try FileSystem.removeTree(folder.appending(name))
        }
    }

    @Test func aNameThatIsTakenMeanwhileKeepsTheStageUntilItIsFree() throws {
        let progress = MergeProgress()
        let obstacle = folder.appending("Out.second")
        progress.onUpdate { figures in
            if figures.stage?.number == 3 { try? FileSystem.createFolder(obstacle) }
        }
        let error = #expect(throws: RecipeError.self) { try merge(Self.text, progress: progress) }
        guard case .failure(let failure) = error else { throw Interruption() }
        #expect(failure.kind == .outputExists)
        #expect(
            failure.message.contains("Out.second: appeared while the merge was running"), "\(failure)")
        #expect(try entries == [".Out.journal", ".Out.parts", "Out", "Out.second"])
        try FileSystem.removeTree(obstacle)
        try merge(Self.text)
        #expect(try entries == ["Out", "Out.second"])
        #expect(try bytes("Out.second").count > 8)
    }

    @Test func anotherProcessIsRefused() throws {
        let parts = RecipeParts(output: folder.appending("Out"))
        let lock = try FileLock.take(parts.lockFile)
        for text in [Self.text, RecipeRuleTests.document(nil, "Test/Base", "Test/One")] {
            let error = #expect(throws: RecipeError.self) { try merge(text) }
            guard case .failure(let failure) = error else { throw Interruption() }
            #expect(failure.kind == .underWay)
        }
        #expect(throws: MergeFailure.self) { try RecipeRun.discard(output: folder.appending("Out")) }
        withExtendedLifetime(lock) {}
    }

    /// From its first word to its last it is of all stages, and never goes back.
    @Test func theProgressIsOfAllStages() throws {
        let progress = MergeProgress()
        let seen = Mutex([MergeProgress.Snapshot]())
        progress.onUpdate { figures in seen.withLock { $0.append(figures) } }
        try merge(Self.text, progress: progress)
        let all = seen.withLock { $0 }
        let last = try #require(all.last)
        #expect(Set(all.map(\.tensorsTotal)) == [last.tensorsTotal])
        #expect(last.tensorsDone == last.tensorsTotal)
        #expect(last.fraction == 1)
        #expect(zip(all, all.dropFirst()).allSatisfy { $0.fraction <= $1.fraction + 1e-9 })
        #expect(
            all.compactMap { $0.stage?.number }.reduce(into: [Int]()) {
                if $0.last != $1 { $0.append($1) }
            } == [1, 2, 3])
        #expect(Set(all.compactMap { $0.stage?.name }) == ["first", "second", ""])
        #expect(Set(all.compactMap { $0.stage?.count }) == [3])
    }

    @Test func anAuditFindsWhatWasKeptAndSaysWhatWasNot() throws {
        try merge(Self.text)
        let planner = MergePlanner(library: models.library)
        func audit(_ name: String) throws -> AuditReport {
            let record = try RecordedMerge(reading: folder.appending(name))
            let plan = try #require(try record.plan(planner, isStopped: { false }))
            try record.check(plan)
            return try record.audit(
                plan, readable: plan.readable(planner.library), seed: 1, progress: MergeProgress(),
                stop: StopRequest()
            ).perform(.share(1))
        }
        let report = try audit("Out")
        #expect(report.difference == nil)
        #expect(report.rows > 0)
        let error = #expect(throws: RecipeError.self) { _ = try audit("Out.second") }
        guard case .problems(let problems) = error else { throw Interruption() }
        #expect(problems.exitCode == 66)
        #expect(problems.description.contains("the stage 'first', which was not kept"), "\(problems)")
    }

    /// The pipeline's own audit takes a stage as any model.
    @Test func everyStageIsAudited() throws {
        let summary = try run(Self.text, audit: .share(1)).perform(
            progress: MergeProgress(), stop: StopRequest())
        #expect(summary.audit?.rows ?? 0 > 0)
        #expect(try entries == ["Out", "Out.second"])
    }
}
