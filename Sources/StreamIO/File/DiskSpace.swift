/// What a file system has room for.
public struct DiskSpace: Hashable, Sendable {
    /// Bytes of all its files, and of those that may still be written.
    public var total: UInt64
    /// Bytes that this process may still write.
    public var free: UInt64

    /// A file system of that room.
    public init(total: UInt64, free: UInt64) {
        self.total = total
        self.free = free
    }
}
