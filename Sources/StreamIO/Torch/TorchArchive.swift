/// A checkpoint as `torch.save` writes it since version 1.6: a zip archive of `data.pkl`, the pickle, and one entry for
/// each storage. Its tensors are ranges of the file.
struct TorchArchive {
    /// What reading it took in memory at most, in bytes.
    private(set) var memory: UInt64 = 0
    private let file: TextFile
    private let room: UInt64

    /// - Parameter room: the most bytes of memory that reading may take.
    init(_ file: TextFile, room: UInt64) {
        self.file = file
        self.room = room
    }

    /// Hands out the tensors in the order of their dictionary, `begin` and `end` counted from the file's start.
    ///
    /// - Throws: `TorchFileError`, and what the file and `receive` throw.
    mutating func read(_ receive: (HeaderEntry) throws -> Void) throws {
        try checkStart()
        let directory = try ZipDirectory(reading: file, room: room)
        let (prefix, pickle) = try Self.pickle(directory)
        try checkByteOrder(directory, prefix)
        guard pickle.upperBound - pickle.lowerBound <= PickleMachine.byteLimit else {
            throw TorchFileError.tooMuch("bytes of pickle", limit: Int(PickleMachine.byteLimit))
        }
        var machine = PickleMachine(ByteWindow(file, pickle), room: room - directory.memory) { key in
            directory.data(of: prefix + Array("data/".utf8) + key)
        }
        let root: PickleValue
        do {
            root = try machine.run()
        } catch TorchFileError.noRoom(let needed, let tensors) {
            throw TorchFileError.noRoom(needed: needed.addingSaturated(directory.memory), tensors: tensors)
        }
        memory = directory.memory + machine.store.taken
        try Self.emit(root, machine.store, pickle.upperBound - pickle.lowerBound, receive)
    }

    private func checkStart() throws {
        let start = try file.start(upTo: 4)
        if start.starts(with: [0x50, 0x4B, 3, 4]) { return }
        throw start.first == 0x80 ? TorchFileError.legacy : .notAnArchive
    }

    /// The pickle's entry, and what stands before the names of all entries.
    private static func pickle(_ directory: ZipDirectory) throws -> (prefix: [UInt8], Range<UInt64>) {
        let ending = Array("/data.pkl".utf8)
        var found: [UInt8]?
        for number in 0..<directory.names.count {
            let name = directory.names.bytes(of: number)
            guard name.count > ending.count, name.suffix(ending.count).elementsEqual(ending),
                !name.dropLast(ending.count).contains(UInt8(ascii: "/"))
            else { continue }
            guard found == nil else { throw TorchFileError.duplicateEntry("data.pkl") }
            found = Array(name)
        }
        guard let found, let data = directory.data(of: found) else {
            throw TorchFileError.missingEntry("data.pkl")
        }
        return (Array(found.dropLast(ending.count - 1)), data)
    }

    private func checkByteOrder(_ directory: ZipDirectory, _ prefix: [UInt8]) throws {
        guard let data = directory.data(of: prefix + Array("byteorder".utf8)) else { return }
        let bytes = try file.bytes(
            at: data.lowerBound, count: Int(min(16, data.upperBound - data.lowerBound)))
        guard bytes.elementsEqual("little".utf8) else {
            throw TorchFileError.byteOrder(String(decoding: bytes, as: UTF8.self).printable)
        }
    }

    // MARK: Tensors

    /// - Parameter byteCount: of the pickle.
    private static func emit(
        _ root: PickleValue, _ store: PickleStore, _ byteCount: UInt64,
        _ receive: (HeaderEntry) throws -> Void
    ) throws {
        let dictionary = try stateDictionary(root, store)
        var entry = HeaderEntry()
        var nameBytes: UInt64 = 0
        for member in store.members(of: dictionary) {
            let name = try name(member.key, store)
            guard case .tensor(let number) = member.value else {
                throw TorchFileError.noTensors(
                    "\(String(decoding: name, as: UTF8.self).printable(atMost: 100)) is \(member.value.kind), and no tensor"
                )
            }
            entry.name.removeAll(keepingCapacity: true)
            entry.name.append(contentsOf: name)
            // Names that are each there once are all in the pickle, one after the other.
            nameBytes += UInt64(name.count)
            guard nameBytes <= byteCount else { throw TorchFileError.duplicateTensor(entry.nameText) }
            try fill(&entry, store.tensors[Int(number)], store)
            try receive(entry)
        }
    }

