import SystemPackage

/// A model's folder of safetensors files, or of PyTorch's, opened by what they say of their tensors alone.
///
/// Links are followed, as Hugging Face's cache needs. No file stays open.
public struct Checkpoint: Hashable, Sendable {
    /// One file of weights, and how to tell whether it is still the same.
    public struct Shard: Hashable, Sendable {
        /// In the folder, links not followed.
        public var path: FilePath
        /// The length of the file.
        public var byteCount: UInt64
        /// Of the file itself, where the path is a link.
        public var inode: UInt64
        /// Nanoseconds since the epoch.
        public var modified: Int64
        /// As `modified`, and nobody can set it.
        public var changed: Int64
        /// CRC-32C of the header: the eight bytes of its length and the JSON. Of PyTorch's files, of the zip directory
        /// and the pickle.
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

    /// The most bytes of a model, so that sums over all of a merge's have numbers: twice the largest there is.
    public static let byteLimit: UInt64 = 8 << 40
    /// Files of a folder that are looked at, at most.
    public static let entryLimit = 100_000
    /// The most bytes that an index may have.
    public static let indexByteLimit = 100_000_000

    /// As it was given.
    public let directory: FilePath
    /// Of all of its files.
    public let format: CheckpointFormat
    /// By file name.
    public let shards: [Shard]
    /// By file name, then offset.
    public let tensors: TensorList
    /// `__metadata__` of the first file; of more than 64 KiB what fits.
    public let metadata: [String: String]
    /// What is wrong with the folder and does not matter: an index that is stale or absent beside a complete set of
    /// files, whose headers decide.
    public let remark: String?
    /// What the tensors take in memory, in bytes.
    public let memory: UInt64

    /// The tensor of exactly that name. O(1).
    public func tensor(named name: String) -> Tensor? {
        place(named: name).map { tensors[$0] }
    }

    /// The index in `tensors` of the one of exactly that name. O(1).
    public func place(named name: String) -> Int? { tensors.table.place(named: name) }

    /// Opens and validates the model of a folder: `model.safetensors.index.json` and the files it names, else
    /// `model.safetensors`, else a complete set of shards, else the only `.safetensors` file there. Where the index
    /// is wrong, and a complete set of shards is there, their headers decide. Where there are no safetensors, the same
    /// of `pytorch_model.bin`.
    ///
    /// - Parameters:
    ///   - folders: what may be read.
    ///   - room: the most bytes of memory that the tensors may take: `tooLarge` where that is not enough.
    ///   - isStopped: asked often; `stopped` is thrown once it is true.
    public init(
        opening directory: FilePath, in folders: ReadableFolders = .all, room: UInt64 = .max,
        isStopped: () -> Bool = { false }
    ) throws(CheckpointError) {
        do {
            self = try withoutActuallyEscaping(isStopped) { isStopped in
                try Self(directory, folders, room: room, isStopped: isStopped)
            }
        } catch let error as CheckpointError {
            throw error
        } catch {
            preconditionFailure("all errors of opening are typed: \(error)")
        }
    }

    private init(
        _ directory: FilePath, _ folders: ReadableFolders, room: UInt64, isStopped: @escaping () -> Bool
    ) throws {
        let names = try Self.list(directory, folders)
        let format = CheckpointFormat(names)
        let set = format.completeSet(names)
        func opened(_ files: [String], _ index: CheckpointIndex?, _ remark: String? = nil) throws -> Self {
            try Self(
                directory, format, files, names, index, folders, room: room, remark: remark,
                isStopped: isStopped)
        }
        guard names.contains(format.indexName) else {
            if let set, set.count > 1, !names.contains(format.singleName) {
                self = try opened(
                    set, nil, "there is no \(format.indexName): all of \(set.count) files are merged")
            } else {
                self = try opened([Self.chooseFile(names, format, directory, folders)], nil)
            }
            return
        }
        let path = directory.appending(format.indexName)
        do {
            let index = try CheckpointIndex(
                reading: path, of: format, in: folders, isStopped: isStopped)
            self = try opened(index.shardNames, index)
        } catch let error as CheckpointError where error.isIndexs {
            guard let files = set ?? (names.contains(format.singleName) ? [format.singleName] : nil) else {
                throw error
            }
            self = try opened(
                files, nil,
                "\(format.indexName) is wrong, and not believed (\(error.problem)): the files' headers decide"
            )
        }
    }

