import StreamIO
import SystemPackage
import Testing

@testable import MergeReference

/// `.bin` checkpoints opened as folders are, by what their files say.
@Suite struct TorchCheckpointTests {
    private static let shards = ["pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"]

    private static func tensor(_ name: String) -> TensorFile.Tensor {
        TensorFile.Tensor(name: name, type: .u8, shape: [3], bytes: [1, 2, 3])
    }

    private static func file(_ names: String...) -> [UInt8] {
        TorchFile(tensors: names.map(tensor)).encoded()
    }

    @Test func everyTensorIsARangeOfTheFile() throws {
        let folder = TorchFolder()
        let bytes = TorchFile(tensors: TorchFolder.tensors).encoded()
        let checkpoint = try folder.open(bytes)
        #expect(checkpoint.format == .torch && checkpoint.shards.count == 1 && checkpoint.remark == nil)
        #expect(checkpoint.tensors.count == TorchFolder.tensors.count)
        for right in TorchFolder.tensors {
            let tensor = try #require(checkpoint.tensor(named: right.name))
            #expect(tensor.type.rawValue == right.type.rawValue && tensor.shape == right.shape)
            #expect(Array(bytes[Int(tensor.offset)..<Int(tensor.offset + tensor.byteCount)]) == right.bytes)
        }
    }

    @Test func anyByteOfThePickleIsPartOfTheChecksum() throws {
        let folder = TorchFolder()
        let one = try folder.open(Self.file("a", "b")).shards[0]
        let other = try folder.open(Self.file("a", "c")).shards[0]
        #expect(one.byteCount == other.byteCount && one.headerChecksum != other.headerChecksum)
        #expect(try folder.open(Self.file("a", "b")).shards[0].headerChecksum == one.headerChecksum)
    }

    @Test(arguments: [
        nil, "{", #"{"weight_map": {"a": "pytorch_model-00001-of-00030.bin"}}"#,
        #"{"weight_map": {"a": "model-00001-of-00002.safetensors"}}"#,
        #"{"weight_map": {"a": "../pytorch_model-00001-of-00002.bin"}}"#,
        #"{"weight_map": {"a": "pytorch_model-00002-of-00002.bin", "c": "pytorch_model-00002-of-00002.bin"}}"#,
    ])
    func theFilesOfACompleteSetDecideWithoutAnIndexAndOverAStaleOne(index: String?) throws {
        let folder = TorchFolder()
        func write(_ bytes: [UInt8], _ name: String) throws {
            try FileSystem.writeWhole(bytes, to: folder.path.appending(name), sync: false)
        }
        try write(Self.file("a", "b"), Self.shards[0])
        try write(Self.file("c"), Self.shards[1])
        if let index { try write(Array(index.utf8), "pytorch_model.bin.index.json") }
        let checkpoint = try Checkpoint(opening: folder.path)
        #expect(checkpoint.tensors.map(\.name) == ["a", "b", "c"] && checkpoint.format == .torch)
        #expect(checkpoint.remark?.contains("pytorch_model.bin.index.json") == true)
        // Of a set that is not complete nobody knows what is missing.
        try FileSystem.remove(folder.path.appending(Self.shards[1]))
        #expect(throws: CheckpointError.self) { try Checkpoint(opening: folder.path) }
    }

    @Test func aRightIndexIsBelieved() throws {
        let folder = TorchFolder()
        let groups = [["a", "b"], ["c"]].map { $0.map(Self.tensor) }
        try TorchFile.write(groups, TorchFile.Style(), config: "{}", to: folder.path.string)
        let checkpoint = try Checkpoint(opening: folder.path)
        #expect(checkpoint.tensors.map(\.shard) == [0, 0, 1] && checkpoint.remark == nil)
    }

    @Test func thePartsOfAnotherFormatAreNoModel() throws {
        let folder = TorchFolder()
        for name in ["training_args.bin", "optimizer.bin"] {
            try FileSystem.writeWhole(Self.file("a"), to: folder.path.appending(name), sync: false)
        }
        let error = try #require(throws: CheckpointError.self) { try Checkpoint(opening: folder.path) }
        #expect(error.reason == .pickled(file: "optimizer.bin"))
    }

    @Test func moreMemoryThanThereIsIsAskedForBeforeItIsTaken() throws {
        let folder = TorchFolder()
        let tensors = (0..<2000).map { Self.tensor("model.layers.\($0).mlp.up_proj.weight") }
        let bytes = TorchFile(tensors: tensors).encoded()
        #expect(try folder.open(bytes).tensors.count == 2000)
        var room: UInt64 = 1 << 14
        var refusals = 0
        // What is asked for does, in the end.
        while true {
            do throws(CheckpointError) {
                _ = try Checkpoint(opening: folder.path, room: room)
                break
            } catch {
                guard case .tooLarge(let needed, _) = error.reason else { throw error }
                #expect(needed > room)
                room = needed
                refusals += 1
            }
        }
        #expect((1...4).contains(refusals) && room < 32 << 20, "\(refusals), \(room)")
    }
}
