import SystemPackage

/// The header of one file of a checkpoint: measured first, then read into the checkpoint's table.
struct ShardHeader {
    let shard: Checkpoint.Shard
    /// Of the header, its length included, in bytes: where offsets count from. 0 in PyTorch's files.
    let byteCount: Int
    let extent: TensorTable.Extent
    let metadata: [String: String]
    /// What reading it takes beside the table, in bytes of memory.
    let scratch: UInt64
    private let format: CheckpointFormat
    private let room: UInt64
    private let status: FileStatus
    private let folders: ReadableFolders
    private let isStopped: () -> Bool

    /// Reads the header of a file and counts what it says.
    ///
    /// - Parameter room: bytes of memory that reading may take.
    init(
        measuring path: FilePath, of format: CheckpointFormat, in folders: ReadableFolders, room: UInt64,
        isStopped: @escaping () -> Bool
    ) throws {
        self.format = format
        self.room = room
        self.folders = folders
        self.isStopped = isStopped
        let file = try TextFile(path, in: folders, isStopped: isStopped)
        status = file.status
        byteCount = try Self.byteCount(of: file, format)
        var extent = TensorTable.Extent()
        (metadata, scratch) = try Self.parse(file, format, byteCount, room: room) { entry in
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
        guard file.status == status, try Self.byteCount(of: file, format) == byteCount else {
            throw CheckpointError(path, .changed)
        }
        var left = extent.tensors
        _ = try Self.parse(file, format, byteCount, room: room) { entry in
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
                switch format {
                case .safetensors: throw CheckpointError(path, .invalidFile(.duplicateTensor(entry.nameText)))
                case .torch: throw CheckpointError(path, .invalidArchive(.duplicateTensor(entry.nameText)))
                }
            }
            table.append(name: number, entry)
        }
        do throws(SafetensorsError) {
            try table.completeFile(
                dataByteCount: shard.byteCount - UInt64(byteCount), isDense: format == .safetensors)
        } catch {
            throw CheckpointError(path, .invalidFile(error))
        }
        guard file.checksum.value == shard.headerChecksum, try file.isUnchanged() else {
            throw CheckpointError(path, .changed)
        }
        file.dropCache(byteCount)
    }

    private static func byteCount(of file: TextFile, _ format: CheckpointFormat) throws(CheckpointError)
        -> Int
    {
        let prefix = try file.start(upTo: 8)
        if prefix.starts(with: "version ".utf8), file.status.size < 1024 {
            throw CheckpointError(file.path, .lfsPointer)
        }
        if format == .torch {
            if TextEncoding.isWebPage(try file.start(upTo: 64)) { throw CheckpointError(file.path, .webPage) }
            return 0
        }
        do throws(SafetensorsError) {
            let count = try SafetensorsHeader.jsonByteCount(prefix: prefix, fileByteCount: file.status.size)
            file.add(prefix)
            return 8 + count
        } catch {
            throw CheckpointError(file.path, reason(try file.start(upTo: 64)) ?? .invalidFile(error))
        }
    }

    /// What a file is that is none of safetensors, by its first bytes; `nil` where they do not show it.
    private static func reason(_ start: [UInt8]) -> CheckpointError.Reason? {
        if TextEncoding.isWebPage(start) { return .webPage }
        if start.starts(with: [0x50, 0x4B, 0x03, 0x04]) { return .archive }
        let line = start.prefix { $0 != 0x0A && $0 != 0x0D }
        guard line.count >= 8, line.allSatisfy({ (0x20..<0x7F).contains($0) }) else { return nil }
        return .text(String(decoding: line.prefix(40), as: UTF8.self))
    }

    /// Hands out what a file says of its tensors; returns its metadata, and the memory that this took in bytes.
    private static func parse(
        _ file: TextFile, _ format: CheckpointFormat, _ byteCount: Int, room: UInt64,
        _ receive: (HeaderEntry) throws -> Void
    ) throws -> ([String: String], UInt64) {
        do {
            switch format {
            case .safetensors: return (try SafetensorsParser.parse(file.reader(8..<byteCount), receive), 0)
            case .torch:
                var archive = TorchArchive(file, room: room)
                try archive.read(receive)
                return ([:], archive.memory)
            }
        } catch let error as SafetensorsError {
            throw CheckpointError(file.path, .invalidFile(error))
        } catch TorchFileError.noRoom(let needed, let tensors) {
            throw CheckpointError(file.path, .tooLarge(needed: needed, tensors: tensors))
        } catch let error as TorchFileError {
            throw CheckpointError(file.path, .invalidArchive(error))
        }
    }
}
