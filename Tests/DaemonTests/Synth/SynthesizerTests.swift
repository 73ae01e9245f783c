import StreamIO
import SystemPackage
import Testing

@testable import Synthesis

@Suite struct SynthesizerTests {
    private static let tiny = CheckpointShape(named: "tiny") ?? CheckpointShape.all[0]

    private func write(
        _ options: SynthesisOptions, to path: FilePath
    ) throws -> Checkpoint {
        try Synthesizer(options).write(to: path, written: SynthesisCounter())
        return try Checkpoint(opening: path)
    }

    private func values(_ name: String, of checkpoint: Checkpoint) throws -> [Float] {
        let tensor = try #require(checkpoint.tensor(named: name))
        let bytes = try FileSystem.readWhole(checkpoint.shards[tensor.shard].path, limit: 1 << 26)
        let start = Int(tensor.offset)
        return stride(from: start, to: start + Int(tensor.byteCount), by: 2).map {
            Float(bitPattern: UInt32(bytes[$0]) << 16 | UInt32(bytes[$0 + 1]) << 24)
        }
    }

    @Test func everyShapeHasTheParametersItIsNamedFor() {
        let counts = Dictionary(
            uniqueKeysWithValues: CheckpointShape.all.map { shape in
                (shape.name, shape.tensors.reduce(0) { $0 + $1.byteCount })
            })
        #expect(counts["nemo-12b"] == 24_495_564_800)
        #expect(counts["nemo-4l"].map { $0 / 10_000_000 } == 285)
        #expect(counts["edge"].map { $0 / 100_000_000 } == 32)
        #expect(counts["demo"].map { (250_000_000..<350_000_000).contains($0) } == true)
        #expect(counts["tiny"].map { (450_000..<550_000).contains($0) } == true)
    }

    @Test func theSameSeedGivesTheSameBytesForAnyNumberOfThreads() throws {
        let folder = try TemporaryFolder()
        // Several chunks in several files, the last of them cut in the middle of a page.
        var shape = Self.tiny
        shape.vocabulary = 40_000
        var bytes: [[UInt8]] = []
        for threads in [1, 2, 7] {
            let checkpoint = try write(
                SynthesisOptions(shape: shape, seed: 3, shardSize: 5_300_000, threads: threads),
                to: folder.path / "\(threads)")
            #expect(checkpoint.shards.count == 3)
            bytes.append(try checkpoint.shards.flatMap { try FileSystem.readWhole($0.path, limit: 1 << 26) })
        }
        #expect(bytes[0] == bytes[1])
        #expect(bytes[0] == bytes[2])
    }

    @Test(arguments: [1, 3])
    func binFilesHoldTheSameTensorsAtMultiplesOf64(files: Int) throws {
        let folder = try TemporaryFolder()
        let size: UInt64 = files == 1 ? 5_000_000 : 200_000
        let safe = try write(
            SynthesisOptions(shape: Self.tiny, seed: 3, shardSize: size, threads: 2), to: folder.path / "s")
        let bin = try write(
            SynthesisOptions(shape: Self.tiny, seed: 3, shardSize: size, threads: 2, format: .torch),
            to: folder.path / "b")
        #expect(bin.format == .torch && bin.shards.count == files && bin.remark == nil)
        #expect(bin.tensors.map(\.name) == safe.tensors.map(\.name))
        for (found, right) in zip(bin.tensors, safe.tensors) {
            #expect(found.shape == right.shape && found.type == right.type && found.offset % 64 == 0)
            let bytes = try [(bin, found), (safe, right)].map { checkpoint, tensor in
                let file = try OpenFile.forReading(checkpoint.shards[tensor.shard].path, direct: false)
                return try file.read(upTo: Int(tensor.byteCount), at: tensor.offset)
            }
            #expect(bytes[0] == bytes[1], "\(found.name)")
        }
    }

    @Test func anotherSeedGivesOtherWeights() throws {
        let folder = try TemporaryFolder()
        let one = try write(SynthesisOptions(shape: Self.tiny, seed: 1, threads: 2), to: folder.path / "1")
        let two = try write(SynthesisOptions(shape: Self.tiny, seed: 2, threads: 2), to: folder.path / "2")
        let name = "model.layers.2.mlp.up_proj.weight"
        let same = zip(try values(name, of: one), try values(name, of: two)).count { $0 == $1 }
        #expect(same < 100)
    }

    @Test func weightsAreNormallyDistributed() throws {
        let folder = try TemporaryFolder()
        let model = try write(SynthesisOptions(shape: Self.tiny, threads: 2), to: folder.path / "m")
        let weights = try values("lm_head.weight", of: model).map { Double($0) / 0.02 }
        let count = Double(weights.count)
        #expect(abs(weights.reduce(0, +) / count) < 0.02)
        #expect(abs(weights.reduce(0) { $0 + $1 * $1 } / count - 1) < 0.03)
        #expect(abs(weights.reduce(0) { $0 + $1 * $1 * $1 * $1 } / count - 3) < 0.2)
        #expect(abs(Double(weights.count { abs($0) < 1 }) / count - 0.6827) < 0.01)
        let norms = try values("model.norm.weight", of: model)
        #expect(norms.allSatisfy { abs($0 - 1) < 0.55 })
    }

    @Test func aFineTuneDiffersFromItsBaseByTheScale() throws {
        let folder = try TemporaryFolder()
        let base = try write(SynthesisOptions(shape: Self.tiny, threads: 2), to: folder.path / "base")
        let tuned = try write(
            SynthesisOptions(shape: Self.tiny, base: folder.path / "base", scale: 0.004, threads: 2),
            to: folder.path / "tuned")
        let pairs = zip(
            try values("model.embed_tokens.weight", of: base),
            try values("model.embed_tokens.weight", of: tuned))
        let deltas = pairs.map { Double($1 - $0) }
        let deviation = (deltas.reduce(0) { $0 + $1 * $1 } / Double(deltas.count)).squareRoot()
        #expect(abs(deviation - 0.004) < 0.0002)
        // Independent of the base's own numbers, though the seed is the same.
        let products = pairs.reduce(0.0) { $0 + Double($1.0) * Double($1.1 - $1.0) }
        #expect(abs(products / Double(deltas.count) / (0.02 * 0.004)) < 0.03)
    }

    @Test func aBaseOfAnotherShapeIsRefusedAndNothingIsLeft() throws {
        let folder = try TemporaryFolder()
        _ = try write(SynthesisOptions(shape: Self.tiny, threads: 2), to: folder.path / "base")
        var other = Self.tiny
        other.hidden = 32
        #expect(throws: SynthesisFailure.self) {
            try write(
                SynthesisOptions(shape: other, base: folder.path / "base", threads: 2),
                to: folder.path / "out")
        }
        #expect(!(folder.path / "out").exists)
    }

    @Test func cancellingLeavesNothing() throws {
        let folder = try TemporaryFolder()
        #expect(throws: SynthesisFailure.self) {
            try Synthesizer(SynthesisOptions(shape: Self.tiny, threads: 2)).write(
                to: folder.path / "out", written: SynthesisCounter(), isCancelled: { true })
        }
        #expect(!(folder.path / "out").exists)
    }

    @Test func anExistingFolderIsNotTouched() throws {
        let folder = try TemporaryFolder()
        try FileSystem.createFolder(folder.path / "out")
        #expect(throws: SynthesisFailure.self) {
            try write(SynthesisOptions(shape: Self.tiny, threads: 2), to: folder.path / "out")
        }
        #expect((folder.path / "out").exists)
    }
}
