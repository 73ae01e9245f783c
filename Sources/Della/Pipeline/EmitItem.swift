/// Something to be written, in the order of the output.
enum EmitItem {
    /// A stretch of a shard's header.
    case header(shard: Int, range: Range<Int>)
    case rows(ChunkWork)
}
