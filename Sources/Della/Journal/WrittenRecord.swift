import StreamIO

/// That output became durable: how far, and what the next run needs to go on from there.
struct WrittenRecord: Hashable, Sendable {
    var shard: Int
    /// Bytes of the shard's file.
    var through: UInt64
    var isWhole: Bool
    /// Of the 64 MiB chunks completed since the last record.
    var newChecksums: [UInt32]
    var partial: UInt32
    var partialBytes: UInt64
    /// The state of the SHA-256 at `through`, the digest where the shard is whole; `nil` where none is taken.
    var sha256: SHA256Words?
    /// The tensor that `through` lies within, and what its phases have found.
    var tensor: Int?
    var constants: [UInt32]
    /// What was found of the tensors that are whole since the last record, by their number in the shard.
    var finished: [Int: TensorConstants] = [:]
    /// NaN and infinity found since the last record.
    var findings = WeightFindings()
    /// Bytes of the figures for the report that go with what is written; `nil` where none are taken.
    var statistics: UInt64?
}
