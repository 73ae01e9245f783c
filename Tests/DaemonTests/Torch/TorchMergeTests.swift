import Foundation
import StreamIO
import SystemPackage
import Testing

@testable import MergeReference

/// Merges of `.bin` checkpoints by the program itself: every byte of the output is that of the same models as
/// safetensors.
@Suite struct TorchMergeTests {
    private static let types: [StoredType] = [.f32, .f16, .bf16, .f64]

    /// Files of a model, and ways of writing them: each type with each number of shards in each style.
    static let cases: [(type: StoredType, shards: Int, style: Int)] = types.flatMap { type in
        [1, 3].flatMap { shards in styles.indices.map { (type, shards, $0) } }
    }

    static let styles: [TorchFile.Style] = [
        TorchFile.Style(),
        TorchFile.Style(alignment: 0, hasDescriptors: false),
        TorchFile.Style(alignment: 1, isWide: true, pickleVersion: 4, byteOrder: nil),
        TorchFile.Style(alignment: 4096, isWide: true, hasDescriptors: false, prefix: "pytorch_model"),
        TorchFile.Style(alignment: 3, isPlain: true, wrapper: "state_dict"),
        TorchFile.Style(isPacked: true),
        TorchFile.Style(alignment: 8, isPacked: true, isPlain: true, wrapper: "model", pickleVersion: 4),
        TorchFile.Style(tied: ["lm_head.weight": "model.embed_tokens.weight"]),
        TorchFile.Style(
            alignment: 0, isWide: true, tied: ["lm_head.weight": "model.embed_tokens.weight"], isPlain: true),
    ]

    private static let config = """
        {"model_type": "llama", "num_hidden_layers": 2}
        """

    /// A model with all that checkpoints hold: matrices, a scalar, a tensor without elements, integers, truth values.
    /// The head is the embedding once more, so that it may be tied.
    private static func tensors(_ type: StoredType, model: Int) -> [TensorFile.Tensor] {
        func tensor(_ name: String, _ shape: [Int], _ type: StoredType, seed: UInt64) -> TensorFile.Tensor {
            let contents = TensorContents(kind: .weights, seed: seed)
            let bytes = contents.bytes(type, count: shape.reduce(1, *), model: model)
            return TensorFile.Tensor(name: name, type: type, shape: shape, bytes: bytes)
        }
        var all = [tensor("model.embed_tokens.weight", [37, 24], type, seed: 1)]
        var head = all[0]
        head.name = "lm_head.weight"
        all.append(head)
        for layer in 0..<2 {
            let prefix = "model.layers.\(layer)."
            let seed = UInt64(10 * (layer + 1))
            all += [
                tensor(prefix + "self_attn.q_proj.weight", [24, 24], type, seed: seed),
                tensor(prefix + "mlp.up_proj.weight", [3, 7, 5], type, seed: seed + 1),
                tensor(prefix + "attn.scale", [], type, seed: seed + 2),
                tensor(prefix + "mlp.none", [0, 4], type, seed: seed + 3),
                tensor(prefix + "input_layernorm.weight", [24], type, seed: seed + 4),
                tensor(prefix + "position_ids", [1, 9], .i64, seed: seed + 5),
                tensor(prefix + "mask", [5, 1], .bool, seed: seed + 6),
                tensor(prefix + "steps", [2], .i32, seed: seed + 7),
            ]
        }
        return all
    }

    /// The tensors of each file, in order, the tied ones together.
    private static func groups(_ tensors: [TensorFile.Tensor], _ shards: Int) -> [[TensorFile.Tensor]] {
        let size = (tensors.count + shards - 1) / shards
        return (0..<shards).map { Array(tensors[$0 * size..<min(tensors.count, ($0 + 1) * size)]) }
    }

    private static func text(base: String) -> String {
        """
        base_model: \(base)
        merge_method: della
        dtype: float32
        models:
          - model: one
            parameters: {density: 0.5, epsilon: 0.1, weight: 0.6}
          - model: two
            parameters: {density: 0.7, epsilon: 0.2, weight: 0.4}
        dellad: {seed: 5, shard_size: 4KB}
        """
    }

    private static func merge(_ folder: TemporaryFolder, models: String, io: String) throws -> [String:
        [UInt8]]
    {
        // The model card says what the output is called.
        try FileSystem.createFolder(folder.path / "of-\(models)")
        let output = folder.path / "of-\(models)" / "out"
        let ended = try Executable.run(
            [
                "merge", (folder.path / "merge.yml").string, output.string, "--models",
                (folder.path / models).string, "--io", io, "--memory", "64M", "--audit", "1",
            ], in: folder)
        try #require(ended.code == 0, "\(models): \(ended.errors)")
        var files: [String: [UInt8]] = [:]
        for name in try FileSystem.entries(of: output) where name != "dellad.json" {
            files[name] = try FileSystem.readWhole(output / name, limit: 1 << 24)
        }
        return files
    }

