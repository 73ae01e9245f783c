import StreamIO
import SystemPackage

/// A `tokenizer.json` with more added tokens than its source, which is copied around them as it is.
public struct ExtendedTokenizer: Hashable, Sendable {
    /// Where entries are put into a `tokenizer.json`.
    enum Place: Hashable, Sendable {
        /// Right after the last entry of `added_tokens`, or after the bracket of an empty one.
        case list(end: Int, isEmpty: Bool)
        /// Right after the file's first brace, as it has no `added_tokens`.
        case file(start: Int)

        var offset: Int {
            switch self {
            case .list(let end, _): end
            case .file(let start): start
            }
        }
    }

    /// The file that is added to.
    var source: FilePath
    /// Its length, in bytes, when it was read.
    var sourceSize: Int
    var place: Place
    var tokens: AddedTokens

    /// Bytes that are gathered before they are handed out.
    private static let pieceBytes = 1 << 18

    /// The length of the new file, in bytes.
    var byteCount: UInt64 {
        var count = UInt64(sourceSize)
        entries { count += UInt64($0.count) }
        return count
    }

    /// Writes the new file and syncs it; `EEXIST` where anything has that name, `ESTALE` where the source has another
    /// length than it had.
    ///
    /// - Parameter file: the source, opened for buffered reading.
    func write(_ file: borrowing OpenFile, to path: FilePath) throws(IOError) {
        guard try file.status().size == UInt64(sourceSize) else {
            throw IOError("read (it was changed)", source, .staleNFSFileHandle)
        }
        let source = source
        var from = 0
        try FileSystem.writeNew(path) { write in
            func copy(upTo end: Int, of file: borrowing OpenFile) throws {
                while from < end {
                    let piece = try file.read(upTo: min(Self.pieceBytes, end - from), at: UInt64(from))
                    guard !piece.isEmpty else { throw IOError("read (it ends early)", source, .ioError) }
                    try write(piece)
                    from += piece.count
                }
            }
            try copy(upTo: place.offset, of: file)
            try entries(write)
            try copy(upTo: sourceSize, of: file)
        }
    }

    /// Hands out what is put in, in pieces.
    private func entries(_ body: ([UInt8]) throws -> Void) rethrows {
        var piece: [UInt8] = []
        var isFirst = true
        if case .file = place { piece += "\n  \"added_tokens\": [".utf8 }
        if case .list(_, isEmpty: false) = place { isFirst = false }
        for index in 0..<tokens.count {
            let text = tokens.entry(index, withID: true).serialized(indentedBy: 2, level: 2)
            piece += "\(isFirst ? "" : ",")\n    \(text)".utf8
            isFirst = false
            guard piece.count >= Self.pieceBytes else { continue }
            try body(piece)
            piece.removeAll(keepingCapacity: true)
        }
        switch place {
        case .list(_, isEmpty: true): piece += "\n  ".utf8
        case .file: piece += "\n  ],".utf8
        default: break
        }
        try body(piece)
    }
}
