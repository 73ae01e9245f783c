import StreamIO
import Synchronization
import SystemPackage
import Testing

@testable import Della
@testable import MergeReference

/// The SHA-256 of the shards, taken while they are written and across interruptions.
@Suite struct ShardHashTests {
    /// What `dellad.json` says of every file that has a hash, against the files as they are.
    private func check(_ merge: PlannedMerge, _ name: String, _ note: String) throws {
        let folder = merge.folder.appending(name)
        let record = try JSON(
            parsing: try FileSystem.readWhole(folder.appending("dellad.json"), limit: 1 << 24))
        let files = try #require(record["files"]?.arrayValue)
        #expect(files.count >= merge.plan.shards.count)
        for file in files {
            let path = folder.appending(try #require(file["name"]?.stringValue))
            let expected = SHA256.of(try FileSystem.readWhole(path, limit: 1 << 30)).hexadecimal
            #expect(file["sha256"]?.stringValue == expected, "\(path) \(note)")
        }
    }

    /// Runs until a random moment, and again, until the merge is done.
    /// - Returns: how often it was stopped.
    private func mergeInPieces(
        _ merge: PlannedMerge, _ name: String, using random: inout SeededRandom,
        memory: (Int) -> UInt64
    ) throws -> Int {
        var moments = StopMoments(most: 4_000_000)
        for stops in 0..<200 {
            let (progress, stop) = moments.next(using: &random)
            do throws(MergeFailure) {
                // The journal has the state: nothing is said of reading again.
                _ = try merge.run(
                    name, memory: memory(stops), sha256: true, report: { Issue.record("\(name): \($0)") }
                ).perform(progress: progress, stop: stop)
                return stops
            } catch {
                #expect(error.kind == .stopped)
            }
        }
        throw MergeFailure(.stopped, "no end")
    }

    @Test(arguments: [0, 2])
    func everyBudgetThreadCountAndEngineGivesTheHashesOfTheFiles(models: Int) throws {
        let seed = TestSeed.drawn()
        let merge = try PlannedMerge(
            MergePipelineTests.tensors(models), modelCount: models, seed: seed, shardBytes: 400_000)
        let expected = try merge.merge(into: "plain", memory: 1 << 30)
        let companions = CompanionFile(name: "extra.txt", content: .text("companion"))
        merge.add(companions)
        for memory in [UInt64(4 << 20), 16 << 20, 1 << 30] {
            for (threads, engine) in [(1, IOEngineKind.uring), (2, .posix), (5, .uring)] {
                let name = "out-\(memory)-\(threads)"
                _ = try merge.run(name, memory: memory, threads: threads, engine: engine, sha256: true)
                    .perform(progress: MergeProgress(), stop: StopRequest())
                #expect(try merge.output(name) == expected, "seed \(seed), \(name)")
                try check(merge, name, "seed \(seed)")
            }
        }
    }

    /// Many blocks for each buffer: if one were kept for good, this would not end.
    @Test(.timeLimit(.minutes(5)), arguments: [1, 3])
    func aFileOfManyMoreBlocksThanThereAreBuffersIsHashed(threads: Int) throws {
        let tensor = PlannedMerge.Tensor(
            name: "large", shape: [12_000, 512], types: [.bf16, .bf16], densities: [0.5])
        let merge = try PlannedMerge([tensor], modelCount: 1, seed: 5)
        let layout = try MergeLayout(merge.plan, memory: 5 << 20, threads: threads)
        #expect(merge.plan.shards[0].byteCount > UInt64(8 * layout.blockCount * layout.blockBytes))
        _ = try merge.run("out", memory: 5 << 20, threads: threads, sha256: true)
            .perform(progress: MergeProgress(), stop: StopRequest())
        try check(merge, "out", "\(threads) threads")
    }

    @Test func aMergeStoppedAtAnyMomentEndsWithTheSameHashes() throws {
        let seed = TestSeed.drawn()
        var random = SeededRandom(seed: seed)
        let merge = try PlannedMerge(
            MergePipelineTests.tensors(2), modelCount: 2, seed: seed, shardBytes: 300_000)
        let expected = try merge.merge(into: "undisturbed", memory: 1 << 30)
        var stops = 0
        for round in 0..<6 {
            stops += try mergeInPieces(merge, "out-\(round)", using: &random) { run in
                [UInt64(4 << 20), 9 << 20, 1 << 30][(run + round) % 3]
            }
            #expect(try merge.output("out-\(round)") == expected, "seed \(seed), round \(round)")
            try check(merge, "out-\(round)", "seed \(seed), round \(round)")
        }
        #expect(stops > 0, "seed \(seed)")
    }

    /// The option is no part of what a merge is: it goes on, and reads what it must know again.
    @Test func theOptionMayChangeBetweenRuns() throws {
        let seed = TestSeed.drawn()
        var random = SeededRandom(seed: seed)
        let merge = try PlannedMerge(
            MergePipelineTests.tensors(1), modelCount: 1, seed: seed, shardBytes: 300_000)
        let expected = try merge.merge(into: "undisturbed", memory: 1 << 30)
        for round in 0..<6 {
            let name = "out-\(round)"
            let stopped = try stopHalfway(merge, name, sha256: false, using: &random)
            let said = Mutex([String]())
            let summary = try merge.run(
                name, memory: 4 << 20, sha256: true, report: { text in said.withLock { $0.append(text) } }
            ).perform(progress: MergeProgress(), stop: StopRequest())
            #expect(summary.resumptions == stopped, "seed \(seed), round \(round)")
            let lines = said.withLock { $0 }
            #expect(lines == ["reading what is written again: its SHA-256 was not taken"], "seed \(seed)")
            #expect(try merge.output(name) == expected, "seed \(seed), round \(round)")
            try check(merge, name, "seed \(seed), round \(round)")
        }
    }

    /// Merges until something is durable, and stops.
    /// - Returns: the number of runs.
    private func stopHalfway(
        _ merge: PlannedMerge, _ name: String, sha256: Bool, using random: inout SeededRandom
    ) throws -> Int {
        for runs in 1..<50 {
            let progress = MergeProgress()
            let stop = StopRequest()
            let limit = UInt64.random(in: 200_000...700_000, using: &random)
            progress.onUpdate { if $0.bytesWritten > limit { stop.request() } }
            #expect(throws: MergeFailure.self) {
                _ = try merge.run(name, memory: 4 << 20, sha256: sha256)
                    .perform(progress: progress, stop: stop)
            }
            let journal = merge.folder.appending(".\(name).journal")
            if let content = try MergeJournal.read(journal), !content.point.isStart { return runs }
        }
        throw MergeFailure(.stopped, "nothing was made durable")
    }

