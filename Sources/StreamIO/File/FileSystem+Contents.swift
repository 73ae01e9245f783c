import Glibc
import SystemPackage

extension FileSystem {
    /// The size of the buffer of `copy`, in bytes.
    public static let copyBufferSize = 1 << 20

    /// The whole content of a regular file; of a `/proc` or `/sys` file too.
    ///
    /// - Parameters:
    ///   - limit: the most bytes the file may hold; `EFBIG` beyond.
    ///   - followLinks: `ELOOP` for a link if not.
    public static func readWhole(
        _ path: FilePath, limit: Int, followLinks: Bool = true
    ) throws(IOError) -> [UInt8] {
        try readWhole(
            followLinks
                ? OpenFile.forReading(path, direct: false) : OpenFile.forReadingUnlinked(path), limit: limit)
    }

    /// The whole content of an open file.
    static func readWhole(_ file: consuming OpenFile, limit: Int) throws(IOError) -> [UInt8] {
        let path = file.path
        let status = try file.status()
        guard status.isRegular else {
            throw IOError(
                "read (not a regular file)", path, status.isDirectory ? .isDirectory : .invalidArgument)
        }
        guard status.size <= UInt64(limit) else {
            throw IOError("read (larger than \(limit) bytes)", path, .fileTooLarge)
        }
        // The size is a hint: files of /proc say 0, and others may be growing.
        var bytes: [UInt8] = []
        var step = max(4096, Int(status.size) + 1)
        while bytes.count <= limit {
            let more = try file.read(upTo: min(step, limit + 1 - bytes.count), at: UInt64(bytes.count))
            if more.isEmpty { return bytes }
            bytes.append(contentsOf: more)
            step = copyBufferSize
        }
        throw IOError("read (larger than \(limit) bytes)", path, .fileTooLarge)
    }

    /// Creates a file with that content; `EEXIST` where anything has that name. A file that could not be
    /// written whole is removed again.
    ///
    /// - Parameters:
    ///   - sync: whether to wait until it is on the disk; its name is only there after `syncFolder`.
    ///   - permissions: before the process's umask.
    ///   - leastPermissions: those that the umask does not take.
    public static func writeWhole(
        _ bytes: [UInt8], to path: FilePath, sync: Bool, permissions: UInt32 = 0o666,
        leastPermissions: UInt32 = 0
    ) throws(IOError) {
        let file = try OpenFile.creating(path, direct: false, permissions: permissions)
        do throws(IOError) {
            try file.permit(leastPermissions)
            try OpenFile.withBytes(bytes) { (raw) throws(IOError) in try file.write(raw, at: 0) }
            if sync { try file.sync() }
        } catch {
            try? remove(path)
            throw error
        }
    }

    /// Writes what `content` hands out, in pieces, to a new file and syncs it; `EEXIST` where anything has that name.
    ///
    /// - Parameter content: throws nothing but `IOError`; what was written is removed then.
    package static func writeNew(
        _ path: FilePath, _ content: (([UInt8]) throws -> Void) throws -> Void
    ) throws(IOError) {
        let file = try OpenFile.creating(path, direct: false)
        do {
            var offset: UInt64 = 0
            try content { piece in
                try piece.withUnsafeBytes { try file.write($0, at: offset) }
                offset += UInt64(piece.count)
            }
            try file.sync()
        } catch let error as IOError {
            try? remove(path)
            throw error
        } catch {
            preconditionFailure("all errors of files are typed: \(error)")
        }
    }

    /// Puts a new content in place of a file's, or creates the file: readers see the old or the new, whole.
    ///
    /// The new content is written to `.NAME.tmp` beside the file, then renamed. One writer at a time. Where
    /// something of somebody else's has that name and cannot be removed, another one is found.
    ///
    /// - Parameter sync: whether the content, and then the name, is on the disk at the return. Without, a
    ///   crash of the host may leave the old content or none, and costs nothing.
    public static func replaceAtomically(
        _ path: FilePath, with bytes: [UInt8], sync: Bool = true
    ) throws(IOError) {
        let draft = try writeDraft(bytes, of: path, sync: sync)
        do throws(IOError) {
            try rename(draft, to: path, replacing: true)
        } catch {
            try? remove(draft)
            throw error
        }
        if sync { try syncFolder(path.parent) }
    }

    /// Where the new content of a file is written before it gets its name.
    public static func draft(of path: FilePath) -> FilePath {
        path.removingLastComponent().appending(".\(path.lastComponent?.string ?? "").tmp")
    }

    /// The usual name, so that a crash leaves one draft at most; one that cannot be foreseen where that is taken.
    private static func writeDraft(
        _ bytes: [UInt8], of path: FilePath, sync: Bool
    ) throws(IOError) -> FilePath {
        let (folder, name) = (path.removingLastComponent(), path.lastComponent?.string ?? "")
        let draft = draft(of: path)
        do throws(IOError) {
            try remove(draft)
            try writeWhole(bytes, to: draft, sync: sync)
            return draft
        } catch  where [.isDirectory, .notPermitted, .permissionDenied, .fileExists].contains(error.errno) {
            let other = folder.appending(".\(name).\(UInt64.random(in: 0 ... .max)).tmp")
            try writeWhole(bytes, to: other, sync: sync)
            return other
        }
    }

    /// Copies a regular file's content to a new file, synced; `EEXIST` where anything has that name.
    ///
    /// Through one buffer of `copyBufferSize`, and neither file stays in the page cache. A copy that could
    /// not be finished is removed again.
    ///
    /// - Parameter source: opened for buffered reading.
    public static func copy(_ source: consuming OpenFile, to: FilePath) throws(IOError) {
        let from = source.path
        let status = try source.status()
        guard status.isRegular else {
            throw IOError(
                "copy (not a regular file)", from, status.isDirectory ? .isDirectory : .invalidArgument)
        }
        let target = try OpenFile.creating(to, direct: false)
        do throws(IOError) {
            try copyContents(of: source, to: target)
            try target.sync()
        } catch {
            try? remove(to)
            throw error
        }
        source.dropCache()
        target.dropCache()
    }

    private static func copyContents(
        of source: borrowing OpenFile, to target: borrowing OpenFile
    ) throws(IOError) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: copyBufferSize, alignment: 16)
        defer { buffer.deallocate() }
        var offset: UInt64 = 0
        while true {
            let count = try source.read(into: buffer, at: offset)
            if count == 0 { return }
            try target.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]), at: offset)
            offset += UInt64(count)
            if count < buffer.count { return }
        }
    }
}
