/// A full block on its way to the disk. While it is written it may be hashed: both only read it.
struct BlockWork: @unchecked Sendable {
    /// The shard's number.
    let shard: Int
    /// The block's number in the file.
    let number: Int
    let bytes: UnsafeMutableRawBufferPointer
    var checksum: UInt32 = 0
}
