import StreamIO
import SystemPackage
import Testing

@testable import Della

/// The fixtures of methods without sparsified differences: what mergekit 0.1.5 computes of them in float32.
@Suite struct FixtureRuleTests {
    @Test(arguments: FixtureRules.all.map(\.name))
    func everyBudgetThreadCountEngineAndLevelGivesTheExpectedModel(name: String) throws {
        let fixture = try #require(FixtureRules.all.first { $0.name == name })
        let plan = try fixture.plan()
        let folder = try TemporaryFolder.create()
        defer { try? FileSystem.removeTree(folder) }
        var first: [UInt8]?
        var runs = RowKernels.availableLevels.map { MergeOptions(memory: 8 << 20, threads: 2, level: $0) }
        for memory in [UInt64(3 << 20), 1 << 30] {
            for (threads, engine) in [(1, IOEngineKind.posix), (5, .uring)] {
                runs.append(MergeOptions(memory: memory, threads: threads, engine: engine))
            }
        }
        for (number, options) in runs.enumerated() {
            let output = folder.appending("out-\(number)")
            _ = try MergeRun(plan: plan, configText: [], output: output, options: options)
                .perform(progress: MergeProgress(), stop: StopRequest())
            let file = try FileSystem.readWhole(output.appending("model.safetensors"), limit: 1 << 24)
            if let first {
                #expect(file == first, "\(options)")
            } else {
                first = file
                let expected = FixtureRules.folder.appending("expected").appending(name)
                #expect(try CheckpointComparison(output, expected).failures == [])
            }
        }
    }
}