    private static func name(_ key: PickleValue, _ store: PickleStore) throws -> ArraySlice<UInt8> {
        guard case .text(let text) = key else {
            throw TorchFileError.noTensors("a key is \(key.kind), and no name")
        }
        let bytes = store.bytes(text)
        guard bytes.count <= SafetensorsParser.nameLimit else {
            throw TorchFileError.tooMuch("bytes in the name of a tensor", limit: SafetensorsParser.nameLimit)
        }
        guard String(validating: bytes, as: UTF8.self) != nil else {
            throw TorchFileError.noTensors("the name \(store.text(text).printable(atMost: 100)) is not UTF-8")
        }
        return bytes
    }

    /// The dictionary of tensors: what the pickle builds, or what it holds as `state_dict` or `model` beside mere
    /// values.
    private static func stateDictionary(_ root: PickleValue, _ store: PickleStore) throws -> UInt32 {
        guard case .dictionary(let outer) = root else {
            throw TorchFileError.noTensors("it holds \(root.kind), and no dictionary of tensors")
        }
        var inner: (name: String, UInt32)?
        var obstacle: String?
        for member in store.members(of: outer) {
            guard case .text(let key) = member.key else { return outer }
            let name = store.text(key)
            if case .dictionary(let number) = member.value, name == "state_dict" || name == "model",
                inner == nil
            {
                inner = (name, number)
            } else if !member.value.isPlain, obstacle == nil {
                obstacle = "\(name.printable(atMost: 100)), \(member.value.kind),"
            }
        }
        guard let inner else { return outer }
        if let obstacle {
            throw TorchFileError.noTensors("\(obstacle) stands beside the tensors in \(inner.name)")
        }
        return inner.1
    }

    /// Checks a tensor, and says where it lies.
    private static func fill(_ entry: inout HeaderEntry, _ tensor: PickleStore.Tensor, _ store: PickleStore)
        throws
    {
        let storage = store.storages[Int(tensor.storage)]
        func invalid(_ what: String) -> TorchFileError { .invalidTensor(tensor: entry.nameText, what) }
        guard let type = tensor.type ?? storage.type, tensor.type == nil || storage.type == nil else {
            throw invalid("its type is not its storage's")
        }
        guard tensor.shape.count <= SafetensorsParser.rankLimit else {
            throw invalid("more than \(SafetensorsParser.rankLimit) dimensions")
        }
        guard tensor.shape.count == tensor.strides.count else { throw invalid("a stride is missing") }
        entry.type = type
        entry.shape.removeAll(keepingCapacity: true)
        for value in store.values(tensor.shape) {
            guard case .integer(let dimension) = value, dimension >= 0 else { throw invalid("invalid shape") }
            entry.shape.append(dimension)
        }
        guard tensor.offset >= 0 else { throw invalid("it leads out of its storage") }
        guard let bits = SafetensorsHeader.bitCount(entry.shape, type) else {
            throw invalid("the shape is too large for any file")
        }
        if bits > 0, !isContiguous(entry.shape, store.values(tensor.strides)) {
            throw TorchFileError.strided(tensor: entry.nameText)
        }
        let skipped = UInt64(tensor.offset).multipliedSaturated(by: UInt64(type.bitWidth / 8))
        let room = storage.data.upperBound - storage.data.lowerBound
        // One without elements may begin anywhere.
        let begin = bits == 0 ? min(skipped, room) : skipped
        guard begin.addingSaturated(bits / 8) <= room else { throw invalid("it leads out of its storage") }
        guard let first = Int(exactly: storage.data.lowerBound + begin),
            let end = Int(exactly: UInt64(first) + bits / 8)
        else { throw invalid("it leads out of its storage") }
        (entry.begin, entry.end) = (first, end)
    }

    /// Whether the elements of a shape lie one after the other, the last dimension's nearest. Dimensions of one have no
    /// stride to speak of.
    private static func isContiguous(_ shape: [Int], _ strides: ArraySlice<PickleValue>) -> Bool {
        var expected = 1
        for (dimension, stride) in zip(shape, strides).reversed() {
            guard case .integer(let stride) = stride else { return false }
            if dimension == 1 { continue }
            guard stride == expected else { return false }
            expected = expected.multipliedSaturated(by: dimension)
        }
        return true
    }
}
