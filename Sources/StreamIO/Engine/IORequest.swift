/// One transfer to be made by an `IOEngine`.
public struct IORequest {
    /// What is done with the buffer.
    public enum Operation: UInt8, Sendable {
        case read, write
        /// `fdatasync`: the buffer is empty and the offset ignored.
        case sync
    }

    /// What to do.
    public var operation: Operation
    /// The file, open with the access that the operation needs; owned by the caller.
    public var file: OpenFile.Reference
    /// Where in the file the transfer starts, in bytes.
    public var offset: UInt64
    /// The memory read into or written from; its length is the transfer's, in bytes.
    public var buffer: UnsafeMutableRawBufferPointer
    /// Given back with the completion.
    public var token: UInt64

    /// A transfer between a file, from `offset` on, and a buffer.
    public init(
        _ operation: Operation, file: OpenFile.Reference, offset: UInt64,
        buffer: UnsafeMutableRawBufferPointer, token: UInt64
    ) {
        self.operation = operation
        self.file = file
        self.offset = offset
        self.buffer = buffer
        self.token = token
    }
}
