/// Which tensor of a plan is meant: its shard, and its number in there.
struct TensorPlace: Hashable, Comparable, Sendable {
    var shard: Int
    var index: Int

    static func < (left: Self, right: Self) -> Bool { (left.shard, left.index) < (right.shard, right.index) }
}
