import StreamIO

/// What a token of the engine stands for.
enum Transfer {
    case read(PendingRead)
    case write(BlockWork)
    case sync(SyncTarget)
}

/// A read of one input's rows.
struct PendingRead {
    let work: ChunkWork
    /// The input's position in the tensor, base first.
    let input: Int
    let file: Int
    let offset: UInt64
    let buffer: UnsafeMutableRawBufferPointer
    /// Bytes from `offset` without which the rows are not there.
    let needed: Int
}

/// Something to be written, in the order of the output.
enum EmitItem {
    /// A stretch of a shard's header.
    case header(shard: Int, range: Range<Int>)
    case rows(ChunkWork)
}
