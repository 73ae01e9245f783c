import StreamIO

/// One file of a synthetic checkpoint: where its tensors lie and what stands before, between and after them.
struct SyntheticShard: Sendable {
    struct Placement: Sendable {
        var tensor: CheckpointShape.Tensor
        /// Position among all tensors of the checkpoint: part of what selects its random numbers.
        var ordinal: Int
        /// First byte in the file.
        var offset: UInt64
    }

    /// Bytes that are no tensor's.
    struct Text: Sendable {
        /// First byte in the file.
        var offset: UInt64
        var bytes: [UInt8]
    }

    var fileName: String
    /// By offset. With the placements they cover the file.
    var texts: [Text]
    var placements: [Placement]
    /// The file's length in bytes.
    var byteCount: UInt64

    /// Cuts a checkpoint into files of at most `limit` bytes of tensors (a larger tensor has its own file).
    ///
    /// - Parameter fileName: instead of a model's, where one file holds all.
    static func layout(
        _ tensors: [CheckpointShape.Tensor], limit: UInt64, format: CheckpointFormat = .safetensors,
        fileName: String? = nil
    ) -> [SyntheticShard] {
        var parts: [[(Int, CheckpointShape.Tensor)]] = [[]]
        var size: UInt64 = 0
        for (ordinal, tensor) in tensors.enumerated() {
            if size > 0, size + tensor.byteCount > limit {
                parts.append([])
                size = 0
            }
            parts[parts.count - 1].append((ordinal, tensor))
            size += tensor.byteCount
        }
        return parts.enumerated().map { index, part in
            let name = fileName ?? format.fileName(index, of: parts.count)
            return switch format {
            case .safetensors: SyntheticShard(fileName: name, part: part)
            case .torch: SyntheticShard(fileName: name, archiving: part)
            }
        }
    }

    /// Length, JSON and padding to a multiple of 8, as the format's own library writes it, so that tensor data
    /// does not start on a page as it does in files that dellad merges.
    private init(fileName: String, part: [(Int, CheckpointShape.Tensor)]) {
        var json = "{\"__metadata__\": {\"format\": \"pt\"}"
        var end: UInt64 = 0
        for (_, tensor) in part {
            let shape = tensor.shape.map { "\($0)" }.joined(separator: ", ")
            json += ", \"\(tensor.name)\": {\"dtype\": \"\(tensor.type.rawValue)\", \"shape\": [\(shape)], "
            json += "\"data_offsets\": [\(end), \(end + tensor.byteCount)]}"
            end += tensor.byteCount
        }
        json += "}"
        while json.utf8.count % 8 != 0 { json += " " }
        let length = UInt64(json.utf8.count)
        let header = (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * UInt64($0))) } + Array(json.utf8)
        texts = [Text(offset: 0, bytes: header)]
        placements = []
        var offset = UInt64(header.count)
        for (ordinal, tensor) in part {
            placements.append(Placement(tensor: tensor, ordinal: ordinal, offset: offset))
            offset += tensor.byteCount
        }
        byteCount = offset
        self.fileName = fileName
    }
}
