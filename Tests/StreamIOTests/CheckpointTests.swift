import Glibc
import StreamIO
import SystemPackage
import Testing

@Suite struct CheckpointTests {
    /// A safetensors file of one-byte tensors of the given names.
    static func shard(_ names: String...) -> [UInt8] {
        let header = SafetensorsHeader(
            layingOut: names.map { (name: $0, type: ElementType.u8, shape: [3]) })
        return header.encoded() + [UInt8](repeating: 7, count: Int(header.dataByteCount))
    }

    static func index(_ map: [(String, String)]) -> [UInt8] {
        let object = JSONObject(map.map { ($0.0, JSON.string($0.1)) })
        return Array(JSON.object(JSONObject([("weight_map", .object(object))])).serialized().utf8)
    }

    static func error(_ folder: FilePath) throws -> CheckpointError {
        try #require(throws: CheckpointError.self) { _ = try Checkpoint(opening: folder) }
    }

    @Test func opensASingleFile() throws {
        let folder = TemporaryFolder()
        let bytes = Self.shard("b", "a")
        try folder.write(bytes, "model.safetensors")
        let checkpoint = try Checkpoint(opening: folder.path)
        #expect(checkpoint.tensors.map(\.name) == ["b", "a"])
        #expect(checkpoint.tensors.map(\.offset) == [4096, 4099])
        #expect(checkpoint.tensor(named: "a")?.byteCount == 3)
        #expect(checkpoint.tensor(named: "c") == nil)
        #expect(checkpoint.shards[0].byteCount == UInt64(bytes.count))
        #expect(checkpoint.shards[0].headerChecksum == CRC32C.of(Array(bytes[..<4096])))
        #expect(checkpoint.metadata == ["format": "pt"])
    }

    @Test func ordersTensorsByFileNameThenOffset() throws {
        let folder = TemporaryFolder()
        try folder.write(Self.shard("z", "y"), "m-2.safetensors")
        try folder.write(Self.shard("x", "w"), "m-1.safetensors")
        let map = [("z", "m-2"), ("w", "m-1"), ("y", "m-2"), ("x", "m-1")].map {
            ($0.0, $0.1 + ".safetensors")
        }
        try folder.write(Self.index(map), "model.safetensors.index.json")
        let checkpoint = try Checkpoint(opening: folder.path)
        #expect(checkpoint.tensors.map(\.name) == ["x", "w", "z", "y"])
        #expect(checkpoint.tensors.map(\.shard) == [0, 0, 1, 1])
    }

    @Test func takesTheOnlyFileWhateverItsName() throws {
        let folder = TemporaryFolder()
        try folder.write(Self.shard("a"), "adapter.safetensors")
        try folder.write(Self.shard("b"), ".hidden.safetensors")
        #expect(try Checkpoint(opening: folder.path).tensors.map(\.name) == ["a"])
    }

    @Test func followsLinks() throws {
        let folder = TemporaryFolder()
        try folder.write(Self.shard("a"), "blob")
        try FileSystem.createFolder(folder.file("snapshot"))
        let link = folder.file("snapshot").appending("model.safetensors")
        try #require(symlink("../blob", link.string) == 0)
        let checkpoint = try Checkpoint(opening: folder.file("snapshot"))
        #expect(checkpoint.shards[0].inode == (try FileSystem.status(folder.file("blob"))?.inode))
        #expect(checkpoint.shards[0].path == link)
    }

    @Test func namesWhatIsMissing() throws {
        let folder = TemporaryFolder()
        #expect(try Self.error(folder.path).reason == .noModel)
        let absent = try Self.error(folder.file("absent"))
        #expect(absent.isMissingInput && absent.path == folder.file("absent"))
        try folder.write([], "config.json")
        #expect(try Self.error(folder.file("config.json")).reason == .notAFolder)
        try folder.write([], "pytorch_model-00001-of-00002.bin")
        let pickled = try Self.error(folder.path)
        #expect(pickled.reason == .pickled(file: "pytorch_model-00001-of-00002.bin"))
        #expect(!pickled.isMissingInput && "\(pickled)".contains("finish the download, or convert"))
        try folder.write([], "b.safetensors")
        try folder.write([], "a.safetensors")
        #expect(try Self.error(folder.path).reason == .ambiguous(files: ["a.safetensors", "b.safetensors"]))
        try folder.write(Array("version https://git-lfs.github.com/spec/v1\n".utf8), "model.safetensors")
        #expect(try Self.error(folder.path).reason == .lfsPointer)
    }

