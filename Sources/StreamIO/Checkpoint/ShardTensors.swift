import SystemPackage

/// The tensors of one file of a checkpoint by offset, held flat: some hundred bytes each.
public struct ShardTensors: Sendable {
    /// The file, as it was when it was read.
    public let shard: Checkpoint.Shard
    /// Their `shard` is 0.
    public let tensors: TensorList

    /// Reads and checks a file's header, piece by piece, twice.
    ///
    /// - Parameter room: the most bytes of memory that the tensors may take: `tooLarge` where that is not enough.
    /// - Throws: `CheckpointError`, which says what is wrong with the file.
    public init(
        reading path: FilePath, of format: CheckpointFormat = .safetensors,
        in folders: ReadableFolders = .all, room: UInt64 = .max,
        isStopped: @escaping () -> Bool = { false }
    ) throws(CheckpointError) {
        do {
            let header = try ShardHeader(
                measuring: path, of: format, in: folders, room: room, isStopped: isStopped)
            shard = header.shard
            guard header.extent.byteCount <= room else {
                throw CheckpointError(
                    path, .tooLarge(needed: header.extent.byteCount, tensors: header.extent.tensors))
            }
            var table = TensorTable(header.extent)
            try header.fill(&table, isElsewhere: nil)
            tensors = TensorList(table: table, starts: [0], dataOffsets: [UInt64(header.byteCount)])
        } catch let error as CheckpointError {
            throw error
        } catch let error as IOError {
            throw CheckpointError(path, .unreadable(error))
        } catch {
            preconditionFailure("a header is wrong or cannot be read: \(error)")
        }
    }
}
