import StreamIO
import SystemPackage
import Testing

@testable import MergeReference

/// Pickles and archives that are no checkpoints: each is refused for what it is, and nothing of it happens.
@Suite struct HostileTorchTests {
    private static let foreign: [(module: String, name: String)] = [
        ("os", "system"), ("posix", "system"), ("nt", "system"), ("builtins", "eval"), ("builtins", "exec"),
        ("builtins", "getattr"), ("__builtin__", "eval"), ("subprocess", "Popen"), ("torch", "load"),
        ("torch.serialization", "load"), ("torch.hub", "load"), ("torch.storage", "_load_from_bytes"),
        ("torch._utils", "_rebuild_sparse_tensor"), ("torch._utils", "_rebuild_qtensor"),
        ("torch.jit", "load"),
        ("pickle", "loads"), ("functools", "partial"), ("copy_reg", "_reconstructor"), ("runpy", "run_path"),
        ("collections", "OrderedDict.__reduce__"), ("torch", "QInt8Storage"), ("torch", ""), ("", ""),
        ("torch._utils._rebuild_tensor_v2", "__globals__"), ("numpy.core.multiarray", "_reconstruct"),
    ]

    /// By `GLOBAL`, by `STACK_GLOBAL`, by `INST`; called, or not.
    @Test(arguments: foreign.indices, [0, 1, 2])
    func aGlobalThatNoCheckpointNeedsIsRefusedByName(_ number: Int, way: Int) {
        let (module, name) = Self.foreign[number]
        var pickle = TorchPickle(version: way == 1 ? 4 : 2)
        if way == 2 {
            pickle.add(0x28)
            pickle.add(0x69, Array("\(module)\n\(name)\n".utf8))
        } else {
            pickle.global(module, name)
            pickle.text("touch /tmp/executed")
            pickle.add(0x85)
            pickle.add(0x52)
        }
        pickle.add(0x2E)
        #expect(TorchFolder().refusal(pickle: pickle.bytes) == .foreignGlobal("\(module).\(name)"))
    }

    /// `OBJ`, `NEWOBJ`, `NEWOBJ_EX`, `EXT1`, sets, buffers, and all of protocols 0 and 1.
    @Test(arguments: [
        0x6F, 0x81, 0x92, 0x82, 0x83, 0x84, 0x8F, 0x90, 0x91, 0x96, 0x97, 0x98, 0x49, 0x4C, 0x46, 0x53, 0x56,
        0x50,
        0x67, 0x70, 0x00, 0xFF,
    ])
    func anOpcodeThatNoCheckpointNeedsIsRefused(_ opcode: UInt8) {
        var pickle = TorchPickle()
        pickle.global("collections", "OrderedDict")
        pickle.add(0x29)
        pickle.add(opcode, [1, 0, 0, 0, 0, 0, 0, 0])
        pickle.add(0x2E)
        guard case .foreignOpcode(_, let offset) = TorchFolder().refusal(pickle: pickle.bytes) else {
            Issue.record("\(opcode) is not refused")
            return
        }
        #expect(offset == UInt64(pickle.bytes.count - 10))
    }

