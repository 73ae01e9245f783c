extension TensorMerge {
    /// The plain reference of a tensor's arithmetic; `nil` where there is none.
    func plainRule(of tensor: OutputTensor, seed: UInt64) -> (any PlainRule)? {
        switch rule {
        case .deltas(let rule): PlainTaskVectors(rule: rule, merge: self, name: tensor.name, seed: seed)
        case .blend(let rule): PlainBlend(rule, self)
        case .nearswap(let t): PlainNearswap(t: t)
        case .ram(let rule): PlainRam(rule: rule, merge: self)
        case .sce(let share): PlainSpread(share: share, merge: self)
        case .fusion: nil
        }
    }
}

/// What a merge method does to the rows of a tensor, written from its formulas to be read: an element at a time, without
/// kernels, layout or pipeline. An audit holds a merge to it, bit for bit.
protocol PlainRule {
    /// What must be known of a whole row before any of its elements: ranks, a norm, a divergence.
    associatedtype RowFacts

    /// Whether something must be known of the whole tensor before any of its rows.
    var needsConstants: Bool { get }

    /// Finds what must be known of the whole tensor, by reading all of it.
    /// - Parameter recorded: what the record has, of which cuts are taken as they are.
    /// - Returns: `nil` where a cut is needed and not recorded.
    func constants(
        of tensor: PlainTensor, recorded: TensorConstants?
    ) throws(MergeFailure) -> TensorConstants?

    /// Finds what must be known of a row.
    func facts(of tensor: PlainTensor, row: Int, constants: TensorConstants) throws(MergeFailure) -> RowFacts

    /// The elements of a stretch of a row, before they are rounded to the output's type.
    /// - Parameters:
    ///   - facts: of that row.
    ///   - constants: of the tensor; empty where none are needed.
    func values(
        of tensor: PlainTensor, row: Int, _ range: Range<Int>, facts: RowFacts, constants: TensorConstants
    ) throws(MergeFailure) -> [Float]
}
