/// The tensors of a checkpoint by file name, then offset. Each is made when it is asked for.
public struct TensorList: RandomAccessCollection, Hashable, Sendable {
    let table: TensorTable
    /// The place of each file's first tensor.
    let starts: [Int]
    /// Where the data of each file begins.
    let dataOffsets: [UInt64]

    /// 0.
    public var startIndex: Int { 0 }
    /// The number of tensors.
    public var endIndex: Int { table.count }

    /// The tensor at a place. O(log files).
    public subscript(place: Int) -> Checkpoint.Tensor {
        let shard = shard(of: place)
        return Checkpoint.Tensor(
            name: table.name(at: place), type: table.type(at: place), shape: table.shape(at: place),
            shard: shard,
            offset: dataOffsets[shard] + table.begin(at: place), byteCount: table.byteCount(at: place))
    }

    /// The name alone.
    public func name(at place: Int) -> String { table.name(at: place) }

    /// The last file that begins at the place or before: those without tensors begin where the next does.
    private func shard(of place: Int) -> Int {
        precondition(indices.contains(place), "no tensor is there")
        var low = 0, high = starts.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if starts[middle] <= place { low = middle } else { high = middle }
        }
        return low
    }
}
