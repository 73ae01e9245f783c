/// How far a merge's output is known to be on disk: where the next run goes on.
public struct ResumePoint: Hashable, Sendable {
    /// The checksums of shards that are whole, in order.
    public var finished: [ChunkChecksums] = []
    /// Bytes of the next shard that are on disk: a multiple of 4096.
    public var offset: UInt64 = 0
    /// The checksums over those bytes.
    public var checksums = ChunkChecksums()
    /// The tensor that `offset` lies within, by its number in the shard.
    public var tensor: Int?
    /// What that tensor's phases have found: words of the rule's.
    public var constants: [UInt32] = []
    /// What was found of tensors that are on disk whole, for the record of the merge.
    var finishedTensors = FoundConstants()
    /// NaN and infinity found so far.
    public var findings = WeightFindings()
    /// Bytes of the figures for the report that are on disk for it; `nil` where they are not of all that is.
    var statistics: UInt64? = 0
    /// Runs that went on from an earlier one.
    public var resumptions = 0

    public init() {}

    /// The shard to go on with.
    public var shard: Int { finished.count }

    /// Whether nothing is on disk yet.
    public var isStart: Bool { finished.isEmpty && offset == 0 }
}
