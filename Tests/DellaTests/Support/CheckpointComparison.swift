import StreamIO
import SystemPackage

@testable import Della
@testable import MergeReference

/// Whether two checkpoints agree as numerics of one revision must: every value within one unit in the last
/// place or 1e-6, and at least 99.9 % of 16-bit values identical.
struct CheckpointComparison {
    private(set) var failures: [String] = []
    private var differing16 = 0
    private var total16 = 0

    init(_ first: FilePath, _ second: FilePath, maximumUnits: Int64 = 1, tolerance: Float = 1e-6) throws {
        let left = try Checkpoint(opening: first)
        let right = try Checkpoint(opening: second)
        let names = Set(left.tensors.map(\.name)).union(right.tensors.map(\.name))
        for name in names.sorted() {
            guard let a = left.tensor(named: name), let b = right.tensor(named: name) else {
                failures.append("\(name) is in one only")
                continue
            }
            guard a.type == b.type, a.shape == b.shape else {
                failures.append("\(name): \(a.type)\(a.shape) and \(b.type)\(b.shape)")
                continue
            }
            try compare(
                name, a.type, try Self.bytes(of: a, in: left), try Self.bytes(of: b, in: right),
                maximumUnits, tolerance)
        }
        if differing16 * 1000 > total16 {
            failures.append("\(differing16) of \(total16) 16-bit values differ")
        }
    }

    private static func bytes(of tensor: Checkpoint.Tensor, in checkpoint: Checkpoint) throws -> [UInt8] {
        try OpenFile.forReading(checkpoint.shards[tensor.shard].path, direct: false)
            .read(upTo: Int(tensor.byteCount), at: tensor.offset)
    }

    private mutating func compare(
        _ name: String, _ type: ElementType, _ a: [UInt8], _ b: [UInt8], _ maximumUnits: Int64,
        _ tolerance: Float
    ) throws {
        guard type.isComputable else {
            if a != b { failures.append("\(name) differs") }
            return
        }
        let width = type.bitWidth / 8
        let values = (ReferenceFormat.decode(type, a), ReferenceFormat.decode(type, b))
        var worst: (units: Int64, difference: Float) = (0, 0)
        var over = 0
        for index in values.0.indices {
            let (x, y) = (values.0[index], values.1[index])
            if width == 2 { total16 += 1 }
            if x == y || x.isNaN && y.isNaN { continue }
            if width == 2 { differing16 += 1 }
            let units = abs(Self.rank(a, index, width) - Self.rank(b, index, width))
            let difference = abs(x - y)
            worst = (max(worst.units, units), max(worst.difference, difference))
            if !(units <= maximumUnits || difference <= tolerance) { over += 1 }
        }
        if over > 0 {
            failures.append("\(name): \(over) over, \(worst.units) units, difference \(worst.difference)")
        }
    }

    /// A stored value as an integer such that neighbours differ by one.
    private static func rank(_ bytes: [UInt8], _ index: Int, _ width: Int) -> Int64 {
        let pattern = (0..<width).reduce(Int64(0)) { $0 | Int64(bytes[index * width + $1]) << (8 * $1) }
        let sign = Int64(1) << (8 * width - 1)
        return pattern & sign == 0 ? pattern : -(pattern & (sign - 1))
    }
}