    @Test func withTheOptionOffNoHashIsRecordedWhateverAnEarlierRunTook() throws {
        let seed = TestSeed.drawn()
        var random = SeededRandom(seed: seed)
        let merge = try PlannedMerge(
            MergePipelineTests.tensors(1), modelCount: 1, seed: seed, shardBytes: 300_000)
        _ = try stopHalfway(merge, "out", sha256: true, using: &random)
        _ = try merge.merge(into: "out", memory: 1 << 30)
        let text = try FileSystem.readWhole(
            merge.folder.appending("out").appending("dellad.json"), limit: 1 << 24)
        let record = try JSON(parsing: text)
        #expect(record["files"]?.arrayValue?.allSatisfy { $0["sha256"] == nil } == true)
    }

    @Test(arguments: [IOEngineKind.uring, .posix])
    func whatIsWrittenIsHashedThroughSmallBuffers(kind: IOEngineKind) throws {
        let tensor = PlannedMerge.Tensor(
            name: "large", shape: [1000, 501], types: [.bf16, .bf16], densities: [0.5])
        let merge = try PlannedMerge([tensor], modelCount: 1, seed: 5)
        let bytes = try merge.merge(into: "out", memory: 1 << 30)[0]
        // Two buffers of 17 pages: the file's end is within one.
        let arena = try Arena(byteCount: 35 * 4096)
        let engine = try makeEngine(kind, queueDepth: 4, arena: arena, report: { _ in })
        let stop = StopRequest()
        let hashes = WrittenHashes(
            plan: merge.plan, folder: merge.folder.appending("out"),
            arena: arena.slice(offset: 0, count: arena.byteCount), engine: engine, progress: MergeProgress(),
            stop: stop)
        var point = ResumePoint()
        for pages in [1, 17, 18, 34, 100] {
            point.offset = UInt64(pages * 4096)
            point.checksums = ChunkChecksums()
            try hashes.complete(&point, report: { _ in })
            var expected = SHA256()
            bytes[..<(pages * 4096)].withUnsafeBytes { expected.update($0) }
            #expect(point.checksums.sha256 == expected.state, "\(pages) pages")
        }
        point = ResumePoint()
        point.finished = [ChunkChecksums()]
        try hashes.complete(&point, report: { _ in })
        #expect(point.finished[0].sha256 == SHA256.of(bytes))
        stop.request()
        point.finished = [ChunkChecksums()]
        let failure = #expect(throws: MergeFailure.self) { try hashes.complete(&point, report: { _ in }) }
        #expect(failure?.kind == .stopped)
        #expect(engine.pending == 0)
    }

    @Test func aRecordKeepsItsHash() throws {
        let words = SHA256.of([1, 2, 3])
        for hash in [words, nil] {
            let record = JournalRecord.written(
                WrittenRecord(
                    shard: 1, through: 8192, isWhole: false, newChecksums: [7], partial: 3,
                    partialBytes: 4096, sha256: hash, tensor: nil, constants: []))
            #expect(JournalRecord(line: record.line.utf8.dropLast()) == record)
        }
    }
}
