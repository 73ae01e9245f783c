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
    /// When the content was written last, as far as anybody says: nanoseconds since the epoch, see `WallTime`.
    public var modified: Int64
    /// When the content or anything else of the file changed last, which nobody can set; as `modified`.
    public var changed: Int64
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
        allocatedSize = UInt64(max(0, status.st_blocks)).multipliedSaturated(by: 512)
        inode = UInt64(status.st_ino)
        device = UInt64(status.st_dev)
        modified = WallTime.nanoseconds(status.st_mtim)
        changed = WallTime.nanoseconds(status.st_ctim)
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
    /// Whether it lies on the device of these numbers, which `device` has in the C library's encoding.
    public func isOnDevice(major: UInt32, minor: UInt32) -> Bool {
        let (high, low) = (UInt64(major), UInt64(minor))
        return device == (high & ~0xFFF) << 32 | (high & 0xFFF) << 8 | (low & ~0xFF) << 12 | low & 0xFF
    }
    /// The permission bits alone.
    public var permissions: UInt32 { mode & 0o7777 }
}
