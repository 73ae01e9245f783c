import Glibc
import SystemPackage

/// What `stat(2)` says of a file.
public struct FileStatus: Hashable, Sendable {
    /// Bytes.
    public var size: UInt64
    /// Bytes that the file system has set aside for the file.
    public var allocatedSize: UInt64
    /// Unique on its device.
    public var inode: UInt64
    /// The file system's number.
    public var device: UInt64
    /// Nanoseconds since the epoch.
    public var modified: Int64
    /// Type and permission bits, as `st_mode`.
    public var mode: UInt32
    /// The owner.
    public var userID: UInt32
    /// The owning group.
    public var groupID: UInt32
    /// Names that the file has.
    public var linkCount: UInt64

    init(_ status: stat) {
        size = UInt64(max(0, status.st_size))
        allocatedSize = UInt64(max(0, status.st_blocks)) * 512
        inode = UInt64(status.st_ino)
        device = UInt64(status.st_dev)
        modified = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
        mode = UInt32(status.st_mode)
        userID = UInt32(status.st_uid)
        groupID = UInt32(status.st_gid)
        linkCount = UInt64(status.st_nlink)
    }

    /// Whether it is a file proper: no folder, link, pipe or device.
    public var isRegular: Bool { mode & UInt32(S_IFMT) == UInt32(S_IFREG) }
    /// Whether it is a folder.
    public var isDirectory: Bool { mode & UInt32(S_IFMT) == UInt32(S_IFDIR) }
    /// Whether it is a symbolic link, which only a status that does not follow links can say.
    public var isLink: Bool { mode & UInt32(S_IFMT) == UInt32(S_IFLNK) }
    /// Whether both are of one file, whatever its names.
    public func isSameFile(as other: FileStatus) -> Bool { inode == other.inode && device == other.device }
    /// The permission bits alone.
    public var permissions: UInt32 { mode & 0o7777 }
}
