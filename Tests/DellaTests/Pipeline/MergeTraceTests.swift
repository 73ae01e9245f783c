import StreamIO
import Synchronization
import SystemPackage
import Testing

@testable import Della

/// What `--trace` writes, read back as any reader of the format would.
@Suite struct MergeTraceTests {
    @Test func aTraceHasEveryTransferFromSubmissionToCompletionAndTheWorkOnEachThread() throws {
        let merge = try PlannedMerge(
            MergePipelineTests.tensors(1), modelCount: 1, seed: 1, shardBytes: 400_000)
        let path = merge.folder.appending("trace.json")
        _ = try merge.merge(into: "out", memory: 16 << 20, threads: 2, trace: path)

        let trace = try JSON(parsing: FileSystem.readWhole(path, limit: 64 << 20))
        let events = try #require(trace["traceEvents"]?.arrayValue)
        func names(_ phase: String) -> [String] {
            events.filter { $0["ph"]?.stringValue == phase }.compactMap { $0["name"]?.stringValue }
        }
        #expect(names("b").sorted() == names("e").sorted())
        #expect(names("b").count { $0 == "write" } >= merge.plan.shards.count)
        #expect(names("b").count { $0 == "sync" } >= merge.plan.shards.count)
        #expect(names("b").contains("read"))
        #expect(Set(names("X")).isSuperset(of: ["measure", "emit", "checksum"]))
        for event in events where event["ph"]?.stringValue == "X" {
            #expect(event["ts"]?.doubleValue ?? -1 >= 0 && event["dur"]?.doubleValue ?? -1 >= 0)
        }
        #expect(trace["otherData"]?["begin_ns"]?.intValue ?? 0 > 0)
    }

    @Test func aMergeIsPublishedWhereItsTraceCannotBeWritten() throws {
        let folder = try TemporaryFolder.create()
        defer { try? FileSystem.removeTree(folder) }
        let text = try TestResources.read("configs/seed-bfloat16.yml")
        let plan = try MergePlanner(library: TestResources.library).plan(
            text, fileName: "seed.yml", outputName: "out")
        let output = folder.appending("out"), reports = Mutex<[String]>([])
        let options = MergeOptions(
            memory: 8 << 20, threads: 2, engine: .posix, trace: folder.pushing("gone/trace.json"))
        _ = try MergeRun(plan: plan, configText: text, output: output, options: options) { report in
            reports.withLock { $0.append(report) }
        }.perform(progress: MergeProgress(), stop: StopRequest())
        #expect(try FileSystem.status(output.appending("dellad.json")) != nil)
        #expect(reports.withLock { $0.contains { $0.hasPrefix("the trace is not written: ") } })
    }
}
