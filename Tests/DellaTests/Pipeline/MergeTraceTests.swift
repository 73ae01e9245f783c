import StreamIO
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
        #expect(Set(names("X")).isSuperset(of: ["sum", "emit", "checksum"]))
        for event in events where event["ph"]?.stringValue == "X" {
            #expect(event["ts"]?.doubleValue ?? -1 >= 0 && event["dur"]?.doubleValue ?? -1 >= 0)
        }
        #expect(trace["otherData"]?["begin_ns"]?.intValue ?? 0 > 0)
    }
}