    @Test func oneOpcodeAfterAnotherEndsAtALimit() {
        let folder = TorchFolder()
        func limit(_ body: (inout TorchPickle) -> Void) -> TorchFileError? {
            var pickle = TorchPickle()
            body(&pickle)
            pickle.add(0x2E)
            return folder.refusal(pickle: pickle.bytes)
        }
        func isTooMuch(_ error: TorchFileError?, _ what: String) -> Bool {
            guard case .tooMuch(let text, _) = error else { return false }
            return text.contains(what)
        }
        // Nones, marks and copies upon each other.
        #expect(isTooMuch(limit { $0.raw(Array(repeating: 0x4E, count: 1_000_000)) }, "stack"))
        #expect(isTooMuch(limit { $0.raw(Array(repeating: 0x28, count: 1_000_000)) }, "marks"))
        #expect(isTooMuch(limit { $0.raw([0x4E] + Array(repeating: 0x32, count: 1_000_000)) }, "stack"))
        // Tuples in tuples, a million deep: they take memory and no stack.
        let nested = limit { $0.raw([0x29] + Array(repeating: 0x85, count: 1_000_000)) }
        #expect(nested == .noTensors("it holds a tuple, and no dictionary of tensors"))
        // A memo of its own size, and one far beyond.
        #expect(isTooMuch(limit { $0.raw([0x4E, 0x72, 0xFF, 0xFF, 0xFF, 0xFF]) }, "kept"))
        #expect(isTooMuch(limit { $0.raw([0x4E, 0x72, 0xFF, 0x11, 0x7A, 0x00]) }, "memory"))
        // Every value twice as large as the one before it.
        var doubling: [UInt8] = [0x29, 0x71, 0, 0x30]
        for _ in 0..<100_000 { doubling += [0x68, 0, 0x68, 0, 0x86, 0x71, 0, 0x30] }
        doubling += [0x68, 0]
        #expect(limit { $0.raw(doubling) } == .noTensors("it holds a tuple, and no dictionary of tensors"))
        // Strings that say more than there is.
        for opcode: UInt8 in [0x58, 0x54] {
            #expect(isTooMuch(limit { $0.raw([opcode, 0xFF, 0xFF, 0xFF, 0xFF]) }, "string"))
        }
        guard case .invalidPickle = limit({ $0.raw([0x8E] + Array(repeating: 0xFF, count: 8)) }) else {
            Issue.record("bytes without end")
            return
        }
        #expect(isTooMuch(limit { $0.raw([0x8D] + Array(repeating: 0xFF, count: 8)) }, "string"))
        #expect(isTooMuch(limit { $0.raw([0x63] + Array(repeating: 0x61, count: 1000)) }, "name"))
    }

    /// One key for a hundred thousand tensors of 64 dimensions, and dictionaries that hold themselves.
    @Test func whatIsSharedIsNoLargerThanThePickle() {
        let folder = TorchFolder()
        var pickle = Self.tensor(
            name: String(repeating: "n", count: 4000), storage: "0", count: 3, shape: [3])
        // The key and the value once more, again and again.
        for _ in 0..<50_000 { pickle.raw([0x68, 200, 0x68, 201]) }
        pickle.add(0x75)
        pickle.add(0x2E)
        guard case .duplicateTensor = folder.refusal(pickle: pickle.bytes) else {
            Issue.record("\(String(describing: folder.refusal(pickle: pickle.bytes)))")
            return
        }
        var own = TorchPickle()
        own.raw([0x7D, 0x71, 200])
        own.text("state_dict")
        own.raw([0x68, 200, 0x73, 0x2E])
        guard case .noTensors = folder.refusal(pickle: own.bytes) else {
            Issue.record("a dictionary of itself")
            return
        }
    }

    /// A pickle as far as the first member of its dictionary: the key is kept as 200, the tensor as 201.
    private static func tensor(
        name: String, storage: String, count: Int, offset: Int = 0, shape: [Int], strides: [Int]? = nil,
        type: String = "FloatStorage", function: String = "_rebuild_tensor_v2"
    ) -> TorchPickle {
        var pickle = TorchPickle()
        pickle.raw([0x7D, 0x28])
        pickle.text(name)
        pickle.raw([0x71, 200])
        pickle.global("torch._utils", function)
        pickle.raw([0x28, 0x28])
        pickle.text("storage")
        pickle.global("torch", type)
        pickle.text(storage)
        pickle.text("cpu")
        pickle.integer(count)
        pickle.raw([0x74, 0x51])
        pickle.integer(offset)
        pickle.integers(shape)
        pickle.integers(strides ?? shape.indices.map { shape[($0 + 1)...].reduce(1, &*) })
        pickle.add(0x89)
        pickle.orderedDictionary()
        pickle.raw([0x74, 0x52, 0x71, 201])
        return pickle
    }

    private static func refusal(_ pickle: TorchPickle) -> String {
        var pickle = pickle
        pickle.raw([0x75, 0x2E])
        return TorchFolder().refusal(pickle: pickle.bytes).map { "\($0)" } ?? "none"
    }

