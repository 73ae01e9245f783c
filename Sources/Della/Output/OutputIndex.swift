import StreamIO
import SystemPackage

/// `model.safetensors.index.json` of an output: written as it is made, as it grows with the model.
struct OutputIndex {
    /// Bytes that are gathered before they are handed out.
    private static let pieceBytes = 1 << 18

    let shards: [OutputShard]

    /// The length of the text, in bytes.
    var byteCount: UInt64 {
        var count: UInt64 = 0
        pieces { count += UInt64($0.count) }
        return count
    }

    /// Writes the text to a new file and syncs it; `EEXIST` where anything has that name.
    func write(to path: FilePath) throws(IOError) {
        let file = try OpenFile.creating(path, direct: false)
        do {
            var offset: UInt64 = 0
            try pieces { piece in
                try piece.withUnsafeBytes { try file.write($0, at: offset) }
                offset += UInt64(piece.count)
            }
            try file.sync()
        } catch let error as IOError {
            try? FileSystem.remove(path)
            throw error
        } catch {
            preconditionFailure("all errors of files are typed: \(error)")
        }
    }

    /// Hands out the text, in pieces.
    func pieces(_ body: ([UInt8]) throws -> Void) rethrows {
        var piece: [UInt8] = []
        piece.reserveCapacity(2 * Self.pieceBytes)
        let total = shards.reduce(UInt64(0)) { $0 + $1.byteCount - UInt64($1.headerByteCount) }
        piece.append(
            contentsOf: "{\n  \"metadata\": {\n    \"total_size\": \(total)\n  },\n  \"weight_map\": {\n".utf8
        )
        var isFirst = true
        for shard in shards {
            let file = JSON.string(shard.fileName).serialized()
            for place in shard.tensors.indices {
                let name = JSON.string(shard.tensors.name(at: place)).serialized()
                piece.append(contentsOf: "\(isFirst ? "" : ",\n")    \(name): \(file)".utf8)
                isFirst = false
                guard piece.count >= Self.pieceBytes else { continue }
                try body(piece)
                piece.removeAll(keepingCapacity: true)
            }
        }
        piece.append(contentsOf: "\n  }\n}\n".utf8)
        try body(piece)
    }
}
