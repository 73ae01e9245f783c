import StreamIO
import SystemPackage

/// A text that is written as it is made, as it grows with the model.
protocol TextInPieces {
    /// Hands out the text, in pieces.
    func pieces(_ body: ([UInt8]) throws -> Void) rethrows
}

extension TextInPieces {
    /// Bytes that are gathered before they are handed out.
    static var pieceBytes: Int { 1 << 18 }

    /// The length of the text, in bytes.
    var byteCount: UInt64 {
        var count: UInt64 = 0
        pieces { count += UInt64($0.count) }
        return count
    }

    /// Writes the text to a new file and syncs it; `EEXIST` where anything has that name.
    func write(to path: FilePath) throws(IOError) { try FileSystem.writeNew(path) { try pieces($0) } }
}