    @Test(arguments: [
        ("tf_model.h5", "TensorFlow's format"), ("flax_model.msgpack", "Flax's format"),
        ("model.onnx", "ONNX"),
        ("Model-Q4.GGUF", "GGUF"),
    ])
    func namesTheFormatThatAModelIsOnlyThereIn(file: String, format: String) throws {
        let folder = TemporaryFolder()
        try folder.write([], "config.json")
        try folder.write([1], file)
        let error = try Self.error(folder.path)
        #expect(error.reason == .foreign(file: file) && !error.isMissingInput)
        #expect(error.problem == "the model is only there in \(format) (\(file))")
        // The same below, and with a model beside it.
        let above = TemporaryFolder()
        try FileSystem.createFolder(above.file("onnx"))
        try above.write([1], "onnx/\(file)")
        #expect(try Self.error(above.path).reason == .foreign(file: "onnx/\(file)"))
        try folder.write(Self.shard("a"), "model.safetensors")
        #expect(try Checkpoint(opening: folder.path).tensors.map(\.name) == ["a"])
    }

    @Test func namesSubfoldersThatHoldTheModel() throws {
        let folder = TemporaryFolder()
        for name in ["checkpoint-1000", "checkpoint-200", "logs", "adapter"] {
            try FileSystem.createFolder(folder.file(name))
        }
        try folder.write([1], "adapter/adapter_model.safetensors")
        #expect(try Self.error(folder.path).reason == .noModel)
        try folder.write([1], "checkpoint-200/pytorch_model.bin")
        let one = try Self.error(folder.path)
        #expect(one.reason == .elsewhere(folders: ["checkpoint-200"]) && one.isMissingInput)
        #expect(one.remedy == "name that folder: \(folder.file("checkpoint-200"))")
        try folder.write(Self.shard("a"), "checkpoint-1000/model.safetensors")
        let two = try Self.error(folder.path)
        #expect(two.reason == .elsewhere(folders: ["checkpoint-200", "checkpoint-1000"]))
        // Hugging Face's cache.
        let hub = "models--Org--Base"
        for place in ["", "/refs", "/snapshots", "/snapshots/0123abcd"] {
            try FileSystem.createFolder(folder.file(hub + place))
        }
        try folder.write(Self.shard("a"), "\(hub)/snapshots/0123abcd/model.safetensors")
        let cached = try Self.error(folder.file(hub))
        #expect(cached.reason == .elsewhere(folders: ["snapshots/0123abcd"]))
        #expect(cached.remedy == "name that folder: \(folder.file(hub))/snapshots/0123abcd")
        #expect(two.remedy == "name one of them, as \(folder.file("checkpoint-1000"))")
    }

    @Test(arguments: [
        ("<!DOCTYPE html><html>", CheckpointError.Reason.webPage), ("\n  <html lang=\"en\">", .webPage),
        ("<?xml version=\"1.0\"?><Error>", .webPage),
        ("Invalid username or password.\n", .text("Invalid username or password.")),
        ("{\"error\":\"Repository not found\"}", .text("{\"error\":\"Repository not found\"}")),
        ("PK\u{3}\u{4}abcdefgh", .archive), ("short", .invalidFile(.fileTooShort(byteCount: 5))),
    ])
    func namesWhatIsThereInPlaceOfAFile(text: String, reason: CheckpointError.Reason) throws {
        let folder = TemporaryFolder()
        try folder.write(Array(text.utf8), "model.safetensors")
        #expect(try Self.error(folder.path).reason == reason)
        guard reason == .webPage else { return }
        try FileSystem.remove(folder.file("model.safetensors"))
        try folder.write(Array(text.utf8), "pytorch_model.bin")
        #expect(try Self.error(folder.path).reason == reason)
    }

    @Test func namesABrokenFile() throws {
        let folder = TemporaryFolder()
        try folder.write([1, 2, 3], "model.safetensors")
        let error = try Self.error(folder.path)
        #expect(error.reason == .invalidFile(.fileTooShort(byteCount: 3)) && !error.isMissingInput)
        #expect(error.path.lastComponent?.string == "model.safetensors")
        try FileSystem.remove(folder.file("model.safetensors"))
        try folder.write(Array(Self.shard("a", "b").dropLast()), "model.safetensors")
        #expect(try Self.error(folder.path).reason == .invalidFile(.invalidOffsets(tensor: "b")))
        try FileSystem.remove(folder.file("model.safetensors"))
        try FileSystem.createFolder(folder.file("model.safetensors"))
        #expect(try Self.error(folder.path).reason == .notAFile)
    }

