import SystemPackage

/// `model.safetensors.index.json`, or `pytorch_model.bin.index.json`: which file of the folder holds which tensor.
///
/// Read twice: once to count, so that what the names take is known before it is taken, and once to keep them.
struct CheckpointIndex {
    /// The most files that an index may name.
    static let shardLimit = 10_000
    /// The most keys beside `weight_map`.
    private static let keyLimit = 64
    private static let depthLimit = 64

    let path: FilePath
    private let format: CheckpointFormat
    /// Each once, in the order of their bytes.
    let shardNames: [String]
    /// Tensors that it names, and the bytes of their names.
    let extent: TensorTable.Extent
    /// The files' numbers in the order of their bytes, by their numbers in the order in which they are named.
    private let order: [Int]
    /// CRC-32C of the file.
    private let checksum: UInt32
    private let folders: ReadableFolders
    private let isStopped: () -> Bool

    /// Reads the index and keeps the names of files.
    init(
        reading path: FilePath, of format: CheckpointFormat, in folders: ReadableFolders,
        isStopped: @escaping () -> Bool
    ) throws {
        self.path = path
        self.format = format
        self.folders = folders
        self.isStopped = isStopped
        let file = try TextFile(path, in: folders, isStopped: isStopped)
        guard file.status.size <= UInt64(Checkpoint.indexByteLimit) else {
            throw CheckpointError(
                path,
                .unreadable(
                    IOError("read (larger than \(Checkpoint.indexByteLimit) bytes)", path, .fileTooLarge)))
        }
        if try file.start(upTo: 30).starts(with: "version https://git-lfs".utf8) {
            throw CheckpointError(path, .lfsPointer)
        }
        var extent = TensorTable.Extent()
        let shards = try Self.read(file, format) { name, _ in
            extent.tensors += 1
            extent.nameBytes += name.count
        }
        guard extent.tensors > 0 else { throw CheckpointError(path, .invalidIndex("weight_map is empty")) }
        self.extent = extent
        checksum = file.checksum.value
        let names = (0..<shards.count).map { shards[$0] }
        let sorted = names.indices.sorted { ExactString(names[$0]) < ExactString(names[$1]) }
        shardNames = sorted.map { names[$0] }
        var order = Array(repeating: 0, count: names.count)
        for (place, number) in sorted.enumerated() { order[number] = place }
        self.order = order
    }

    /// Reads the index again, into a table without names.
    ///
    /// - Returns: the file of each name, as its number in `shardNames`.
    func fill(_ table: inout TensorTable) throws -> [UInt16] {
        let file = try TextFile(path, in: folders, isStopped: isStopped)
        var shardOfName: [UInt16] = []
        shardOfName.reserveCapacity(extent.tensors)
        _ = try Self.read(file, format) { name, shard in
            guard table.names.count < extent.tensors, shard < order.count else {
                throw CheckpointError(path, .changed)
            }
            guard table.insert(name) != nil else {
                throw CheckpointError(
                    path, .invalidIndex("tensor \(String(decoding: name, as: UTF8.self)) is there twice"))
            }
            shardOfName.append(UInt16(order[shard]))
        }
        guard file.checksum.value == checksum else { throw CheckpointError(path, .changed) }
        return shardOfName
    }

    /// Hands out each tensor's name and the number of its file, and returns the files' names by number.
    private static func read(
        _ file: TextFile, _ format: CheckpointFormat, _ receive: ([UInt8], Int) throws -> Void
    ) throws -> NameTable {
        let path = file.path
        var reader = file.reader(0..<Int(file.status.size), allowsNonfinite: true)
        do {
            var shards: NameTable?
            var keys: Set<ExactString> = []
            guard try reader.kind() == .object else {
                throw CheckpointError(path, .invalidIndex("no weight_map"))
            }
            let tooLong = CheckpointError(
                path, .invalidIndex("a name of more than \(SafetensorsParser.nameLimit) bytes"))
            try reader.object(keyLimit: SafetensorsParser.nameLimit, tooLong: tooLong) { reader, key in
                let key = key.text
                guard keys.insert(ExactString(key)).inserted else { throw reader.error(.duplicateKey(key)) }
                guard keys.count <= keyLimit else {
                    throw CheckpointError(path, .invalidIndex("more than \(keyLimit) keys"))
                }
                try reader.expect(":")
                if key == "weight_map" {
                    guard try reader.kind() == .object else {
                        throw CheckpointError(path, .invalidIndex("no weight_map"))
                    }
                    shards = try map(&reader, path, format, tooLong, receive)
                } else {
                    try reader.skipValue(depthLimit: depthLimit)
                }
            }
            try reader.expectEnd()
            guard let shards else { throw CheckpointError(path, .invalidIndex("no weight_map")) }
            return shards
        } catch let error as JSONError {
            throw CheckpointError(path, .invalidIndex("\(error)"))
        }
    }

    private static func map(
        _ reader: inout JSONReader, _ path: FilePath, _ format: CheckpointFormat,
        _ tooLong: CheckpointError, _ receive: ([UInt8], Int) throws -> Void
    ) throws -> NameTable {
        var shards = NameTable()
        var name: [UInt8] = []
        // Tensors of one file stand together, as a rule.
        var last: (name: [UInt8], number: Int) = ([], 0)
        try reader.object(keyLimit: SafetensorsParser.nameLimit, tooLong: tooLong) { reader, key in
            name.removeAll(keepingCapacity: true)
            name.append(contentsOf: key)
            try reader.expect(":")
            guard try reader.kind() == .string else {
                throw CheckpointError(
                    path,
                    .invalidIndex(
                        "the file of tensor \(String(decoding: name, as: UTF8.self)) is not a string"))
            }
            guard let shard = try reader.string(atMost: SafetensorsParser.nameLimit) else { throw tooLong }
            if !last.name.elementsEqual(shard) || shards.count == 0 {
                let text = shard.text
                guard isPlain(text, format) else { throw CheckpointError(path, .invalidShardName(text)) }
                last = (Array(shard), shards.insert(shard).number)
                guard shards.count <= shardLimit else {
                    throw CheckpointError(path, .invalidIndex("more than \(shardLimit) files"))
                }
            }
            try receive(name, last.number)
        }
        return shards
    }

    /// Whether a name can only mean a file of the format in the folder itself.
    private static func isPlain(_ name: String, _ format: CheckpointFormat) -> Bool {
        name.hasSuffix(format.suffix) && !name.hasPrefix(".") && name.utf8.count <= 255
            && !name.unicodeScalars.contains { $0 == "/" || $0.value < 0x20 || $0.value == 0x7F }
    }
}