    /// The first storage has 12 bytes.
    @Test func aTensorThatCannotBeIsNamed() {
        func tensor(
            count: Int = 3, offset: Int = 0, _ shape: [Int], _ strides: [Int]? = nil, storage: String = "0",
            type: String = "FloatStorage"
        ) -> String {
            Self.refusal(
                Self.tensor(
                    name: "weight", storage: storage, count: count, offset: offset, shape: shape,
                    strides: strides,
                    type: type))
        }
        #expect(
            tensor([3]) == "none" && tensor([1, 3, 1], [77, 1, 5]) == "none" && tensor([0], [0]) == "none")
        #expect(tensor(offset: 2, []) == "none" && tensor(offset: 1, [2]) == "none")
        #expect(tensor(count: 6, [2, 3], type: "HalfStorage") == "none")
        for (shape, strides) in [([2], [2]), ([2, 2], [1, 2]), ([3], [0]), ([2], [-1])] {
            #expect(
                tensor(shape, strides).hasPrefix("tensor weight: its elements do not lie one after the other")
            )
        }
        for (offset, shape) in [
            (-1, [1]), (1, [3]), (3, [1]), (0, [2, 2]), (Int.max, [1]), (Int.max / 4 + 1, [1]),
        ] {
            #expect(tensor(offset: offset, shape) == "tensor weight: it leads out of its storage")
        }
        #expect(tensor([Int.max, Int.max], [1, 1]).hasPrefix("tensor weight: the shape"))
        #expect(tensor([-1], [1]) == "tensor weight: invalid shape")
        #expect(tensor([3], [1, 1]) == "tensor weight: a stride is missing")
        #expect(tensor(Array(repeating: 1, count: 65)).hasPrefix("tensor weight: more than 64 dimensions"))
        #expect(tensor(count: 4, [3]).contains("storage 0 has 16 bytes, and the archive's data/0 12"))
        #expect(tensor(count: .max, [3]).contains("storage 0 has"))
        #expect(tensor(count: -3, [3]).contains("a storage without"))
        #expect(tensor([3], storage: "17") == "the archive has no data/17")
        #expect(tensor([3], storage: "../data.pkl") == "the archive has no data/../data.pkl")
        #expect(tensor([3], type: "Size").contains("a storage without"))
    }

    @Test func whatIsNoDictionaryOfTensorsIsNamed() {
        func wrapped(_ key: String, _ body: (inout TorchPickle) -> Void) -> String {
            var pickle = Self.tensor(name: "weight", storage: "0", count: 3, shape: [3])
            pickle.text(key)
            body(&pickle)
            return Self.refusal(pickle)
        }
        #expect(wrapped("optimizer") { $0.emptyDictionary() } == "optimizer is a dictionary, and no tensor")
        #expect(wrapped("epoch") { $0.integer(3) } == "epoch is a number, and no tensor")
        #expect(wrapped("other") { $0.raw([0x5D]) } == "other is a list, and no tensor")
        #expect(
            wrapped("state_dict") { $0.emptyDictionary() }
                == "weight, a tensor, stands beside the tensors in state_dict")
        #expect(wrapped("weight") { $0.raw([0x68, 201]) } == "tensor weight is there twice")
        var keyed = TorchPickle()
        keyed.raw([0x7D, 0x4B, 1, 0x4E, 0x73, 0x2E])
        #expect(TorchFolder().refusal(pickle: keyed.bytes) == .noTensors("a key is a number, and no name"))
        // Attributes of anything but a dictionary.
        #expect(wrapped("x") { $0.raw([0x68, 201, 0x7D, 0x62]) }.contains("attributes of a tensor"))
    }

    // MARK: The archive

    private static func entries() -> [TorchFile.Entry] { TorchFile(tensors: TorchFolder.tensors).entries() }

    @Test func anArchiveThatIsNoCheckpointsIsNamed() {
        let folder = TorchFolder()
        let style = TorchFile.Style()
        var entries = Self.entries()
        entries[2].method = 8
        #expect(folder.refusal(TorchFile.archive(entries, style)) == .compressed(entry: "archive/data/0"))
        entries = Self.entries()
        entries.append(entries[3])
        #expect(folder.refusal(TorchFile.archive(entries, style)) == .duplicateEntry("archive/data/1"))
        entries = Self.entries()
        entries[0].name = "archive/constants.pkl"
        #expect(folder.refusal(TorchFile.archive(entries, style)) == .missingEntry("data.pkl"))
        entries = Self.entries()
        entries.append(TorchFile.Entry(name: "other/data.pkl", data: entries[0].data))
        #expect(folder.refusal(TorchFile.archive(entries, style)) == .duplicateEntry("data.pkl"))
        #expect(
            folder.refusal(TorchFile(tensors: TorchFolder.tensors, style: .init(byteOrder: "big")).encoded())
                == .byteOrder("big"))
        #expect(folder.refusal([0x80, 2, 0x8A, 10, 0x6C, 0xFC]) == .legacy)
        #expect(folder.refusal([]) == .notAnArchive && folder.refusal([0x1F, 0x8B, 8]) == .notAnArchive)
        #expect(folder.refusal(TorchFile.archive([], style)) != nil)
    }

    @Test(arguments: [false, true])
    func aDirectoryThatFitsNoFileIsRefused(isWide: Bool) throws {
        let folder = TorchFolder()
        let file = TorchFile(
            tensors: TorchFolder.tensors, style: TorchFile.Style(isWide: isWide, hasDescriptors: false)
        ).encoded()
        _ = try folder.open(file)
        /// The places of a record's signature.
        func places(_ signature: [UInt8]) -> [Int] {
            file.indices.dropLast(3).filter { Array(file[$0..<$0 + 4]) == signature }
        }
        let entries = places([0x50, 0x4B, 1, 2])
        #expect(entries.count == Self.entries().count)
        func damaged(_ at: Int, _ bytes: [UInt8]) -> TorchFileError? {
            var file = file
            for (number, byte) in bytes.enumerated() { file[at + number] = byte }
            return folder.refusal(file)
        }
        let field = isWide ? 46 + "archive/data/1".utf8.count + 4 : 0
        // The second storage lies where the first does: its own header is of another name, or it overlaps.
        let first = Array(
            file[entries[2] + (isWide ? field + 16 : 42)..<entries[2] + (isWide ? field + 24 : 46)])
        #expect(damaged(entries[3] + (isWide ? field + 16 : 42), first) == .overlap(entry: "archive/data/1"))
        // A size that leads over the next entry, or out of the file.
        let sizes = isWide ? [field, field + 8] : [20, 24]
        func sized(_ bytes: [UInt8]) -> TorchFileError? {
            var file = file
            for at in sizes {
                for (number, byte) in bytes.enumerated() { file[entries[2] + at + number] = byte }
            }
            return folder.refusal(file)
        }
        #expect(sized([100]) == .headerMismatch(entry: "archive/data/0", field: "size"))
        #expect(sized([0, 0, 0, 0x7F]) == .beyondFile(entry: "archive/data/0"))
        if isWide { #expect(sized(Array(repeating: 0xFF, count: 8)) == .beyondFile(entry: "archive/data/0")) }
        // Of the two sizes only one.
        #expect(damaged(entries[2] + sizes[0], [100]) == .compressed(entry: "archive/data/0"))
        #expect(damaged(entries[2] + 8, [1]) == .encrypted(entry: "archive/data/0"))
        // Another name in the header, another method, another checksum.
        let headers = places([0x50, 0x4B, 3, 4])
        #expect(damaged(headers[2] + 30, [0x41]) == .headerMismatch(entry: "archive/data/0", field: "name"))
        #expect(damaged(headers[2] + 8, [8]) == .headerMismatch(entry: "archive/data/0", field: "method"))
        #expect(
            damaged(headers[2] + 14, [1, 2, 3]) == .headerMismatch(entry: "archive/data/0", field: "checksum")
        )
        #expect(damaged(headers[2], [0]) == .headerMismatch(entry: "archive/data/0", field: "signature"))
        // The field before the data leads into the directory.
        #expect(damaged(headers[2] + 28, [0xFF, 0xFF]) == .beyondFile(entry: "archive/data/0"))
        // Entries without end, and a directory elsewhere.
        let end = try #require(places([0x50, 0x4B, 5, 6]).last)
        guard case .invalidDirectory = damaged(end + 8, [0xFE, 0xFF, 0xFE, 0xFF]),
            case .invalidDirectory = damaged(end + 16, [0, 0, 0, 0]),
            case .invalidDirectory = damaged(end + 4, [1])
        else {
            Issue.record("a directory that cannot be")
            return
        }
    }

    @Test(arguments: [TorchFile.Style(), TorchFile.Style(alignment: 0, isWide: true, hasDescriptors: false)])
    func aFileCutShortAtAnyByteIsRefused(_ style: TorchFile.Style) {
        let folder = TorchFolder()
        let file = TorchFile(tensors: TorchFolder.tensors, style: style).encoded()
        for count in 0..<file.count {
            #expect(folder.refusal(Array(file[..<count])) != nil, "cut at \(count)")
        }
        // A pickle in a whole file, cut short.
        let pickle = TorchFile(tensors: TorchFolder.tensors, style: style).entries()[0].data
        for count in 0..<pickle.count {
            #expect(folder.refusal(pickle: Array(pickle[..<count])) != nil, "pickle cut at \(count)")
        }
    }
}
