import StreamIO

/// Which shards each of the parts of a plan has: the same on every machine, whatever its budget.
public struct PartDivision: Hashable, Sendable {
    /// One of the parts.
    public struct Share: Hashable, Sendable {
        /// Numbers of shards, ascending.
        public fileprivate(set) var shards: [Int] = []
        /// Bytes that are read and written for them; what a small budget makes a merge read again is not among them.
        public fileprivate(set) var bytes: UInt64 = 0
    }

    /// The parts, in order.
    public let shares: [Share]

    /// The parts that have a shard.
    public var usedCount: Int { shares.count { !$0.shards.isEmpty } }

    /// The most bytes that a part moves.
    public var longestBytes: UInt64 { shares.map(\.bytes).max() ?? 0 }

    /// Bytes that all parts move.
    public var bytes: UInt64 { shares.reduce(0) { $0 + $1.bytes } }

    /// Gives shards to parts, those that take the longest first, each to the part that has the least: never more than
    /// a third beyond the best (Graham, Bounds on Multiprocessing Timing Anomalies, 1969). O(shards·parts).
    ///
    /// - Parameter count: parts, at least one.
    public init(_ plan: MergePlan, count: Int) {
        self.init(bytes: plan.shards.map(\.movedBytes), count: count)
    }

    /// Of shards that move these bytes.
    init(bytes: [UInt64], count: Int) {
        precondition(count > 0, "a merge has a part")
        var shares = [Share](repeating: Share(), count: count)
        let longestFirst = bytes.indices.sorted { (bytes[$1], $0) < (bytes[$0], $1) }
        for shard in longestFirst {
            // Of equals the first, as `min` takes it.
            let least = shares.indices.min { shares[$0].bytes < shares[$1].bytes } ?? 0
            shares[least].shards.append(shard)
            shares[least].bytes += bytes[shard]
        }
        for index in shares.indices { shares[index].shards.sort() }
        self.shares = shares
    }
}

extension OutputShard {
    /// Bytes that are read and written for it, once each.
    var movedBytes: UInt64 {
        tensors.reduce(byteCount) { $0 + RowShape($1).readBytes }
    }
}

extension MergePlan {
    /// The merge of some of its shards, which is what one part does. They keep their names.
    func part(_ share: PartDivision.Share) -> MergePlan {
        var part = self
        part.shards = share.shards.map { shards[$0] }
        return part
    }
}
