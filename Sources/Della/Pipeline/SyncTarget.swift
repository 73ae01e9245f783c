/// What a sync under way will have made durable.
struct SyncTarget {
    let shard: Int
    /// Bytes of the shard.
    let through: UInt64
    let isWhole: Bool
    let checksums: ChunkChecksums
}
