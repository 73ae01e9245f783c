import SystemPackage

/// The header of one file of a checkpoint: measured first, then read into the checkpoint's table.
struct ShardHeader {
    let shard: Checkpoint.Shard
    /// Of the header, its length included, in bytes.
    let byteCount: Int
    let extent: TensorTable.Extent
    let metadata: [String: String]
    private let status: FileStatus
    private let folders: ReadableFolders
    private let isStopped: () -> Bool

    /// Reads the header of a file and counts what it says.
    init(
        measuring path: FilePath, in folders: ReadableFolders, isStopped: @escaping () -> Bool
    ) throws {
        self.folders = folders
        self.isStopped = isStopped
        let file = try TextFile(path, in: folders, isStopped: isStopped)
        status = file.status
        byteCount = try Self.byteCount(of: file)
        var extent = TensorTable.Extent()
        metadata = try Self.parse(file, byteCount) { entry in
            extent.tensors += 1
            extent.nameBytes += entry.name.count
            extent.dimensions += entry.shape.count
        }
        self.extent = extent
        guard try file.isUnchanged() else { throw CheckpointError(path, .changed) }
        shard = Checkpoint.Shard(
            path: path, byteCount: status.size, inode: status.inode, modified: status.modified,
            changed: status.changed,
            headerChecksum: file.checksum.value)
    }

    /// Reads the header again, into the table.
    ///
    /// - Parameter isElsewhere: whether the name of that number belongs to another file; `nil` where no index says.
    func fill(_ table: inout TensorTable, isElsewhere: ((Int) -> Bool)?) throws {
        let path = shard.path
        let file = try TextFile(path, in: folders, isStopped: isStopped)
        guard file.status == status, try Self.byteCount(of: file) == byteCount else {
            throw CheckpointError(path, .changed)
        }
        var left = extent.tensors
        _ = try Self.parse(file, byteCount) { entry in
            left -= 1
            guard left >= 0 else { throw CheckpointError(path, .changed) }
            let number: Int
            if let isElsewhere {
                let known = entry.name.withUnsafeBufferPointer { table.names.number(of: $0) }
                guard let known, !isElsewhere(known) else {
                    throw CheckpointError(path, .tensorNotInIndex(tensor: entry.nameText))
                }
                number = known
            } else {
                number = table.insert(entry.name) ?? -1
            }
            guard number >= 0, table.claim(number) else {
                throw CheckpointError(path, .invalidFile(.duplicateTensor(entry.nameText)))
            }
            table.append(name: number, entry)
        }
        do throws(SafetensorsError) {
            try table.completeFile(dataByteCount: shard.byteCount - UInt64(byteCount))
        } catch {
            throw CheckpointError(path, .invalidFile(error))
        }
        guard file.checksum.value == shard.headerChecksum, try file.isUnchanged() else {
            throw CheckpointError(path, .changed)
        }
        file.dropCache(byteCount)
    }

    private static func byteCount(of file: TextFile) throws(CheckpointError) -> Int {
        let prefix = try file.start(upTo: 8)
        if prefix.starts(with: "version ".utf8), file.status.size < 1024 {
            throw CheckpointError(file.path, .lfsPointer)
        }
        do throws(SafetensorsError) {
            let count = try SafetensorsHeader.jsonByteCount(prefix: prefix, fileByteCount: file.status.size)
            file.add(prefix)
            return 8 + count
        } catch {
            throw CheckpointError(file.path, .invalidFile(error))
        }
    }

    private static func parse(
        _ file: TextFile, _ byteCount: Int, _ receive: (HeaderEntry) throws -> Void
    ) throws -> [String: String] {
        do {
            return try SafetensorsParser.parse(file.reader(8..<byteCount), receive)
        } catch let error as SafetensorsError {
            throw CheckpointError(file.path, .invalidFile(error))
        }
    }
}
