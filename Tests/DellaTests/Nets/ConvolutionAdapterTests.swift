import Foundation
import StreamIO
import SystemPackage
import Testing

@testable import Della
@testable import MergeReference

/// Adapters of convolutions: merges with them are those of the same models written out in full, byte for byte.
@Suite struct ConvolutionAdapterTests {
    private static let name = "model.layers.0.conv.weight"
    private static let config =
        #"{"model_type": "llama", "num_hidden_layers": 1, "tie_word_embeddings": false}"#

    static let shapes = [
        [8, 6, 1], [7, 5, 3], [1, 1, 1], [9, 4, 1, 1], [6, 3, 3, 5], [3, 2, 2, 2, 2], [2, 3, 1100],
    ]

    @Test(arguments: shapes, [StoredType.bf16, .f32])
    func isMergedAsIfItWereWrittenOut(shape: [Int], type: StoredType) throws {
        let seed = TestSeed.drawn()
        var random = SeededRandom(seed: seed)
        let folder = try TemporaryFolder.create()
        defer { try? FileSystem.removeTree(folder) }
        func model(_ name: String, _ number: Int) -> ModelRecipe {
            let contents = TensorContents(kind: .weights, seed: seed)
            return ModelRecipe(
                name: name, number: number,
                tensors: [ModelRecipe.Tensor(name: Self.name, type: type, shape: shape, contents: contents)],
                alignments: [Int.random(in: 0..<4096, using: &random)], layers: 1)
        }
        var adapter = AdapterRecipe(name: "Adapter", parts: [:], rank: 3, alpha: 7)
        adapter.hasInputsFirst = Bool.random(using: &random)
        adapter.parts[Self.name] = AdapterRecipe.Part(
            kind: .lora, rank: Int.random(in: 1...5, using: &random), type: .f16, seed: random.next())
        let base = model("Base", 0)
        var adapted = base
        adapted.adapter = adapter
        for recipe in [base, adapted, model("Tune", 1)] { try recipe.write(below: folder.string) }
        var full = adapted.meant().tensors
        for index in full.indices {
            full[index].type = .f32
            full[index].bytes = ReferenceFormat.encode(full[index].values, as: .f32)
        }
        try CheckpointFolder.write([(full, nil)], config: Self.config, to: folder.appending("Full").string)

        for method in ["della", "slerp", "task_arithmetic"] {
            func text(_ model: String) -> String {
                """
                merge_method: \(method)
                base_model: Base
                models: [{model: Base}, {model: \(model)}\(method == "slerp" ? "" : ", {model: Tune}")]
                parameters: {weight: 0.75, density: 0.5, epsilon: 0.1, t: 0.4}
                dtype: float32

                """
            }
            let options = MergeOptions(
                memory: UInt64.random(in: 8 << 20...1 << 30, using: &random),
                threads: Int.random(in: 1...3, using: &random),
                engine: Bool.random(using: &random) ? .uring : .posix, audit: .share(1))
            let expected = try merge(text("Full"), "\(method)-full", options, in: folder)
            let found = try merge(text("Base+Adapter"), "\(method)-adapted", options, in: folder)
            #expect(found == expected, "seed \(seed), \(method), \(shape), \(type)")
        }
    }

    private func merge(
        _ config: String, _ name: String, _ options: MergeOptions, in folder: FilePath
    ) throws -> [[UInt8]] {
        let library = ModelLibrary(folders: [folder], workingDirectory: nil, allowsAnyPath: true)
        let plan = try MergePlanner(library: library, seed: 5).plan(
            Array(config.utf8), fileName: "m.yml", outputName: name)
        let output = folder.appending(name)
        _ = try MergeRun(plan: plan, configText: Array(config.utf8), output: output, options: options)
            .perform(progress: MergeProgress(), stop: StopRequest())
        return try TensorFile(reading: output.appending("model.safetensors").string).tensors.map(\.bytes)
    }
}
