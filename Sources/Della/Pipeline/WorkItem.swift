import StreamIO

/// Something for a worker to do.
enum WorkItem: Sendable {
    /// The first phase of a chunk.
    case sum(ChunkWork)
    /// The second phase, after the first where that is still to be done.
    case emit(ChunkWork)
    /// The checksum of a block that is full.
    case checksum(BlockWork)
    /// The file's SHA-256 goes on over a block that is full.
    case hash(BlockWork, SHA256)
}

extension RowLoop {
    /// Does one item; on a worker.
    func perform(_ item: WorkItem, scratch: UnsafeMutableRawPointer, scratchBytes: Int) -> WorkItem {
        switch item {
        case .sum(let work):
            prune(work, scratch: scratch)
        case .emit(let work):
            prune(work, scratch: scratch)
            emit(work, scratch: scratch, scratchBytes: scratchBytes)
        case .checksum(var block):
            var checksum = CRC32C()
            checksum.update(UnsafeRawBufferPointer(block.bytes))
            block.checksum = checksum.value
            return .checksum(block)
        case .hash(let block, var hash):
            hash.update(UnsafeRawBufferPointer(block.bytes))
            return .hash(block, hash)
        }
        return item
    }
}

extension WorkItem {
    /// What a trace calls it.
    var stage: MergeTrace.Stage {
        switch self {
        case .sum: .sum
        case .emit: .emit
        case .checksum: .checksum
        case .hash: .hash
        }
    }
}
