import StreamIO

/// The checksums of a file, put together from pieces that come in order: the CRC-32C of every 64 MiB, and the
/// SHA-256 where one is asked for.
public struct ChunkChecksums: Hashable, Sendable {
    /// Bytes that one checksum is over.
    static let chunkBytes: UInt64 = 64 << 20

    /// Of the chunks that are complete.
    public private(set) var complete: [UInt32] = []
    /// Of the bytes of the chunk under way.
    public private(set) var partial: UInt32 = 0
    /// Bytes of the chunk under way.
    public private(set) var partialBytes: UInt64 = 0
    /// The digest of a whole file; of one under way, the state that its SHA-256 goes on from. `nil` where none is
    /// taken.
    public var sha256: SHA256Words?

    public init() {}

    init(complete: [UInt32], partial: UInt32, partialBytes: UInt64, sha256: SHA256Words? = nil) {
        self.complete = complete
        self.partial = partial
        self.partialBytes = partialBytes
        self.sha256 = sha256
    }

    /// Bytes that they are of; more than any file has where the parts contradict each other.
    var byteCount: UInt64 {
        guard partialBytes < Self.chunkBytes else { return .max }
        return UInt64(complete.count).multipliedSaturated(by: Self.chunkBytes)
            .addingSaturated(partialBytes)
    }

    /// Goes on to where a record of the journal was written.
    mutating func extend(_ record: WrittenRecord) {
        complete += record.newChecksums
        (partial, partialBytes, sha256) = (record.partial, record.partialBytes, record.sha256)
    }

    /// Of all chunks, the last one included.
    public var all: [UInt32] { partialBytes == 0 ? complete : complete + [partial] }

    /// Adds a piece, which must not reach across the end of a chunk.
    mutating func append(_ checksum: UInt32, byteCount: UInt64) {
        precondition(partialBytes + byteCount <= Self.chunkBytes, "a piece straddles two chunks")
        partial =
            partialBytes == 0
            ? checksum : CRC32C.combine(partial, checksum, secondLength: byteCount)
        partialBytes += byteCount
        guard partialBytes == Self.chunkBytes else { return }
        complete.append(partial)
        (partial, partialBytes) = (0, 0)
    }
}