    /// Measures all headers before any is kept.
    private init(
        _ directory: FilePath, _ format: CheckpointFormat, _ files: [String], _ names: Set<String>,
        _ index: CheckpointIndex?, _ folders: ReadableFolders, room: UInt64, remark: String?,
        isStopped: @escaping () -> Bool
    ) throws {
        var headers: [ShardHeader] = []
        for name in files {
            let path = directory.appending(name)
            if let index, !names.contains(name) { throw CheckpointError(index.path, .missingShard(name)) }
            headers.append(
                try ShardHeader(measuring: path, of: format, in: folders, room: room, isStopped: isStopped))
        }
        guard headers.reduce(0, { $0.addingSaturated($1.shard.byteCount) }) <= Self.byteLimit else {
            throw CheckpointError(directory, .tooManyBytes)
        }
        var extent = headers.reduce(TensorTable.Extent()) { $0 + $1.extent }
        extent.tensors = max(extent.tensors, index?.extent.tensors ?? 0)
        extent.nameBytes = max(extent.nameBytes, index?.extent.nameBytes ?? 0)
        // Each file is read again while the table is there.
        let needed = extent.byteCount.addingSaturated(headers.map(\.scratch).max() ?? 0)
        guard needed <= room else {
            throw CheckpointError(directory, .tooLarge(needed: needed, tensors: extent.tensors))
        }
        self.directory = directory
        self.format = format
        shards = headers.map(\.shard)
        metadata = headers.first?.metadata ?? [:]
        memory = extent.byteCount
        self.remark = remark
        tensors = try Self.fill(extent, index, headers)
    }

    private static func fill(
        _ extent: TensorTable.Extent, _ index: CheckpointIndex?, _ headers: [ShardHeader]
    ) throws -> TensorList {
        var table = TensorTable(extent)
        let shardOfName = try index?.fill(&table)
        var starts: [Int] = []
        for (number, header) in headers.enumerated() {
            starts.append(table.count)
            let isElsewhere = shardOfName.map { shards in { (name: Int) in shards[name] != number } }
            try header.fill(&table, isElsewhere: isElsewhere)
        }
        if let index, let shardOfName, let absent = table.nameWithoutTensor() {
            throw CheckpointError(
                index.path,
                .tensorNotInShard(
                    tensor: table.names[absent], shard: index.shardNames[Int(shardOfName[absent])]))
        }
        return TensorList(table: table, starts: starts, dataOffsets: headers.map { UInt64($0.byteCount) })
    }

    private static func list(
        _ directory: FilePath, _ folders: ReadableFolders
    ) throws(CheckpointError) -> Set<String> {
        do throws(IOError) {
            return Set(try folders.entries(of: directory, limit: entryLimit))
        } catch {
            if error.errno == .notDirectory { throw CheckpointError(directory, .notAFolder) }
            throw CheckpointError(opening: directory, error)
        }
    }

    /// The file that holds the model of a folder without an index.
    private static func chooseFile(
        _ names: Set<String>, _ format: CheckpointFormat, _ directory: FilePath, _ folders: ReadableFolders
    ) throws(CheckpointError) -> String {
        if names.contains(format.singleName) { return format.singleName }
        if format == .torch, let only = format.completeSet(names)?.first { return only }
        let visible = names.filter { !$0.hasPrefix(".") }.sorted { ExactString($0) < ExactString($1) }
        let all = visible.filter { $0.hasSuffix(".safetensors") }
        let candidates = all.filter { !$0.hasPrefix("consolidated") }
        if candidates.isEmpty, let file = all.first {
            throw CheckpointError(directory, .consolidated(file: file))
        }
        if candidates.count > 1 { throw CheckpointError(directory, .ambiguous(files: candidates)) }
        if let only = candidates.first { return only }
        let pickled = visible.first { name in
            [".bin", ".bin.index.json", ".pt", ".pth", ".ckpt"].contains { name.hasSuffix($0) }
        }
        if let pickled { throw CheckpointError(directory, .pickled(file: pickled)) }
        throw CheckpointError(directory, Substitute.reason(directory, visible, folders))
    }
}