    @Test(arguments: cases.indices)
    func aMergeOfBinFilesIsThatOfTheSameModelsAsSafetensors(_ number: Int) throws {
        let (type, shards, style) = Self.cases[number]
        let folder = try TemporaryFolder(inMemory: true)
        try (folder.path / "merge.yml").write(Self.text(base: "base"))
        for (model, name) in ["base", "one", "two"].enumerated() {
            var groups = Self.groups(Self.tensors(type, model: model), shards)
            // In one storage a type, tensors of the type stand together.
            if Self.styles[style].isPacked {
                groups = groups.map { group in
                    let order = group.map(\.type).reduce(into: [StoredType]()) {
                        if !$0.contains($1) { $0.append($1) }
                    }
                    return order.flatMap { type in group.filter { $0.type == type } }
                }
            }
            try CheckpointFolder.write(
                groups.map { (tensors: $0, alignment: 0) }, config: Self.config,
                to: (folder.path / "safe" / name).string)
            try TorchFile.write(
                groups, Self.styles[style], hasIndex: number % 2 == 0, config: Self.config,
                to: (folder.path / "bin" / name).string)
        }
        let io = number % 2 == 0 ? "uring" : "posix"
        let right = try Self.merge(folder, models: "safe", io: io)
        let found = try Self.merge(folder, models: "bin", io: io)
        #expect(found.keys.sorted() == right.keys.sorted())
        for (name, bytes) in right {
            #expect(found[name] == bytes, "\(type) in \(shards) files, style \(style): \(name) differs")
        }
        #expect(right.keys.count { $0.hasSuffix(".safetensors") } > 1)
    }

    @Test func safetensorsWinWhereBothAreThereAndCheckNamesTheFormat() throws {
        let folder = try TemporaryFolder()
        try (folder.path / "merge.yml").write(Self.text(base: "base"))
        for (model, name) in ["base", "one", "two"].enumerated() {
            let group = Self.tensors(.f32, model: model)
            try TorchFile.write(
                [group], TorchFile.Style(), config: Self.config, to: (folder.path / "m" / name).string)
        }
        let arguments = ["check", (folder.path / "merge.yml").string, "--models", (folder.path / "m").string]
        let torch = try Executable.run(arguments, in: folder)
        #expect(
            torch.code == 0 && torch.output.components(separatedBy: "(pytorch_model.bin)").count == 4,
            "\(torch)")
        // The .bin file is not looked at any more.
        try CheckpointFolder.write(
            [(tensors: Self.tensors(.f32, model: 1), alignment: 0)], config: Self.config,
            to: (folder.path / "m" / "one").string)
        try (folder.path / "m" / "one" / "pytorch_model.bin").rewrite("broken")
        let both = try Executable.run(arguments, in: folder)
        #expect(
            both.code == 0 && both.output.components(separatedBy: "(pytorch_model.bin)").count == 3, "\(both)"
        )
    }

    @Test func aPickleThatIsNoCheckpointsIsRefusedByName() throws {
        let folder = try TemporaryFolder()
        try (folder.path / "merge.yml").write(Self.text(base: "base"))
        for (model, name) in ["base", "one", "two"].enumerated() {
            try TorchFile.write(
                [Self.tensors(.f32, model: model)], TorchFile.Style(), config: Self.config,
                to: (folder.path / "m" / name).string)
        }
        let mark = folder.path / "executed"
        var pickle = TorchPickle()
        pickle.global("os", "system")
        pickle.text("touch \(mark)")
        pickle.add(0x85)
        pickle.add(0x52)
        pickle.add(0x2E)
        let file = TorchFile.archive(
            [TorchFile.Entry(name: "archive/data.pkl", data: pickle.bytes)], TorchFile.Style())
        try FileSystem.remove(folder.path / "m" / "one" / "pytorch_model.bin")
        try CheckpointFolder.write(file, to: (folder.path / "m" / "one" / "pytorch_model.bin").string)
        let ended = try Executable.run(
            [
                "merge", (folder.path / "merge.yml").string, (folder.path / "out").string, "--models",
                (folder.path / "m").string,
            ], in: folder)
        #expect(ended.code == 65)
        #expect(
            ended.errors.contains(
                "pytorch_model.bin: the pickle asks for os.system, which no checkpoint needs: not read"),
            "\(ended.errors)")
        #expect(!mark.exists)
    }
}
