/// One pass over all rows of a tensor. Every pass but the last measures what a later one has to know before its first
/// row.
enum Phase: Hashable, Sendable {
    /// Draws which differences are kept and leaves `kept ? x : b`; sums up |δ|, all and kept, by row.
    case draw
    /// Sums up the products of all inputs, or of their differences, by row.
    case gram
    /// Counts, for each input, the differences that it has alone and that it shares.
    case tally
    /// Writes the output's rows.
    case emit

    /// Whether what it sums up is summed by row, to be added in their order; else by chunk, as integers are, whose
    /// order does not matter.
    var sumsByRow: Bool { self != .tally }
}

extension TensorMerge {
    /// The passes that the rule takes over a tensor, in order.
    var phases: [Phase] {
        switch rule {
        case .deltas(let rule):
            rule.rescale && rule.terms.contains(where: \.isPruned) ? [.draw, .emit] : [.emit]
        case .blend(let rule): rule.takesGram(of: inputs.count) ? [.gram, .emit] : [.emit]
        case .ram(let rule): rule.boost == nil || inputs.isEmpty ? [.emit] : [.tally, .emit]
        case .nearswap, .sce, .fusion: [.emit]
        }
    }

    /// Whether something has to be found of the whole tensor before its first row.
    var measures: Bool { phases.count > 1 }

    /// How many sums in Double a phase takes over each row.
    func sumCount(_ phase: Phase) -> Int {
        switch phase {
        case .draw, .tally: 2 * inputs.count
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

    /// Whether every element is dropped.
    var isDropped: Bool { sparsifier.density <= 0 }

    /// `epsilon` of MAGPRUNE; 0 of others.
    var epsilon: Double {
        if case .magprune(_, let epsilon) = sparsifier { epsilon } else { 0 }
    }
}
