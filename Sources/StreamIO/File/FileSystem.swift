import CLinux
import Glibc
import SystemPackage

/// Operations on paths.
///
/// All of the program's go through here, so that their errors name the path and that tests can plan faults.
public enum FileSystem {
    /// The longest folder nesting that `removeTree` enters.
    public static let depthLimit = 64

    /// Gives a file or folder another name, atomically.
    ///
    /// - Parameter replacing: whether a file already called that may be replaced. If not, `EEXIST` is thrown.
    ///   A file system without `RENAME_NOREPLACE` gets `link` and `unlink` for a file (a crash between them
    ///   leaves both names), and for a folder a look followed by a plain rename, which cannot replace a file,
    ///   a link or a folder that has anything in it. One without hard links gets that for a file too, which replaces what
    ///   another process puts there between the two.
    public static func rename(_ from: FilePath, to: FilePath, replacing: Bool) throws(IOError) {
        try FaultPlan.check(.rename, "rename to \(to)", from)
        if replacing { return try renamePlainly(from, to) }
        do {
            _ = try SystemCall.value("rename to \(to)", from) {
                from.withPlatformString { old in
                    to.withPlatformString { dellad_rename_noreplace(old, $0) }
                }
            }
        } catch  where [.invalidArgument, .noFunction, .notSupported].contains(error.errno) {
            try renameByLinking(from, to)
        }
    }

    private static func renamePlainly(_ from: FilePath, _ to: FilePath) throws(IOError) {
        _ = try SystemCall.value("rename to \(to)", from) {
            from.withPlatformString { old in to.withPlatformString { Glibc.rename(old, $0) } }
        }
    }

    /// - Parameter link: `link(2)`, but for tests.
    static func renameByLinking(
        _ from: FilePath, _ to: FilePath,
        link: (UnsafePointer<CChar>, UnsafePointer<CChar>) -> Int32 = { Glibc.link($0, $1) }
    ) throws(IOError) {
        guard let status = try status(from, followLinks: false) else {
            throw IOError("rename to \(to)", from, .noSuchFileOrDirectory)
        }
        guard !status.isDirectory else { return try renameAfterLooking(from, to) }
        do {
            _ = try SystemCall.value("rename to \(to)", from) {
                from.withPlatformString { old in to.withPlatformString { link(old, $0) } }
            }
        } catch  where [.notPermitted, .noFunction, .notSupported].contains(error.errno) {
            return try renameAfterLooking(from, to)
        }
        try remove(from)
    }

    private static func renameAfterLooking(_ from: FilePath, _ to: FilePath) throws(IOError) {
        guard try status(to, followLinks: false) == nil else {
            throw IOError("rename to \(to)", from, .fileExists)
        }
        try renamePlainly(from, to)
    }

    /// Removes a file or a link; nothing happens if there is none. Folders: `removeTree`.
    public static func remove(_ path: FilePath) throws(IOError) {
        try FaultPlan.check(.unlink, "remove", path)
        do {
            _ = try SystemCall.value("remove", path) { path.withPlatformString { unlink($0) } }
        } catch  where error.errno == .noSuchFileOrDirectory {}
    }

    /// Creates a folder; `EEXIST` where anything has that name.
    ///
    /// - Parameter permissions: before the process's umask.
    public static func createFolder(_ path: FilePath, permissions: UInt32 = 0o777) throws(IOError) {
        try FaultPlan.check(.createFolder, "create folder", path)
        _ = try SystemCall.value("create folder", path) {
            path.withPlatformString { mkdir($0, mode_t(permissions)) }
        }
    }

    /// Waits until the names in a folder are on the disk.
    public static func syncFolder(_ path: FilePath) throws(IOError) {
        let folder = try openFolder(path)
        defer { close(folder) }
        try FaultPlan.check(.sync, "sync", path)
        _ = try SystemCall.value("sync", path) { fsync(folder) }
    }

