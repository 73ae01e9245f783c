import StreamIO

/// Cuts the output's tensors into files: a new one where the next tensor would pass the shard size, or the header
/// what the format allows.
enum ShardLayout {
    /// Files of one output, at most: their names have five digits.
    static let shardLimit = 99_999

    /// One file's tensors, and the length of its header.
    private struct Group {
        var range: Range<Int>
        var headerByteCount: Int
        var dataByteCount: UInt64
    }

    /// The shards of an output, `offset` of each tensor set; `nil` beyond `shardLimit`.
    ///
    /// - Parameters:
    ///   - shardSize: tensor data of one file, in bytes; a tensor that is larger has a file to itself.
    ///   - headerLimit: the most bytes of one file's header.
    static func shards(
        of tensors: consuming FlatTensors, shardSize: UInt64,
        headerLimit: Int = Int(SafetensorsHeader.jsonByteLimit), isStopped: () -> Bool = { false }
    ) -> [OutputShard]? {
        guard let groups = groups(tensors, shardSize, headerLimit, isStopped) else { return nil }
        for group in groups {
            var offset = UInt64(group.headerByteCount)
            for index in group.range {
                tensors.place(index, at: offset)
                offset += tensors.byteCount(index)
            }
        }
        let storage = OutputTensorList.Storage(tensors)
        return groups.enumerated().map { number, group in
            OutputShard(
                fileName: fileName(number, of: groups.count), headerByteCount: group.headerByteCount,
                tensors: OutputTensorList(storage, group.range),
                byteCount: UInt64(group.headerByteCount) + group.dataByteCount)
        }
    }

    private static func groups(
        _ tensors: FlatTensors, _ shardSize: UInt64, _ headerLimit: Int, _ isStopped: () -> Bool
    ) -> [Group]? {
        var groups: [Group] = []
        var encoder = SafetensorsHeaderEncoder(keeping: nil)
        var first = 0
        func end(before index: Int) {
            groups.append(
                Group(
                    range: first..<index, headerByteCount: encoder.byteCount,
                    dataByteCount: encoder.dataByteCount))
            first = index
            encoder = SafetensorsHeaderEncoder(keeping: nil)
        }
        for index in 0..<tensors.count where !isStopped() {
            let name = tensors.name(index), byteCount = tensors.byteCount(index)
            // What an entry takes beside its name, escaped, and its dimensions.
            let entryLimit = 6 * name.utf8.count + 21 * tensors.shape(index).count + 128
            if index > first,
                encoder.dataByteCount + byteCount > shardSize || encoder.byteCount + entryLimit > headerLimit
            {
                end(before: index)
                guard groups.count < shardLimit else { return nil }
            }
            encoder.append(
                name: name, type: tensors.type(index), shape: tensors.shape(index), byteCount: byteCount)
        }
        end(before: tensors.count)
        return groups
    }

    private static func fileName(_ index: Int, of count: Int) -> String {
        count == 1 ? "model.safetensors" : "model-\(digits(index + 1))-of-\(digits(count)).safetensors"
    }

    private static func digits(_ number: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, 5 - text.count)) + text
    }
}
