import StreamIO

/// Something for a worker to do.
enum WorkItem: Sendable {
    /// A phase of a chunk that measures.
    case measure(ChunkWork)
    /// The last phase.
    case emit(ChunkWork)
    /// In its place, where models are only compared.
    case look(ChunkWork)
    /// The checksum of a block that is full.
    case checksum(BlockWork)
    /// The file's SHA-256 goes on over a block that is full.
    case hash(BlockWork, SHA256)
}

extension RowLoop {
    /// Does one item; on a worker.
    func perform(_ item: WorkItem, scratch: UnsafeMutableRawPointer, scratchBytes: Int) -> WorkItem {
        switch item {
        case .measure(let work):
            measure(work, scratch: scratch, scratchBytes: scratchBytes)
        case .emit(let work):
            emit(work, scratch: scratch, scratchBytes: scratchBytes)
        case .look(let work): look(work)
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
        case .measure: .measure
        case .emit: .emit
        case .look: .measure
        case .checksum: .checksum
        case .hash: .hash
        }
    }
}
