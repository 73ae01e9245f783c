import SystemPackage

/// A model's folder of safetensors files, opened by their headers alone.
///
/// Links are followed, as Hugging Face's cache needs. No file stays open.
public struct Checkpoint: Hashable, Sendable {
    /// One safetensors file, and how to tell whether it is still the same.
    public struct Shard: Hashable, Sendable {
        /// In the folder, links not followed.
        public var path: FilePath
        /// The length of the file.
        public var byteCount: UInt64
        /// Of the file itself, where the path is a link.
        public var inode: UInt64
        /// Nanoseconds since the epoch.
        public var modified: Int64
        /// CRC-32C of the header: the eight bytes of its length and the JSON.
        public var headerChecksum: UInt32
    }

    /// One tensor, and where its data are.
    public struct Tensor: Hashable, Sendable {
        /// Any text.
        public var name: String
        /// Of its elements.
        public var type: ElementType
        /// Empty for a scalar.
        public var shape: [Int]
        /// Index into `shards`.
        public var shard: Int
        /// Where its data begin, in bytes from the start of the file. Any number, odd ones too.
        public var offset: UInt64
        /// The length of its data.
        public var byteCount: UInt64

        /// The product of the shape.
        public var elementCount: Int { shape.reduce(1, *) }
    }

    /// The most bytes that an index may have.
    public static let indexByteLimit = 100_000_000
    static let indexName = "model.safetensors.index.json"
    static let singleName = "model.safetensors"

    /// As it was given.
    public let directory: FilePath
    /// By file name.
    public let shards: [Shard]
    /// By file name, then offset.
    public let tensors: [Tensor]
    /// `__metadata__` of the first file.
    public let metadata: [String: String]
    private let places: [ExactString: Int]

    /// The tensor of exactly that name. O(1).
    public func tensor(named name: String) -> Tensor? {
        places[ExactString(name)].map { tensors[$0] }
    }

    /// Opens and validates the model of a folder: `model.safetensors.index.json` and the files it names, else
    /// `model.safetensors`, else the only `.safetensors` file there.
    ///
    /// - Parameter permits: asked of every file before it is opened; its path may be that of a link.
    public init(
        opening directory: FilePath, permits: (FilePath) -> Bool = { _ in true }
    ) throws(CheckpointError) {
        let names = try Self.list(directory)
        var index: CheckpointIndex?
        if names.contains(Self.indexName) {
            let path = directory.appending(Self.indexName)
            try Self.check(path, permits)
            index = try CheckpointIndex(reading: path)
        }
        let files = if let index { index.shardNames } else { [try Self.chooseFile(names, directory)] }

        var shards: [Shard] = []
        var tensors: [Tensor] = []
        var places: [ExactString: Int] = [:]
        var metadata: [String: String] = [:]
        for (number, name) in files.enumerated() {
            let path = directory.appending(name)
            if index != nil, !names.contains(name) {
                throw CheckpointError(directory.appending(Self.indexName), .missingShard(name))
            }
            try Self.check(path, permits)
            let (shard, header) = try Self.open(path)
            shards.append(shard)
            if number == 0 { metadata = header.metadata }
            for tensor in header.tensors {
                if let index, index.shardOfTensor[ExactString(tensor.name)] != name {
                    throw CheckpointError(path, .tensorNotInIndex(tensor: tensor.name))
                }
                places[ExactString(tensor.name)] = tensors.count
                tensors.append(
                    Tensor(
                        name: tensor.name, type: tensor.type, shape: tensor.shape, shard: number,
                        offset: header.byteCount + tensor.begin, byteCount: tensor.byteCount))
            }
        }
        if let index,
            let absent = index.shardOfTensor.filter({ places[$0.key] == nil }).min(by: { $0.key < $1.key })
        {
            throw CheckpointError(
                directory.appending(Self.indexName),
                .tensorNotInShard(tensor: absent.key.string, shard: absent.value))
        }
        self.directory = directory
        self.shards = shards
        self.tensors = tensors
        self.metadata = metadata
        self.places = places
    }

    private static func check(_ path: FilePath, _ permits: (FilePath) -> Bool) throws(CheckpointError) {
        guard !permits(path) else { return }
        // A link to nothing leads nowhere.
        let isThere = ((try? FileSystem.status(path)) ?? nil) != nil
        throw CheckpointError(
            path, isThere ? .notPermitted : .unreadable(IOError("open", path, .noSuchFileOrDirectory)))
    }

    private static func list(_ directory: FilePath) throws(CheckpointError) -> Set<String> {
        do throws(IOError) {
            return Set(try FileSystem.entries(of: directory))
        } catch {
            throw CheckpointError(directory, error.errno == .notDirectory ? .notAFolder : .unreadable(error))
        }
    }

    /// The file that holds the model of a folder without an index.
    private static func chooseFile(
        _ names: Set<String>, _ directory: FilePath
    ) throws(CheckpointError) -> String {
        if names.contains(singleName) { return singleName }
        let visible = names.filter { !$0.hasPrefix(".") }.sorted { ExactString($0) < ExactString($1) }
        let candidates = visible.filter { $0.hasSuffix(".safetensors") }
        if candidates.count > 1 { throw CheckpointError(directory, .ambiguous(files: candidates)) }
        if let only = candidates.first { return only }
        let pickled = visible.first { name in
            [".bin", ".bin.index.json", ".pt", ".pth", ".ckpt"].contains { name.hasSuffix($0) }
        }
        throw CheckpointError(directory, pickled.map { .pickled(file: $0) } ?? .noModel)
    }

    /// Reads the header of one file.
    private static func open(_ path: FilePath) throws(CheckpointError) -> (Shard, SafetensorsHeader) {
        do {
            let file = try OpenFile.forReading(path, direct: false)
            let status = try file.status()
            guard status.isRegular else { throw CheckpointError(path, .notAFile) }
            let prefix = try file.read(upTo: Int(min(8, status.size)), at: 0)
            if prefix.starts(with: "version ".utf8), status.size < 1024 {
                throw CheckpointError(path, .lfsPointer)
            }
            let length = 8 + (try SafetensorsHeader.jsonByteCount(prefix: prefix, fileByteCount: status.size))
            let bytes = try file.read(upTo: length, at: 0)
            guard bytes.count == length, try file.status() == status else {
                throw CheckpointError(path, .changed)
            }
            file.dropCache(from: 0, count: UInt64(length))
            let header = try SafetensorsHeader(parsing: bytes, fileByteCount: status.size)
            let shard = Shard(
                path: path, byteCount: status.size, inode: status.inode, modified: status.modified,
                headerChecksum: CRC32C.of(bytes))
            return (shard, header)
        } catch let error as IOError {
            throw CheckpointError(path, .unreadable(error))
        } catch let error as SafetensorsError {
            throw CheckpointError(path, .invalidFile(error))
        } catch let error as CheckpointError {
            throw error
        } catch {
            preconditionFailure("all errors above are typed: \(error)")
        }
    }
}
