/// A cut that is being found: the place of a rank in the order of a tensor's scores, equal scores by position.
///
/// The scores are counted by the upper bits of their keys, then by the lower ones; with that the cut's key is known, and
/// how many of equal ones lie before the cut. Where these lie is found last.
struct RankCut: Hashable, Sendable {
    /// How equal keys are parted by the element of the rank.
    enum Parting: Hashable, Sendable {
        /// The cut lies before it.
        case before
        /// The cut lies after it.
        case after
        /// Equal keys count from the last: the cut has as many before it as lie behind the element, and it itself.
        case reversed
    }

    /// Ascending, from 0.
    let rank: UInt64
    let parting: Parting
    /// The upper bits of its key that are known.
    private(set) var key: UInt32 = 0
    /// Elements whose keys are below.
    private(set) var below: UInt64 = 0
    /// Elements with that key.
    private(set) var equal: UInt64 = 0
    /// Behind the last element of the key that lies before the cut.
    var position: UInt64?

    init(rank: UInt64, _ parting: Parting) {
        self.rank = rank
        self.parting = parting
    }

    /// Elements of the cut's key that lie before the cut.
    var before: UInt64 {
        switch parting {
        case .before: rank - below
        case .after: rank + 1 - below
        case .reversed: below + equal - rank
        }
    }

    /// Whether elements of the cut's key lie on both sides, so that one has to look where.
    var isWithin: Bool { before > 0 && before < equal }

    /// The cut; all of its key before it or behind it where none was looked for.
    var place: KeyCut {
        KeyCut(key: key, position: position ?? (before == 0 ? 0 : UInt64(Int64.max)))
    }

    /// Takes in the counts of the next bits of the keys that have the known ones.
    ///
    /// - Parameter bits: how many; there is a count for each of their values.
    mutating func narrow(_ counts: KeyCounts, bits: Int) {
        let found = counts.slot(ofRank: rank, below: below)
        key = key << UInt32(bits) | UInt32(found.slot)
        (below, equal) = (found.below, found.count)
    }
}

extension TensorMerge {
    /// The scores that are counted: one an input of differences, else one.
    var scoreCount: Int { deltas == nil ? 1 : inputs.count }

    /// The most cuts of a score.
    private var cutCount: Int {
        if case .fusion = rule { Self.quartiles.count } else { 2 }
    }

    /// Of the ranks of the last element, where `arcee_fusion` looks at the scores.
    private static let quartiles = [0.25, 0.5, 0.75]

    /// Bytes of the tables of one score: of all upper bits, or of the lower ones of each cut.
    var tableBytes: Int {
        guard hasLongKeys else { return KeyCounts.byteCount(length: KeyCounts.shortLength) }
        return max(
            KeyCounts.byteCount(length: KeyCounts.longLength),
            cutCount * KeyCounts.byteCount(length: 1 << KeyCounts.lowerBits))
    }

    /// Bytes of all scores' tables, and of what is kept of rows.
    func tableSetBytes(rowCount: Int) -> Int { scoreCount * tableBytes + 4 * keptFactors(of: rowCount) }

    /// Rows whose divergence is kept beside the tables, where it is a part of the scores.
    func keptFactors(of rowCount: Int) -> Int {
        if case .fusion = rule { min(rowCount, Self.mostFactors) } else { 0 }
    }

    /// Half a megabyte of them.
    private static let mostFactors = 1 << 17

    /// The cuts to be found of each score of `count` elements, of which that many are zero.
    func cuts(of count: Int, zeros: Int) -> [[RankCut]] {
        switch rule {
        case .deltas(let rule): return rule.terms.map { $0.cuts(of: count) }
        case .sce(let share):
            let kept = min(count, Int(Double(count - zeros) * share))
            return [kept > 0 ? [RankCut(rank: UInt64(count - kept), .reversed)] : []]
        case .fusion:
            return [Self.quartiles.map { RankCut(rank: UInt64($0 * Double(count - 1)), .before) }]
        case .blend, .nearswap, .ram: return []
        }
    }
}

extension DeltaTerm {
    /// Whether the largest differences are kept, or the largest but for outliers.
    var isCut: Bool {
        switch sparsifier {
        case .largest, .band: isPruned
        case .none, .magprune, .bernoulli: false
        }
    }

    /// The cuts between which lies what is kept of `count` differences: none where all or nothing is.
    func cuts(of count: Int) -> [RankCut] {
        guard isCut, count > 0 else { return [] }
        switch sparsifier {
        case .largest(let density):
            let kept = min(count, max(1, Int(density * Double(count))))
            return [RankCut(rank: UInt64(count - kept), .reversed)]
        case .band:
            let ranks = bandRanks(of: count)
            guard !ranks.isEmpty else { return [] }
            return [
                RankCut(rank: UInt64(ranks.lowerBound), .before),
                RankCut(rank: UInt64(ranks.upperBound - 1), .after),
            ]
        case .none, .magprune, .bernoulli: return []
        }
    }

    /// What lies between the cuts.
    func band(_ cuts: [RankCut]) -> KeyBand {
        guard let low = cuts.first?.place else { return .none }
        guard case .band = sparsifier else {
            return KeyBand(low: low, high: KeyBand.top, keepsEarlier: true)
        }
        return KeyBand(low: low, high: cuts.last?.place ?? KeyBand.top, keepsEarlier: false)
    }

    /// Ascending ranks of what is kept. Products in Double, truncated.
    private func bandRanks(of count: Int) -> Range<Int> {
        guard case .band(let density, let gamma) = sparsifier else { return 0..<0 }
        let kept = Int(density * Double(count))
        let bottom = min(count, max(0, count - kept - Int(gamma * Double(count))))
        return bottom..<min(count, bottom + kept)
    }
}
