import StreamIO
import SystemPackage
import Testing

@testable import Della

/// The fixtures' configs, merged from the text of the config to the published folder.
///
/// What is expected was computed by mergekit 0.1.5 itself in float32, and by a numpy version of the numerics
/// in 16 bits. `della_oracle.py compare` agrees with the comparison made here.
@Suite struct FixtureMergeTests {
    static let seeds: [(config: String, seed: UInt64)] = [
        ("seed-bfloat16", 42), ("seed-float32", 42), ("two-bfloat16", 10), ("two-della-defaults", 8),
        ("two-della-normalized", 7), ("two-linear", 9), ("two-to-float16", 11),
    ]

    @Test(arguments: seeds)
    func everyBudgetThreadCountEngineAndLevelGivesTheExpectedModel(config: String, seed: UInt64) throws {
        let folder = try TemporaryFolder.create()
        defer { try? FileSystem.removeTree(folder) }
        let text = try TestResources.read("configs/\(config).yml")
        let plan = try MergePlanner(library: TestResources.library, seed: seed).plan(
            text, fileName: "\(config).yml", outputName: config)
        var first: [UInt8]?
        var runs: [MergeOptions] = RowKernels.availableLevels.map { level in
            MergeOptions(memory: 8 << 20, threads: 2, level: level)
        }
        for memory in [UInt64(8 << 20), 16 << 20, 1 << 30] {
            for threads in [1, 2, 5] {
                for engine in [IOEngineKind.uring, .posix] {
                    runs.append(MergeOptions(memory: memory, threads: threads, engine: engine))
                }
            }
        }
        for (number, options) in runs.enumerated() {
            let output = folder.appending("out-\(number)")
            _ = try MergeRun(plan: plan, configText: text, output: output, options: options)
                .perform(progress: MergeProgress(), stop: StopRequest())
            let model = try FileSystem.readWhole(output.appending("model.safetensors"), limit: 1 << 24)
            if let first {
                #expect(model == first, "\(options)")
            } else {
                first = model
                let expected = TestResources.folder.appending("expected").appending(config)
                #expect(try CheckpointComparison(output, expected).failures == [])
            }
        }
    }
}
