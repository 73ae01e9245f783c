import CLinux
import Glibc
import SystemPackage

/// Folders that files may be read from. Links are followed as long as they lead nowhere else, by the kernel's own account
/// while it opens (`openat2(2)`): one that is put in place of a file meanwhile leads nowhere else either.
///
/// Nothing but regular files and folders is opened, as opening a device may do something.
public struct ReadableFolders: Hashable, Sendable {
    /// `nil` for every folder.
    private let roots: [FilePath]?

    /// Every folder.
    public static let all = Self(roots: nil)

    private init(roots: [FilePath]?) { self.roots = roots }

    /// These folders; none has to be there.
    public init(_ folders: [FilePath]) { roots = folders }

    /// Why links cannot be followed by the kernel's account, so that a path is looked at before and after it is opened;
    /// `nil` where they can. Linux before 5.6, or a filter of system calls.
    public static let obstacle: Errno? = {
        let descriptor = dellad_open_beneath(AT_FDCWD, ".", dellad_o_path | O_CLOEXEC)
        guard descriptor < 0 else {
            close(descriptor)
            return nil
        }
        return Errno(rawValue: Glibc.errno)
    }()

    /// Whether something is there that may be read.
    public func permits(_ path: FilePath) -> Bool { ((try? status(path)) ?? nil) != nil }

    /// What a path leads to; `nil` where there is nothing.
    ///
    /// - Throws: `EXDEV` where it leads out of the folders, whether or not there is anything.
    public func status(_ path: FilePath) throws(IOError) -> FileStatus? {
        do throws(IOError) {
            return try handle(path).status()
        } catch {
            if error.errno == .noSuchFileOrDirectory || error.errno == .notDirectory { return nil }
            throw error
        }
    }

    /// The names in a folder, as `FileSystem.entries` gives them.
    public func entries(of path: FilePath, limit: Int = .max) throws(IOError) -> [String] {
        let handle = try handle(path)
        guard try handle.status().isDirectory else { throw IOError("open", path, .notDirectory) }
        return try FileSystem.entries(handle.reopened(O_DIRECTORY), path, limit: limit)
    }

    /// Opens a regular file to be read.
    ///
    /// - Parameter direct: past the page cache; buffered where the file system refuses that.
    /// - Throws: `EXDEV` where the path leads out of the folders; `EISDIR` or `EINVAL` for what is no file.
    public func open(_ path: FilePath, direct: Bool = false) throws(IOError) -> OpenFile {
        let handle = try handle(path)
        let status = try handle.status()
        guard status.isRegular else {
            throw IOError(
                "open (not a regular file)", path, status.isDirectory ? .isDirectory : .invalidArgument)
        }
        let descriptor = try handle.reopened(O_NONBLOCK | O_NOCTTY)
        let isDirect = OpenFile.setFlags(descriptor, direct: direct)
        return OpenFile(
            path: path, reference: OpenFile.Reference(descriptor: descriptor, isDirect: isDirect))
    }

    /// The whole content of a regular file; `EFBIG` where that is more than `limit` bytes.
    public func readWhole(_ path: FilePath, limit: Int) throws(IOError) -> [UInt8] {
        try FileSystem.readWhole(open(path), limit: limit)
    }

    // MARK: Finding the file

    /// A file that was found and is not opened yet.
    private struct Handle: ~Copyable {
        let path: FilePath
        let descriptor: Int32

        deinit { close(descriptor) }

        func status() throws(IOError) -> FileStatus {
            var status = stat()
            _ = try SystemCall.value("status", path) { fstat(descriptor, &status) }
            return FileStatus(status)
        }

        /// Opens this very file to be read.
        func reopened(_ flags: Int32) throws(IOError) -> Int32 {
            let flags = flags | O_RDONLY | O_CLOEXEC
            do throws(IOError) {
                return try SystemCall.value("open", path) { Glibc.open("/proc/self/fd/\(descriptor)", flags) }
            } catch {
                // Where there is no /proc, by its path, if that is still the same file.
                guard error.errno == .noSuchFileOrDirectory || error.errno == .notDirectory else {
                    throw error
                }
            }
            let other = try SystemCall.value("open", path) {
                path.withPlatformString { Glibc.open($0, flags | O_NONBLOCK) }
            }
            var status = stat()
            guard fstat(other, &status) == 0, FileStatus(status).isSameFile(as: try self.status()) else {
                close(other)
                throw IOError("open", path, .improperLink)
            }
            return other
        }
    }

    private func handle(_ path: FilePath) throws(IOError) -> Handle {
        try FaultPlan.check(.open, "open", path)
        guard let roots else {
            return Handle(
                path: path,
                descriptor: try SystemCall.value("open", path) {
                    path.withPlatformString { Glibc.open($0, dellad_o_path | O_CLOEXEC) }
                })
        }
        for root in roots {
            if let handle = try Self.handle(path, at: path, below: root) { return handle }
        }
        // Absolute links, and those from one of the folders into another.
        let place = try? FileSystem.resolved(path)
        for root in roots {
            guard let place, let top = try? FileSystem.resolved(root) else { continue }
            if let handle = try Self.handle(path, at: place, below: top) { return handle }
        }
        // An absolute link to what is missing within the folders.
        if place == nil, let target = Self.target(of: path) {
            for root in roots {
                if let handle = try Self.handle(path, at: target, below: root) { return handle }
            }
        }
        throw IOError("open", path, .improperLink)
    }

    /// What a link says; `nil` for anything else.
    private static func target(of path: FilePath) -> FilePath? {
        var text = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = path.withPlatformString { readlink($0, &text, text.count - 1) }
        return count > 0 ? FilePath(platformString: text) : nil
    }

    /// What a path leads to below a folder; `nil` where it leads out.
    private static func handle(
        _ path: FilePath, at place: FilePath, below root: FilePath
    ) throws(IOError) -> Handle? {
        var rest = place
        guard rest.removePrefix(root) else { return nil }
        if rest.isEmpty { rest = "." }
        guard obstacle == nil else { return try checkedHandle(path, below: root) }
        let folder = root.withPlatformString { Glibc.open($0, dellad_o_path | O_DIRECTORY | O_CLOEXEC) }
        guard folder >= 0 else { return nil }
        defer { close(folder) }
        do throws(IOError) {
            let descriptor = try SystemCall.value("open", path) {
                rest.withPlatformString { dellad_open_beneath(folder, $0, dellad_o_path | O_CLOEXEC) }
            }
            return Handle(path: path, descriptor: descriptor)
        } catch {
            if error.errno == .improperLink { return nil }
            throw error
        }
    }

    /// As `handle`, where the kernel gives no account: by where the path leads before, and where the file is after.
    private static func checkedHandle(_ path: FilePath, below root: FilePath) throws(IOError) -> Handle? {
        let top = try FileSystem.resolved(root)
        let place = try FileSystem.resolved(path)
        guard place.starts(with: top) else { return nil }
        let descriptor = try SystemCall.value("open", path) {
            place.withPlatformString { Glibc.open($0, dellad_o_path | O_NOFOLLOW | O_CLOEXEC) }
        }
        let handle = Handle(path: path, descriptor: descriptor)
        let found = try FileSystem.resolved(FilePath("/proc/self/fd/\(descriptor)"))
        guard found.starts(with: top) else { throw IOError("open", path, .improperLink) }
        return handle
    }
}