    /// What the file system says of a path; `nil` where there is nothing of that name.
    ///
    /// - Parameter followLinks: of the file that a link leads to, rather than the link's own.
    public static func status(_ path: FilePath, followLinks: Bool = true) throws(IOError) -> FileStatus? {
        var status = stat()
        do {
            _ = try SystemCall.value("status", path) {
                path.withPlatformString { followLinks ? stat($0, &status) : lstat($0, &status) }
            }
        } catch {
            if error.errno == .noSuchFileOrDirectory || error.errno == .notDirectory { return nil }
            throw error
        }
        return FileStatus(status)
    }

    /// The path with every link followed and no `.` or `..` in it.
    public static func resolved(_ path: FilePath) throws(IOError) -> FilePath {
        guard let resolved = path.withPlatformString({ realpath($0, nil) }) else {
            throw IOError("resolve", path, Errno(rawValue: Glibc.errno))
        }
        defer { free(resolved) }
        return FilePath(platformString: resolved)
    }

    /// The names in a folder, `.` and `..` left out, in the order of their bytes.
    ///
    /// - Parameter limit: the most names that are returned: any of more.
    public static func entries(of path: FilePath, limit: Int = .max) throws(IOError) -> [String] {
        try entries(openFolder(path), path, limit: limit)
    }

    /// The names in an open folder; closes the descriptor.
    static func entries(_ folder: Int32, _ path: FilePath, limit: Int) throws(IOError) -> [String] {
        var names: [String] = []
        try withEntries(folder, path) { name in
            if names.count < limit { names.append(String(cString: name)) }
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// Bytes that this process may still write on the file system of a path.
    public static func freeSpace(at path: FilePath) throws(IOError) -> UInt64 {
        var status = statvfs()
        _ = try SystemCall.value("free space", path) { path.withPlatformString { statvfs($0, &status) } }
        return UInt64(status.f_bavail).multipliedSaturated(by: UInt64(status.f_frsize))
    }

    /// What the file system of a path has room for, and how much of that is left.
    public static func space(at path: FilePath) throws(IOError) -> DiskSpace {
        var status = statvfs()
        _ = try SystemCall.value("free space", path) { path.withPlatformString { statvfs($0, &status) } }
        let block = UInt64(status.f_frsize)
        return DiskSpace(
            total: UInt64(status.f_blocks).multipliedSaturated(by: block),
            free: UInt64(status.f_bavail).multipliedSaturated(by: block))
    }

    /// Whether this user may read a file or folder.
    public static func isReadable(_ path: FilePath) -> Bool { allows(R_OK, path) }

    /// Whether this user may make files in a folder.
    public static func isWritable(_ folder: FilePath) -> Bool { allows(W_OK | X_OK, folder) }

    /// Whether this user may list a folder and reach what is in it.
    public static func isListable(_ path: FilePath) -> Bool { allows(R_OK | X_OK, path) }

    /// What `access(2)` says, of the user that the process acts as.
    static func allows(_ mode: Int32, _ path: FilePath) -> Bool {
        path.withPlatformString { faccessat(AT_FDCWD, $0, mode, AT_EACCESS) } == 0
    }

    static func openFolder(_ path: FilePath) throws(IOError) -> Int32 {
        try FaultPlan.check(.open, "open", path)
        return try SystemCall.value("open", path) {
            path.withPlatformString { open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        }
    }

    /// Calls `body` with each name in an open folder; closes the descriptor.
    static func withEntries(
        _ descriptor: Int32, _ path: FilePath, _ body: (UnsafePointer<CChar>) throws(IOError) -> Void
    ) throws(IOError) {
        guard let folder = fdopendir(descriptor) else {
            let number = Glibc.errno
            close(descriptor)
            throw IOError("list", path, Errno(rawValue: number))
        }
        defer { closedir(folder) }
        while true {
            Glibc.errno = 0
            guard let entry = readdir(folder) else { break }
            let result = withUnsafePointer(to: &entry.pointee.d_name) { field in
                field.withMemoryRebound(to: CChar.self, capacity: 256) { name in
                    Result { () throws(IOError) in
                        if strcmp(name, ".") != 0, strcmp(name, "..") != 0 { try body(name) }
                    }
                }
            }
            try result.get()
        }
        if Glibc.errno != 0 { throw IOError("list", path, Errno(rawValue: Glibc.errno)) }
    }
}
