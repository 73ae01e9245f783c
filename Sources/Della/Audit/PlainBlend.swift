/// Blends: the inputs, or their differences from a reference, times a coefficient each (METHODS, Blends).
///
/// How coefficients follow from products is the merge's own formula; the products are summed here.
struct PlainBlend: PlainRule {
    let rule: BlendRule
    let merge: TensorMerge

    /// `nil` where a pair of coefficients a column is needed, which no record has room for.
    init?(_ rule: BlendRule, _ merge: TensorMerge) {
        if case .nuslerp(_, .columns) = rule { return nil }
        (self.rule, self.merge) = (rule, merge)
    }

    /// The coefficients of a row that has its own; empty where they are the tensor's.
    typealias RowFacts = [Float]

    private var hasReference: Bool { merge.reference != nil }

    /// Whether the blend is of the differences.
    private var takesDifferences: Bool {
        switch rule {
        case .nuslerp, .multislerp, .stock: hasReference
        case .weighted, .scaled, .slerp, .karcher: false
        }
    }

    private var isByRow: Bool {
        switch rule {
        case .nuslerp(_, let grain): grain == .rows
        case .stock(let byRow): byRow
        default: false
        }
    }

    // MARK: Products

    var needsConstants: Bool {
        switch rule {
        case .weighted, .scaled: false
        case .multislerp, .karcher: merge.inputs.count > 1
        case .slerp, .nuslerp, .stock: !isByRow
        }
    }

    func constants(
        of tensor: PlainTensor, recorded: TensorConstants?
    ) throws(MergeFailure) -> TensorConstants? {
        var sums = Array(repeating: 0.0, count: merge.inputs.count * (merge.inputs.count + 1) / 2)
        for row in 0..<tensor.rowCount {
            for (pair, product) in try products(of: tensor, row: row).enumerated() { sums[pair] += product }
        }
        return merge.settle(.gram, sums: sums, of: tensor.rowCount * tensor.rowLength, TensorConstants(merge))
    }

    /// The products of a row's inputs: 00, 01, … 0n, 11, … nn.
    private func products(of tensor: PlainTensor, row: Int) throws(MergeFailure) -> [Double] {
        let count = merge.inputs.count
        var sums = Array(repeating: PlainSums(), count: count * (count + 1) / 2)
        for range in tensor.stretches {
            let vectors = try vectors(of: tensor, row: row, range)
            var pair = 0
            for i in 0..<count {
                for j in i..<count {
                    for index in vectors[i].indices {
                        sums[pair].add(
                            Double(vectors[i][index]) * Double(vectors[j][index]),
                            at: range.lowerBound + index)
                    }
                    pair += 1
                }
            }
        }
        return sums.map(\.total)
    }

    /// What is blended: the inputs, or their differences.
    private func vectors(
        of tensor: PlainTensor, row: Int, _ range: Range<Int>
    ) throws(MergeFailure) -> [[Float]] {
        var vectors: [[Float]] = []
        for input in merge.inputs.indices {
            let values = try tensor.values(input + (hasReference ? 1 : 0), row: row, range)
            let base = takesDifferences ? try tensor.values(0, row: row, range) : []
            vectors.append(takesDifferences ? PlainFormat.differences(values, base) : values)
        }
        return vectors
    }

    func facts(
        of tensor: PlainTensor, row: Int, constants: TensorConstants
    ) throws(MergeFailure) -> [Float] {
        guard isByRow else { return [] }
        let sums = try products(of: tensor, row: row)
        return rule.coefficients(GramMatrix(count: merge.inputs.count, sums)).map { Float($0) }
    }

    // MARK: Elements

    func values(
        of tensor: PlainTensor, row: Int, _ range: Range<Int>, facts: [Float], constants: TensorConstants
    ) throws(MergeFailure) -> [Float] {
        let found = isByRow ? facts : constants.words.map(Float.init(bitPattern:))
        let vectors = try vectors(of: tensor, row: row, range)
        switch rule {
        case .weighted(let weights, let normalize):
            let weights = weights.map { Float($0) }
            let sum = Self.sum(weights, vectors, range.count)
            let total = weights.reduce(0, +)
            return normalize ? sum.map { $0 / total } : sum
        case .scaled(let scale):
            return scale.map { scale in vectors[0].map { $0 * Float(scale) } } ?? vectors[0]
        case .multislerp where vectors.count == 1, .karcher where vectors.count == 1:
            return try tensor.values(hasReference ? 1 : 0, row: row, range)
        case .slerp, .nuslerp, .multislerp, .karcher:
            let sum = Self.sum(found, vectors, range.count)
            guard takesDifferences else { return sum }
            return zip(try tensor.values(0, row: row, range), sum).map { $0 + $1 }
        case .stock:
            let base = try tensor.values(0, row: row, range)
            var inputs: [[Float]] = []
            for input in merge.inputs.indices {
                inputs.append(try tensor.values(input + 1, row: row, range))
            }
            let ones = Array(repeating: Float(1), count: inputs.count)
            return zip(Self.sum(ones, inputs, range.count), base).map { sum, base in
                let average = found[0] * (sum / Float(inputs.count))
                let rest = found[1] * base
                return average + rest
            }
        }
    }

    /// The sum of vectors times coefficients, from +0 in their order.
    private static func sum(_ coefficients: [Float], _ vectors: [[Float]], _ count: Int) -> [Float] {
        (0..<count).map { index in
            var sum: Float = 0
            for (coefficient, vector) in zip(coefficients, vectors) {
                let part = coefficient * vector[index]
                sum += part
            }
            return sum
        }
    }
}
