import StreamIO
import SystemPackage

/// Takes checksums of ranges of one file, through one buffer and past the page cache where that is possible.
struct ChunkReader: ~Copyable {
    /// Bytes of the buffer.
    static let bufferSize = 4 << 20

    private let file: OpenFile
    private let buffer: UnsafeMutableRawBufferPointer

    init(_ path: FilePath, direct: Bool) throws(IOError) {
        file = try OpenFile.forReading(path, direct: direct)
        buffer = .allocate(byteCount: Self.bufferSize, alignment: OpenFile.directAlignment)
    }

    deinit { buffer.deallocate() }

    /// Calls `body` with the range's bytes, piece by piece. Fewer where the file ends.
    func read(_ range: Range<UInt64>, _ body: (UnsafeRawBufferPointer) -> Void) throws(IOError) {
        var offset = range.lowerBound
        while offset < range.upperBound {
            let wanted = Int(min(UInt64(Self.bufferSize), range.upperBound - offset))
            // A direct read is of whole pages; what lies beyond the range is left out.
            let page = OpenFile.directAlignment
            let length = file.reference.isDirect ? (wanted + page - 1) / page * page : wanted
            let count: Int
            do {
                count = try FileDescriptor(rawValue: file.reference.descriptor).read(
                    fromAbsoluteOffset: Int64(offset),
                    into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<length]))
            } catch {
                throw IOError("read", file.path, error as? Errno ?? .ioError)
            }
            let used = min(count, wanted)
            if used == 0 { return }
            body(UnsafeRawBufferPointer(rebasing: buffer[..<used]))
            offset += UInt64(used)
            // Off a page's start there is nothing but the end of the file.
            if file.reference.isDirect, used % page != 0 { return }
        }
    }
}
