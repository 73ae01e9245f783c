import SystemPackage

/// A file that a merge reads tensors from, and what it looked like when the merge was planned.
///
/// A merge resumes only while all of this still holds.
public struct InputFile: Hashable, Sendable {
    /// Links are not followed.
    public var path: FilePath
    /// Bytes.
    public var size: UInt64
    /// Its number in the file system.
    public var inode: UInt64
    /// Nanoseconds since the epoch.
    public var modified: Int64
    /// As `modified`, but of any change, and nobody can set it.
    public var changed: Int64
    /// CRC-32C of the header: the eight bytes of its length and the JSON.
    public var headerChecksum: UInt32

    /// The model's folder.
    var folder: FilePath { path.removingLastComponent() }

    /// A file as it was when the merge was planned.
    public init(
        path: FilePath, size: UInt64, inode: UInt64, modified: Int64, changed: Int64, headerChecksum: UInt32
    ) {
        self.path = path
        self.size = size
        self.inode = inode
        self.modified = modified
        self.changed = changed
        self.headerChecksum = headerChecksum
    }
}
