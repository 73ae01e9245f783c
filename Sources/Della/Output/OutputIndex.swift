import StreamIO

/// `model.safetensors.index.json` of an output.
struct OutputIndex: TextInPieces {
    let shards: [OutputShard]

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
