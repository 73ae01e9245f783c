import StreamIO
import Synchronization
import SystemPackage
import Testing

@testable import Della

/// Merges that are audited before they are published.
@Suite struct AuditedMergeTests {
    private func audited(
        _ merge: PlannedMerge, _ name: String, _ policy: AuditPolicy = .share(1),
        report: @escaping @Sendable (String) -> Void = { _ in }
    ) -> MergeRun {
        let options = MergeOptions(memory: 64 << 20, threads: 2, engine: .posix, audit: policy)
        return MergeRun(
            plan: merge.plan, configText: Array("test".utf8), output: merge.folder.appending(name),
            options: options, report: report)
    }

    @Test(arguments: [AuditPolicy.auto, .share(0.5), .share(1)])
    func whatWasLookedAtIsInTheRecord(policy: AuditPolicy) throws {
        let merge = try PlannedMerge(
            OutputAuditTests.tensors(2), modelCount: 2, seed: 1, shardBytes: 60_000)
        let progress = MergeProgress()
        let summary = try audited(merge, "out", policy).perform(progress: progress, stop: StopRequest())
        // A second look at some of them takes nothing back.
        let figures = progress.snapshot
        #expect(figures.tensorsAudited == figures.tensorsTotal)
        let report = try #require(summary.audit)
        let json = try JSON(
            parsing: FileSystem.readWhole(merge.folder.appending("out/dellad.json"), limit: 1 << 24))
        let record = try #require(json["audit"])
        #expect(record["seed"]?.intValue == Int(report.seed))
        #expect(record["rows"]?.intValue == report.rows)
        #expect(record["share"]?.doubleValue == report.share)
        #expect(record["tensors"]?.intValue == merge.plan.shards.reduce(0) { $0 + $1.tensors.count })
        _ = try audited(merge, "unaudited", .off).perform(progress: MergeProgress(), stop: StopRequest())
        #expect(try merge.output("unaudited") == merge.output("out"))
    }

    @Test func aDifferenceIsNotPublishedAndKept() throws {
        let merge = try PlannedMerge(
            OutputAuditTests.tensors(2), modelCount: 2, seed: 1, shardBytes: 60_000)
        let expected = try merge.reference()
        let shard = merge.plan.shards[1]
        let tensor = shard.tensors.first { $0.rowCount > 1 }!
        let partial = merge.folder.appending(".out.partial")
        let progress = MergeProgress()
        progress.onUpdate { figures in
            guard figures.tensorsAudited == 0 else { return }
            let byte = [UInt8(0x55), 0x2A]
            let file = try? OpenFile.forUpdating(partial.appending(shard.fileName), direct: false)
            try? byte.withUnsafeBytes { try file?.write($0, at: tensor.offset) }
        }
        let failure = #expect(throws: MergeFailure.self) {
            try audited(merge, "out").perform(progress: progress, stop: StopRequest())
        }
        #expect(failure?.kind == .auditFailed && failure?.exitCode == 65 && failure?.isRetryable == false)
        #expect(failure?.message.contains("\(tensor.name), row 0, element 0") == true)
        #expect(try FileSystem.status(merge.folder.appending("out")) == nil)
        #expect(try FileSystem.status(merge.folder.appending(".out.journal")) != nil)
        for shard in merge.plan.shards {
            #expect(try FileSystem.status(partial.appending(shard.fileName))?.size == shard.byteCount)
        }
        // It is not complete, whoever asks, and the next run begins anew.
        let output = merge.folder.appending("out")
        #expect(try !MergeRun.isComplete(output: output))
        #expect(
            try !MergeRun.finishPublished(output: output, config: Array("test".utf8), mayName: true))
        let reports = Mutex([String]())
        _ = try audited(merge, "out", report: { text in reports.withLock { $0.append(text) } })
            .perform(progress: MergeProgress(), stop: StopRequest())
        #expect(try merge.output("out") == expected)
        #expect(reports.withLock { $0 }.contains { $0.contains("starting over") && $0.contains("audit") })
    }

    @Test func aStopDuringTheAuditIsTakenUpAgainThere() throws {
        let merge = try PlannedMerge(OutputAuditTests.tensors(2), modelCount: 2, seed: 1)
        let stop = StopRequest()
        let progress = MergeProgress()
        progress.onUpdate { if ($0.tensorsAudited ?? 0) >= 3 { stop.request() } }
        let failure = #expect(throws: MergeFailure.self) {
            try audited(merge, "out").perform(progress: progress, stop: stop)
        }
        #expect(failure?.kind == .stopped)
        let again = MergeProgress()
        let summary = try audited(merge, "out").perform(progress: again, stop: StopRequest())
        #expect(summary.audit?.difference == nil)
        #expect(again.snapshot.bytesWritten == 0)
        #expect(try merge.output("out") == merge.reference())
    }

    @Test func anInputThatChangedBeforeTheAuditMakesNoDifferenceOfTheOutput() throws {
        let merge = try PlannedMerge(OutputAuditTests.tensors(1), modelCount: 1, seed: 1)
        let path = merge.plan.inputs[1].path
        let progress = MergeProgress()
        progress.onUpdate { figures in
            guard figures.tensorsAudited == 0 else { return }
            let file = try? OpenFile.forUpdating(path, direct: false)
            try? [UInt8](repeating: 1, count: 100_000).withUnsafeBytes { try file?.write($0, at: 9000) }
        }
        let failure = #expect(throws: MergeFailure.self) {
            try audited(merge, "out").perform(progress: progress, stop: StopRequest())
        }
        #expect(failure?.kind == .inputChanged)
        #expect(failure?.message.contains(path.string) == true)
    }
}
