import CLinux
import Glibc
import SystemPackage

/// Owns one open file; closed when it goes out of scope.
///
/// Engines transfer through its `reference`. The reading and writing here is for small buffered files:
/// headers, journals, status. All errors name the path.
public struct OpenFile: ~Copyable, Sendable {
    /// A file as an engine sees it. Valid while the `OpenFile` lives.
    public struct Reference: Hashable, Sendable {
        /// Owned by the `OpenFile`.
        public var descriptor: Int32
        /// Whether the file bypasses the page cache, so that offsets, lengths and addresses of transfers must be
        /// multiples of 4096.
        public var isDirect: Bool

        /// A file that is open already.
        public init(descriptor: Int32, isDirect: Bool) {
            self.descriptor = descriptor
            self.isDirect = isDirect
        }
    }

    /// What offsets, lengths and addresses of transfers of a direct file are multiples of, in bytes.
    public static let directAlignment = 4096

    /// As it was opened.
    public let path: FilePath
    /// For engines.
    public let reference: Reference

    deinit {
        // A close that fails has closed all the same, and what must be on disk was synced.
        close(reference.descriptor)
    }

    /// Opens an existing file to be read; links are followed, and nothing blocks.
    ///
    /// - Parameter direct: past the page cache; buffered where the file system refuses that.
    public static func forReading(_ path: FilePath, direct: Bool) throws(IOError) -> OpenFile {
        try open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, direct: direct)
    }

    /// Opens a small file to be read that must not be a link itself: `ELOOP` if it is.
    public static func forReadingUnlinked(_ path: FilePath) throws(IOError) -> OpenFile {
        try open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW, direct: false)
    }

    /// Creates a file to be written and read: `EEXIST` where anything has that name.
    ///
    /// - Parameter permissions: before the process's umask.
    public static func creating(
        _ path: FilePath, direct: Bool, permissions: UInt32 = 0o666
    ) throws(IOError) -> OpenFile {
        try open(path, O_RDWR | O_CREAT | O_EXCL, direct: direct, permissions: permissions)
    }

    /// Opens an existing file to be written and read, which must not be a link itself: `ELOOP` if it is.
    public static func forUpdating(_ path: FilePath, direct: Bool) throws(IOError) -> OpenFile {
        try open(path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW, direct: direct)
    }

    private static func open(
        _ path: FilePath, _ flags: Int32, direct: Bool, permissions: UInt32 = 0
    ) throws(IOError) -> OpenFile {
        let words = flags & O_CREAT == 0 ? "open" : "create"
        try FaultPlan.check(.open, words, path)
        let descriptor = try SystemCall.value(words, path) {
            path.withPlatformString { Glibc.open($0, flags | O_CLOEXEC, mode_t(permissions)) }
        }
        // Asked for afterwards: an open with O_CREAT, O_EXCL and O_DIRECT that is refused for O_DIRECT
        // leaves the new file behind.
        let isDirect = setFlags(descriptor, direct: direct)
        return OpenFile(path: path, reference: Reference(descriptor: descriptor, isDirect: isDirect))
    }

    /// Switches direct I/O of an open file; buffered where the file system refuses.
    ///
    /// - Returns: whether transfers are direct now.
    @discardableResult
    static func setFlags(_ descriptor: Int32, direct: Bool) -> Bool {
        // O_NONBLOCK kept the open from waiting on a pipe. Left set, io_uring would answer EAGAIN instead of
        // waiting for a file system that cannot say beforehand whether it will.
        let flags = fcntl(descriptor, F_GETFL) & ~(O_NONBLOCK | dellad_o_direct)
        if direct, fcntl(descriptor, F_SETFL, flags | dellad_o_direct) == 0 { return true }
        _ = fcntl(descriptor, F_SETFL, flags)
        // Reads are large, or small and few. What the kernel reads ahead of them would be left in the page cache
        // when what was read is dropped from it.
        posix_fadvise(descriptor, 0, 0, POSIX_FADV_RANDOM)
        return false
    }

    /// Sets disk space aside for the first `byteCount` bytes and makes the file at least that long.
    ///
    /// By `fallocate(2)` alone: `EOPNOTSUPP` where the file system has none, for writing zeros instead
    /// would double the work.
    public func reserve(_ byteCount: UInt64) throws(IOError) {
        guard byteCount > 0 else { return }
        do throws(IOError) {
            try FaultPlan.check(.allocate, "reserve space", path)
            _ = try SystemCall.value("reserve space", path) {
                dellad_fallocate(reference.descriptor, 0, Int64(byteCount))
            }
        } catch {
            throw Self.unreserved(error)
        }
    }

    /// Network file systems and FUSE servers say in three ways that they cannot reserve.
    static func unreserved(_ error: IOError) -> IOError {
        guard [.invalidArgument, .noFunction].contains(error.errno) else { return error }
        return IOError(error.operation, error.path, .notSupported)
    }

    /// Makes the file exactly `byteCount` bytes long.
    public func truncate(to byteCount: UInt64) throws(IOError) {
        try FaultPlan.check(.allocate, "set length", path)
        _ = try SystemCall.value("set length", path) {
            ftruncate(reference.descriptor, off_t(byteCount))
        }
    }

    /// Waits until the file's data, and what is needed to find them, is on the disk (`fdatasync`).
    public func sync() throws(IOError) {
        try FaultPlan.check(.sync, "sync", path)
        _ = try SystemCall.value("sync", path) { fdatasync(reference.descriptor) }
    }

    /// Keeps the file for this process alone (`flock`), until it is closed. At once or not at all: `EAGAIN` where another
    /// process has it, on this machine or, where the file system's locks reach that far, on another. `ENOENT` where another
    /// machine has removed it meanwhile.
    public func lock() throws(IOError) {
        do throws(IOError) {
            _ = try SystemCall.value("lock", path) { flock(reference.descriptor, LOCK_EX | LOCK_NB) }
        } catch {
            throw Self.unlocked(error)
        }
    }

    /// What a lock that was refused means.
    static func unlocked(_ error: IOError) -> IOError {
        switch error.errno {
        // NFS makes record locks of it, and a record lock may say so.
        case .permissionDenied: IOError(error.operation, error.path, .resourceTemporarilyUnavailable)
        case .staleNFSFileHandle: IOError(error.operation, error.path, .noSuchFileOrDirectory)
        default: error
        }
    }

    /// Whether the name it was opened by is still its own, and not gone or another file's.
    public func isInPlace() throws(IOError) -> Bool {
        let held: FileStatus
        do throws(IOError) {
            held = try status()
        } catch  where error.errno == .staleNFSFileHandle {
            // Another machine has removed it.
            return false
        }
        return try FileSystem.status(path, followLinks: false).map { held.isSameFile(as: $0) } ?? false
    }

    /// Fills `buffer` from `offset` on; fewer bytes only where the file ends. Buffered files only.
    ///
    /// - Returns: the number of bytes read.
    public func read(
        into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
    ) throws(IOError) -> Int {
        precondition(!reference.isDirect, "direct files are read through an engine")
        try FaultPlan.check(.read, "read", path)
        var done = 0
        while done < buffer.count, let start = buffer.baseAddress {
            let count = try SystemCall.value("read", path) {
                pread(reference.descriptor, start + done, buffer.count - done, off_t(offset) + off_t(done))
            }
            if count == 0 { break }
            done += count
        }
        return done
    }

    /// Up to `count` bytes from `offset` on; fewer only where the file ends. Buffered files only.
    public func read(upTo count: Int, at offset: UInt64) throws(IOError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let result = bytes.withUnsafeMutableBytes { raw in
            Result { () throws(IOError) in try read(into: raw, at: offset) }
        }
        bytes.removeLast(count - (try result.get()))
        return bytes
    }

    /// Writes all of `bytes` from `offset` on. Buffered files only.
    public func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(IOError) {
        precondition(!reference.isDirect, "direct files are written through an engine")
        try FaultPlan.check(.write, "write", path)
        var done = 0
        while done < bytes.count, let start = bytes.baseAddress {
            let count = try SystemCall.value("write", path) {
                pwrite(reference.descriptor, start + done, bytes.count - done, off_t(offset) + off_t(done))
            }
            if count == 0 { throw IOError("write", path, .ioError) }
            done += count
        }
    }

    /// Writes all of `bytes` from `offset` on. Buffered files only.
    package func write(_ bytes: [UInt8], at offset: UInt64) throws(IOError) {
        try Self.withBytes(bytes) { (raw) throws(IOError) in try write(raw, at: offset) }
    }

    /// Writes `bytes` at the end of the file. One writer at a time. Buffered files only.
    public func append(_ bytes: [UInt8]) throws(IOError) {
        let end = try status().size
        try write(bytes, at: end)
    }

    /// The file as it is now.
    public func status() throws(IOError) -> FileStatus {
        var status = stat()
        _ = try SystemCall.value("status", path) { fstat(reference.descriptor, &status) }
        return FileStatus(status)
    }

    /// Lets the kernel forget the pages it holds of that range; of no consequence for the data.
    ///
    /// - Parameter count: 0 means up to the end of the file.
    package func dropCache(from offset: UInt64 = 0, count: UInt64 = 0) {
        posix_fadvise(reference.descriptor, off_t(offset), off_t(count), POSIX_FADV_DONTNEED)
    }

    /// `withUnsafeBytes` that keeps the type of what is thrown.
    static func withBytes(
        _ bytes: [UInt8], _ body: (UnsafeRawBufferPointer) throws(IOError) -> Void
    ) throws(IOError) {
        let result = bytes.withUnsafeBytes { raw in
            Result { () throws(IOError) in try body(raw) }
        }
        try result.get()
    }
}
