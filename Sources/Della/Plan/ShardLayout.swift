import StreamIO

/// Cuts the output's tensors into files: a new one where the next tensor would pass the shard size.
enum ShardLayout {
    /// Files of one output, at most: their names have five digits.
    static let shardLimit = 99_999

    /// The shards of an output, `offset` of each tensor set; `nil` beyond `shardLimit`.
    ///
    /// - Parameter shardSize: tensor data of one file, in bytes; a tensor that is larger has a file to itself.
    static func shards(of tensors: [OutputTensor], shardSize: UInt64) -> [OutputShard]? {
        var groups: [[OutputTensor]] = [[]]
        var size: UInt64 = 0
        for tensor in tensors {
            if groups[groups.count - 1].isEmpty == false, size + tensor.byteCount > shardSize {
                groups.append([])
                size = 0
            }
            groups[groups.count - 1].append(tensor)
            size += tensor.byteCount
        }
        guard groups.count <= shardLimit else { return nil }
        return groups.enumerated().map { index, group in
            shard(group, fileName: fileName(index, of: groups.count))
        }
    }

    private static func fileName(_ index: Int, of count: Int) -> String {
        count == 1 ? "model.safetensors" : "model-\(digits(index + 1))-of-\(digits(count)).safetensors"
    }

    private static func digits(_ number: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, 5 - text.count)) + text
    }

    private static func shard(_ group: [OutputTensor], fileName: String) -> OutputShard {
        let header = SafetensorsHeader(layingOut: group.map { ($0.name, $0.type, $0.shape) })
        var offset = header.byteCount
        let placed = group.map { tensor in
            var placed = tensor
            placed.offset = offset
            offset += tensor.byteCount
            return placed
        }
        return OutputShard(fileName: fileName, header: header.encoded(), tensors: placed, byteCount: offset)
    }
}
