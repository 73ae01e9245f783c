import SystemPackage

/// A file that is read piece by piece as far as it says what else is in it: JSON, a zip directory, a pickle.
final class TextFile {
    let path: FilePath
    private let file: OpenFile
    /// As it was when it was opened.
    let status: FileStatus
    /// CRC-32C of what was read.
    private(set) var checksum = CRC32C()
    private let isStopped: () -> Bool

    /// Opens a regular file.
    ///
    /// - Parameters:
    ///   - folders: what may be read.
    ///   - isStopped: asked before each piece.
    init(
        _ path: FilePath, in folders: ReadableFolders, isStopped: @escaping () -> Bool
    ) throws(CheckpointError) {
        self.path = path
        self.isStopped = isStopped
        do throws(IOError) {
            file = try folders.open(path)
            status = try file.status()
        } catch {
            throw CheckpointError(opening: path, error)
        }
    }

    /// Up to `count` bytes of the file's start.
    func start(upTo count: Int) throws(CheckpointError) -> [UInt8] {
        do throws(IOError) {
            let bytes = try file.read(upTo: min(count, Int(clamping: status.size)), at: 0)
            return bytes
        } catch {
            throw CheckpointError(path, .unreadable(error))
        }
    }

    /// Counts bytes that were read otherwise into the checksum.
    func add(_ bytes: [UInt8]) { bytes.withUnsafeBytes { checksum.update($0) } }

    /// A reader of the text in a range of the file. Throws `CheckpointError` beside what it throws itself.
    func reader(_ range: Range<Int>, allowsNonfinite: Bool = false) -> JSONReader {
        JSONReader(byteCount: range.count, allowsNonfinite: allowsNonfinite) { buffer, offset in
            try self.read(into: buffer, at: UInt64(range.lowerBound + offset))
        }
    }

    /// That many bytes of the file, which must be there, and which count into the checksum.
    func bytes(at offset: UInt64, count: Int) throws(CheckpointError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let result = bytes.withUnsafeMutableBytes { raw in
            Result { () throws(CheckpointError) in try read(into: raw, at: offset) }
        }
        _ = try result.get()
        return bytes
    }

    /// Fills a buffer, and counts it into the checksum.
    func read(
        into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
    ) throws(CheckpointError) -> Int {
        if isStopped() { throw CheckpointError(path, .stopped) }
        let count: Int
        do throws(IOError) {
            count = try file.read(into: buffer, at: offset)
        } catch {
            throw CheckpointError(path, .unreadable(error))
        }
        guard count == buffer.count else { throw CheckpointError(path, .changed) }
        checksum.update(UnsafeRawBufferPointer(buffer))
        return count
    }

    /// Whether the file is still what it was when it was opened.
    func isUnchanged() throws(CheckpointError) -> Bool {
        do throws(IOError) {
            return try file.status() == status
        } catch {
            throw CheckpointError(path, .unreadable(error))
        }
    }

    /// Lets the kernel forget the file's first bytes.
    func dropCache(_ count: Int) { file.dropCache(from: 0, count: UInt64(count)) }
}
