/// One pass over all rows of a tensor. Every pass but the last measures what a later one has to know before its first
/// row.
enum Phase: Hashable, Sendable {
    /// Counts the scores of the elements, of long ones by their upper bits.
    case count
    /// Counts the lower bits of the scores that share a cut's upper ones.
    case countLow
    /// Finds where among equal scores a cut lies.
    case locate
    /// Chooses which differences are kept and leaves `kept ? x : b`; sums up |δ|, all and kept, by row.
    case select
    /// Sums up the squares of the differences that are kept, by row.
    case weigh
    /// Sums up the products of all inputs, or of their differences, by row.
    case gram
    /// Sums up the products of all inputs, or of their differences, by column; rows in their order.
    case columns
    /// Counts, for each input, the differences that it has alone and that it shares.
    case tally
    /// Writes the output's rows.
    case emit

    /// Whether what it sums up is summed by row, to be added in their order; else by chunk, as integers are, whose
    /// order does not matter.
    var sumsByRow: Bool {
        switch self {
        case .select, .weigh, .gram: true
        case .count, .countLow, .locate, .columns, .tally, .emit: false
        }
    }

    /// Whether it counts in tables.
    var counts: Bool { self == .count || self == .countLow }

    /// Whether it needs the tensor's tables.
    var takesTables: Bool { counts || self == .columns }
}

extension TensorMerge {
    /// The passes that the rule takes over a tensor, in order.
    var phases: [Phase] {
        switch rule {
        case .deltas(let rule):
            counting + (rule.rescale && rule.terms.contains(where: \.isPruned) ? [.select] : []) + [.emit]
        case .blend(.nuslerp(_, .columns)): [.columns, .emit]
        case .blend(let rule): rule.takesGram(of: inputs.count) ? [.gram, .emit] : [.emit]
        case .ram(let rule): rule.boost == nil || inputs.isEmpty ? [.emit] : [.tally, .emit]
        case .sce(let share):
            counting + (inputs.isEmpty || share <= 0 ? [] : [.weigh]) + [.emit]
        case .fusion: [.count, .countLow, .emit]
        case .nearswap: [.emit]
        }
    }

    /// Whether something has to be found of the whole tensor before its first row.
    var measures: Bool { phases.count > 1 }

    /// The passes that find cuts.
    private var counting: [Phase] {
        switch rule {
        case .deltas(let rule) where rule.terms.contains(where: \.isCut): break
        case .sce(let share) where share > 0 && share < 1 && !inputs.isEmpty: break
        default: return []
        }
        return hasLongKeys ? [.count, .countLow, .locate] : [.count, .locate]
    }

    /// Whether the keys of what is counted take more than 15 bits.
    var hasLongKeys: Bool { deltas == nil || format == .float32 }

    /// How many sums in Double a phase takes over each row.
    func sumCount(_ phase: Phase) -> Int {
        switch phase {
        case .select, .tally: 2 * inputs.count
        case .weigh: inputs.count
        case .locate: 2 * scoreCount
        // How many scores are zero.
        case .count: 1
        case .countLow: 0
        // None, but a buffer for them.
        case .columns: 1
        case .gram: GramMatrix.sumCount(inputs.count)
        case .emit: 0
        }
    }
}

extension BlendRule {
    /// Whether the coefficients follow from products over the tensor.
    func takesGram(of inputCount: Int) -> Bool {
        switch self {
        case .weighted, .scaled: false
        case .slerp: true
        case .nuslerp(_, let grain): grain == .tensor
        case .multislerp, .karcher: inputCount > 1
        case .stock(let byRow): !byRow
        }
    }

    /// Whether the coefficients follow from products over a row.
    var takesGramByRow: Bool {
        switch self {
        case .nuslerp(_, let grain): grain == .rows
        case .stock(let byRow): byRow
        default: false
        }
    }
}

extension DeltaTerm {
    /// Whether some elements are kept and others not: 0 < density < 1.
    var isPruned: Bool { sparsifier.isPartial }

    /// Whether some are, by their rank within a row.
    var isRanked: Bool {
        guard case .magprune = sparsifier else { return false }
        return isPruned
    }

    /// Whether every element is dropped.
    var isDropped: Bool { sparsifier.density <= 0 }

    /// `epsilon` of MAGPRUNE; 0 of others.
    var epsilon: Double {
        if case .magprune(_, let epsilon) = sparsifier { epsilon } else { 0 }
    }
}
