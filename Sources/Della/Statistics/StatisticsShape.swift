/// How the running figures of a tensor lie in memory: exact sums, then counts.
struct StatisticsShape: Hashable, Sendable {
    /// With more inputs the products of each two would take longer than the merge: there are none.
    static let mostInputsWithProducts = 16

    /// The inputs, without the reference.
    let inputCount: Int

    /// Whether the products of each two inputs are summed.
    var hasProducts: Bool { inputCount > 1 && inputCount <= Self.mostInputsWithProducts }
    /// Products of two inputs.
    var productCount: Int { hasProducts ? inputCount * (inputCount - 1) / 2 : 0 }
    /// What `RowKernels.moments` sums: Σb², two an input, the products.
    var momentCount: Int { 1 + 2 * inputCount + productCount }
    /// Of the output behind these: Σ(out − b)².
    var changeSum: Int { momentCount }
    var sumCount: Int { momentCount + 1 }

    // Words of counts, behind the sums.
    private var firstCount: Int { sumCount * ExactSum.wordCount }
    func equal(_ input: Int) -> Int { firstCount + input }
    func kept(_ input: Int) -> Int { firstCount + inputCount + input }
    var conflicts: Int { firstCount + 2 * inputCount }
    var changed: Int { conflicts + 1 }
    /// The bits of a magnitude: of two the larger one.
    var peak: Int { conflicts + 2 }

    /// All words.
    var wordCount: Int { peak + 1 }
}
