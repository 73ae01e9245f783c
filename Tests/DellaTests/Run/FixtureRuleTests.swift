import StreamIO
import SystemPackage
import Testing

@testable import Della

/// The fixtures of all other methods, merged from the text of the config: what mergekit 0.1.5 computes of them in
/// float32, and a numpy version of the numerics in 16 bits.
@Suite struct FixtureRuleTests {
    private static let folder = TestResources.folder.appending("methods")

    @Test(arguments: [
        "arcee-fusion", "breadcrumbs", "breadcrumbs-ties", "dare-linear", "dare-ties", "karcher",
        "karcher-iterations", "linear", "linear-sum", "model-stock", "model-stock-rows", "multislerp",
        "multislerp-base", "nearswap", "nuslerp", "nuslerp-base", "nuslerp-columns", "nuslerp-rows",
        "passthrough", "ram",
        "ramplus", "sce", "sce-topk", "slerp", "slerp-bfloat16", "slerp-far", "task-arithmetic",
        "task-arithmetic-normalized", "ties", "ties-bfloat16", "ties-rescaled",
    ])
    func everyBudgetThreadCountEngineAndLevelGivesTheExpectedModel(name: String) throws {
        let folder = try TemporaryFolder.create()
        defer { try? FileSystem.removeTree(folder) }
        let text = try TestResources.read("methods/configs/\(name).yml")
        let expected = Self.folder.appending("expected").appending(name)
        let seed = try JSON(parsing: FileSystem.readWhole(expected.appending("seed.json"), limit: 1 << 10))[
            "seed"]?
            .intValue
        let library = ModelLibrary(
            folders: [Self.folder.appending("models")], workingDirectory: nil, allowsAnyPath: true)
        let plan = try MergePlanner(library: library, seed: UInt64(#require(seed))).plan(
            text, fileName: "\(name).yml", outputName: name)
        var first: [UInt8]?
        var figures: [UInt8]?
        var runs = RowKernels.availableLevels.map { MergeOptions(memory: 8 << 20, threads: 2, level: $0) }
        for memory in [UInt64(3 << 20), 1 << 30] {
            for (threads, engine) in [(1, IOEngineKind.posix), (5, .uring)] {
                runs.append(MergeOptions(memory: memory, threads: threads, engine: engine))
            }
        }
        for (number, run) in runs.enumerated() {
            var options = run
            options.report = true
            let output = folder.appending("out-\(number)")
            _ = try MergeRun(plan: plan, configText: text, output: output, options: options)
                .perform(progress: MergeProgress(), stop: StopRequest())
            let file = try FileSystem.readWhole(output.appending("model.safetensors"), limit: 1 << 24)
            let report = try Self.figures(of: output)
            if let first {
                #expect(file == first, "\(options)")
                #expect(report == figures, "\(options)")
            } else {
                figures = report
                first = file
                #expect(try CheckpointComparison(output, expected).failures == [])
            }
        }
    }

    /// The report's figures, without the output's name.
    private static func figures(of output: FilePath) throws -> [UInt8] {
        let text = String(
            decoding: try FileSystem.readWhole(output.appending("report.json"), limit: 1 << 24), as: UTF8.self
        )
        let title = "\"\(output.lastComponent?.string ?? "")\""
        #expect(text.contains(title) && text.contains("\"change_squares\""))
        return Array(text.split(separator: title).joined().utf8)
    }
}
