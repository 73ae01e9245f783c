/// Which tensor of a plan is meant: its shard, and its number in there.
struct TensorPlace: Hashable, Sendable {
    var shard: Int
    var index: Int
}
