import StreamIO
import SystemPackage
import Testing

@testable import Della

/// Vocabularies and adapters, merged to files, against what mergekit 0.1.5 (and peft) made of them in float32.
@Suite struct InputFixtureTests {
    private static let folder = TestResources.folder.appending("vocabulary")
    static let configs = [
        "base-task", "lora-della", "lora-dora", "lora-embed", "lora-one", "lora-passthrough", "lora-pattern",
        "lora-saved", "lora-two", "other-task", "tokens", "union-della", "union-linear", "union-slerp",
        "union-task",
    ]

    @Test(arguments: configs)
    func everyBudgetThreadCountAndEngineGivesTheExpectedModel(config: String) throws {
        let folder = try TemporaryFolder.create()
        defer { try? FileSystem.removeTree(folder) }
        let text = try TestResources.read("vocabulary/configs/\(config).yml")
        let library = ModelLibrary(
            folders: [Self.folder.appending("models")], workingDirectory: nil, allowsAnyPath: true)
        let plan = try MergePlanner(library: library, seed: 0).plan(
            text, fileName: "\(config).yml", outputName: config)
        var first: [UInt8]?
        for level in RowKernels.availableLevels {
            for (number, memory) in [UInt64(3 << 20), 8 << 20, 1 << 30].enumerated() {
                // Each level meets each budget, and each budget both engines.
                for engine in [(number + (level == .baseline ? 1 : 0)) % 2 == 0 ? IOEngineKind.uring : .posix]
                {
                    let output = folder.appending("out-\(level)-\(memory)-\(engine)")
                    var options = MergeOptions(
                        memory: memory, threads: engine == .uring ? 2 : 1, engine: engine, level: level)
                    options.audit = memory == 8 << 20 ? .share(1) : .off
                    _ = try MergeRun(plan: plan, configText: text, output: output, options: options)
                        .perform(progress: MergeProgress(), stop: StopRequest())
                    let model = try FileSystem.readWhole(
                        output.appending("model.safetensors"), limit: 1 << 24)
                    #expect(first == nil || model == first, "\(options)")
                    guard first == nil else { continue }
                    first = model
                    let expected = Self.folder.appending("expected").appending(config)
                    #expect(try CheckpointComparison(output, expected).failures == [])
                }
            }
        }
    }
}
