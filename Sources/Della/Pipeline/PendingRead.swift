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
    /// What of the rows it stands for in the figures, in bytes: the first of several for all.
    let booked: Int
}