    @Test func doesNotBlockOnAPipe() throws {
        let folder = TemporaryFolder()
        try #require(mkfifo(folder.file("model.safetensors").string, 0o600) == 0)
        #expect(try Self.error(folder.path).reason == .notAFile)
    }

    static let brokenIndexes: [(map: [(String, String)], reason: CheckpointError.Reason, isMissing: Bool)] = [
        ([("a", "one.safetensors")], .tensorNotInIndex(tensor: "b"), false),
        (
            [("a", "one.safetensors"), ("b", "one.safetensors"), ("c", "one.safetensors")],
            .tensorNotInShard(tensor: "c", shard: "one.safetensors"), false
        ),
        (
            [("a", "one.safetensors"), ("b", "one.safetensors"), ("c", "two.safetensors")],
            .missingShard("two.safetensors"), true
        ),
        ([("a", "../one.safetensors")], .invalidShardName("../one.safetensors"), false),
        ([("a", "/etc/one.safetensors")], .invalidShardName("/etc/one.safetensors"), false),
        ([("a", "sub/one.safetensors")], .invalidShardName("sub/one.safetensors"), false),
        ([("a", "..")], .invalidShardName(".."), false),
        ([("a", "one.bin")], .invalidShardName("one.bin"), false),
        ([("a", "one\0.safetensors")], .invalidShardName("one\0.safetensors"), false),
        ([("a", "")], .invalidShardName(""), false),
        ([], .invalidIndex("weight_map is empty"), false),
    ]

    @Test(arguments: brokenIndexes.indices)
    func namesAnIndexThatDoesNotFit(_ number: Int) throws {
        let broken = Self.brokenIndexes[number]
        let folder = TemporaryFolder()
        try folder.write(Self.shard("a", "b"), "one.safetensors")
        try folder.write(Self.index(broken.map), "model.safetensors.index.json")
        let error = try Self.error(folder.path)
        #expect(error.reason == broken.reason)
        #expect(error.isMissingInput == broken.isMissing)
    }

