import StreamIO
import SystemPackage
import Testing

@testable import Della

/// Merges whose journal says complete, and merges of two processes into one output.
@Suite struct FinishingTests {
    /// What an earlier run left.
    enum Left: CaseIterable {
        /// The model has its name, and the journal is still there.
        case named
        /// The partial folder holds the whole model.
        case unnamed
        /// As `unnamed`, and something else has the name.
        case obstructed
        /// Somebody removed the model.
        case removed
    }

    struct Interruption: Error {}

    /// Two merges of the same models that differ in their configs.
    static func merge(_ left: Left) throws -> PlannedMerge {
        let tensor = PlannedMerge.Tensor(
            name: "a", shape: [40, 64], types: [.bf16, .bf16], densities: [0.5])
        let merge = try PlannedMerge([tensor], modelCount: 1, seed: 5)
        #expect(throws: MergeFailure.self) {
            _ = try merge.run("out", memory: 1 << 24).perform(
                progress: MergeProgress(), stop: StopRequest()
            ) { throw Interruption() }
        }
        let (output, partial) = (merge.folder.appending("out"), merge.folder.appending(".out.partial"))
        switch left {
        case .named: break
        case .unnamed: try FileSystem.rename(output, to: partial, replacing: false)
        case .obstructed:
            try FileSystem.rename(output, to: partial, replacing: false)
            try FileSystem.createFolder(output)
        case .removed: try FileSystem.removeTree(output)
        }
        return merge
    }

    /// The config's hash that the output says it is of.
    static func config(_ merge: PlannedMerge) throws -> String? {
        let path = merge.folder.appending("out").appending("dellad.json")
        return try JSON(parsing: try FileSystem.readWhole(path, limit: 1 << 20))["config_crc32c"]?.stringValue
    }

    static func hash(_ config: String) -> String { CRC32C.of(Array(config.utf8)).hexadecimal }

    static func leftovers(_ merge: PlannedMerge) throws -> [String] {
        try FileSystem.entries(of: merge.folder).filter { $0.hasPrefix(".out") }.sorted()
    }

    @Test(arguments: Left.allCases)
    func theSameConfigGetsTheModelThatIsComplete(left: Left) throws {
        let merge = try Self.merge(left)
        let progress = MergeProgress()
        let run = merge.run("out", memory: 1 << 24)
        guard left != .obstructed else {
            let failure = #expect(throws: MergeFailure.self) {
                _ = try run.perform(progress: progress, stop: StopRequest())
            }
            #expect(failure?.kind == .outputExists)
            #expect(try Self.leftovers(merge) == [".out.journal", ".out.partial"])
            return
        }
        _ = try run.perform(progress: progress, stop: StopRequest())
        #expect(try merge.output("out") == merge.reference())
        #expect(try Self.leftovers(merge) == [])
        // What is gone is merged again.
        #expect((progress.snapshot.bytesRead > 0) == (left == .removed))
    }

    @Test(arguments: Left.allCases)
    func anotherConfigNeverGetsTheModelOfTheFirst(left: Left) throws {
        let merge = try Self.merge(left)
        let run = merge.run("out", memory: 1 << 24, config: "another")
        let isTaken = left == .named || left == .obstructed
        if isTaken {
            let failure = #expect(throws: MergeFailure.self) {
                _ = try run.perform(progress: MergeProgress(), stop: StopRequest())
            }
            #expect(failure?.exitCode == 73)
        } else {
            _ = try run.perform(progress: MergeProgress(), stop: StopRequest())
            #expect(try Self.config(merge) == Self.hash("another"))
        }
        if left == .named { #expect(try Self.config(merge) == Self.hash("test")) }
        #expect(try Self.leftovers(merge) == [])
    }

    @Test(arguments: Left.allCases, ["test", "another", nil])
    func onlyTheLastStepsAreMadeWithoutPlanning(left: Left, config: String?) throws {
        let merge = try Self.merge(left)
        let output = merge.folder.appending("out")
        let isOwn = config != "another"
        let text = config.map { Array($0.utf8) }
        let isFinished = try MergeRun.finishPublished(output: output, config: text, mayName: false)
        #expect(isFinished == (left == .named && isOwn))
        switch left {
        case .named, .removed: #expect(try Self.leftovers(merge) == [])
        case .unnamed, .obstructed: #expect(try Self.leftovers(merge) == [".out.journal", ".out.partial"])
        }
        if left == .unnamed {
            #expect(try MergeRun.finishPublished(output: output, config: text, mayName: true) == isOwn)
            #expect(try Self.leftovers(merge).isEmpty == isOwn)
        }
        if left == .named { #expect(try merge.output("out") == merge.reference()) }
    }

    @Test func aSecondMergeIntoAnOutputIsRefusedAndTheFirstUndisturbed() throws {
        let merge = try Self.merge(.removed)
        let output = merge.folder.appending("out")
        var kinds: [MergeFailure.Kind] = []
        func attempt(_ body: () throws -> Void) {
            do {
                try body()
                Issue.record("not refused")
            } catch let failure as MergeFailure {
                kinds.append(failure.kind)
                #expect(failure.exitCode == 75)
            } catch {
                Issue.record("\(error)")
            }
        }
        _ = try merge.run("out", memory: 1 << 24).perform(progress: MergeProgress(), stop: StopRequest()) {
            for config in ["test", "another"] {
                attempt {
                    _ = try merge.run("out", memory: 1 << 24, config: config).perform(
                        progress: MergeProgress(), stop: StopRequest())
                }
            }
            attempt { try MergeRun.discard(output: output) }
            attempt { _ = try MergeRun.finishPublished(output: output, config: nil, mayName: true) }
        }
        #expect(kinds == Array(repeating: .underWay, count: 4))
        #expect(try merge.output("out") == merge.reference())
        #expect(try Self.leftovers(merge) == [])
    }

    @Test func aFolderWithoutAJournalIsNoPartOfTheOutput() throws {
        let merge = try Self.merge(.removed)
        try FileSystem.remove(merge.folder.appending(".out.journal"))
        let stale = merge.folder.appending(".out.partial")
        try FileSystem.createFolder(stale)
        try FileSystem.writeWhole([1], to: stale.appending("stale.safetensors"), sync: false)
        _ = try merge.merge(into: "out", memory: 1 << 24)
        #expect(try !FileSystem.entries(of: merge.folder.appending("out")).contains("stale.safetensors"))
    }
}