    private static let set = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]

    @Test(arguments: [
        "{", #"{"weight_map": {"a": "model-00001-of-00030.safetensors"}}"#,
        #"{"weight_map": {"a": "model-00002-of-00002.safetensors", "c": "model-00002-of-00002.safetensors"}}"#,
        #"{"weight_map": {"a": "model-00001-of-00002.safetensors", "x": "model-00009-of-00009.safetensors"}}"#,
    ])
    func theHeadersOfACompleteSetDecideOverAStaleIndex(index: String) throws {
        let folder = TemporaryFolder()
        try folder.write(Self.shard("a", "b"), Self.set[0])
        try folder.write(Self.shard("c"), Self.set[1])
        try folder.write(Array(index.utf8), "model.safetensors.index.json")
        let checkpoint = try Checkpoint(opening: folder.path)
        #expect(checkpoint.tensors.map(\.name) == ["a", "b", "c"])
        #expect(checkpoint.remark?.contains("the files' headers decide") == true)
        // Of a set that is not complete nobody knows what is missing.
        try FileSystem.remove(folder.file(Self.set[1]))
        #expect(throws: CheckpointError.self) { try Checkpoint(opening: folder.path) }
    }

    @Test func aCompleteSetNeedsNoIndex() throws {
        let folder = TemporaryFolder()
        try folder.write(Self.shard("b"), Self.set[1])
        try folder.write(Self.shard("a"), Self.set[0])
        let checkpoint = try Checkpoint(opening: folder.path)
        #expect(checkpoint.tensors.map(\.name) == ["a", "b"] && checkpoint.remark != nil)
        try FileSystem.remove(folder.file(Self.set[0]))
        try folder.write(Self.shard("b"), Self.set[0])
        #expect(
            try Self.error(folder.path).reason
                == .invalidFile(.duplicateTensor("b")))
        try folder.write(Self.shard("c"), "model-00003-of-00003.safetensors")
        guard case .ambiguous = try Self.error(folder.path).reason else {
            Issue.record("two sets are one")
            return
        }
    }

    @Test func mistralsOwnLayoutIsPassedOverAndNamedWhereItIsAlone() throws {
        let folder = TemporaryFolder()
        try folder.write(Self.shard("x"), "consolidated.safetensors")
        #expect(try Self.error(folder.path).reason == .consolidated(file: "consolidated.safetensors"))
        try folder.write(Self.shard("a"), "weights.safetensors")
        #expect(try Checkpoint(opening: folder.path).tensors.map(\.name) == ["a"])
    }

    @Test func aTensorInTwoFilesIsNamed() throws {
        let folder = TemporaryFolder()
        try folder.write(Self.shard("a", "b"), "1.safetensors")
        try folder.write(Self.shard("c", "a"), "2.safetensors")
        let map = [("a", "1.safetensors"), ("b", "1.safetensors"), ("c", "2.safetensors")]
        try folder.write(Self.index(map), "model.safetensors.index.json")
        let error = try Self.error(folder.path)
        #expect(error.reason == .tensorNotInIndex(tensor: "a"))
        #expect(error.path.lastComponent?.string == "2.safetensors")
    }

    @Test(arguments: ["", "[]", "{}", #"{"weight_map": []}"#, #"{"weight_map": {"a": 1}}"#, "{"])
    func namesAnIndexThatIsNone(_ text: String) throws {
        let folder = TemporaryFolder()
        try folder.write(Array(text.utf8), "model.safetensors.index.json")
        guard case .invalidIndex = try Self.error(folder.path).reason else {
            Issue.record("not an index error")
            return
        }
    }

    /// A model of so many tensors in so many files.
    private static func writeModel(tensors: Int, files: Int, to folder: borrowing TemporaryFolder) throws {
        var map: [(String, String)] = []
        for file in 0..<files {
            let name = "m-\(file).safetensors"
            let names = stride(from: file, to: tensors, by: files).map { "model.layers.\($0).weight" }
            let header = SafetensorsHeader(
                layingOut: names.map { (name: $0, type: ElementType.u8, shape: [1, 1]) })
            try folder.write(header.encoded() + [UInt8](repeating: 7, count: names.count), name)
            map += names.map { ($0, name) }
        }
        try folder.write(index(map.shuffled()), "model.safetensors.index.json")
    }

    @Test func whatTheTensorsTakeIsCountedBeforeItIsTaken() throws {
        let folder = TemporaryFolder()
        try Self.writeModel(tensors: 1_000, files: 7, to: folder)
        let checkpoint = try Checkpoint(opening: folder.path)
        #expect(checkpoint.tensors.count == 1_000)
        #expect(checkpoint.tensors.allSatisfy { checkpoint.tensor(named: $0.name) == $0 })
        // 53 bytes, the name and the dimensions.
        #expect(checkpoint.memory < 1_000 * (53 + 25 + 16))
        #expect(try Checkpoint(opening: folder.path, room: checkpoint.memory).tensors == checkpoint.tensors)
        let error = try #require(throws: CheckpointError.self) {
            _ = try Checkpoint(opening: folder.path, room: checkpoint.memory - 1)
        }
        #expect(error.reason == .tooLarge(needed: checkpoint.memory, tensors: 1_000))
        #expect(error.path == folder.path && !error.isMissingInput)
    }

    @Test func openingStopsWheneverItIsAsked() throws {
        let folder = TemporaryFolder()
        try Self.writeModel(tensors: 60, files: 3, to: folder)
        var asked = 0
        _ = try Checkpoint(
            opening: folder.path,
            isStopped: {
                asked += 1
                return false
            })
        // Each file is read twice.
        #expect(asked == 2 * 4)
        for limit in 1...asked {
            var count = 0
            let error = try #require(throws: CheckpointError.self) {
                _ = try Checkpoint(
                    opening: folder.path,
                    isStopped: {
                        count += 1
                        return count == limit
                    })
            }
            #expect(error.reason == .stopped && count == limit)
        }
    }

    @Test func aNameTwiceInAnIndexIsNamed() throws {
        let folder = TemporaryFolder()
        try folder.write(Self.shard("a"), "one.safetensors")
        let text = #"{"weight_map": {"a": "one.safetensors", "\u0061": "one.safetensors"}}"#
        try folder.write(Array(text.utf8), "model.safetensors.index.json")
        #expect(try Self.error(folder.path).reason == .invalidIndex("tensor a is there twice"))
    }
}
