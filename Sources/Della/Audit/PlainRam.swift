/// `ram` and `ramplus_tl`: differences that one model has alone, and the mean of shared ones (METHODS, Others).
struct PlainRam: PlainRule {
    let rule: RamRule
    let merge: TensorMerge

    var needsConstants: Bool { rule.boost != nil && !merge.inputs.isEmpty }

    func constants(
        of tensor: PlainTensor, recorded: TensorConstants?
    ) throws(MergeFailure) -> TensorConstants? {
        // Of each input, the differences that it has alone, and those that it shares.
        var counts = Array(repeating: 0.0, count: 2 * merge.inputs.count)
        for row in 0..<tensor.rowCount {
            for range in tensor.stretches {
                let deltas = try deltas(of: tensor, row: row, range)
                for index in 0..<range.count {
                    let active = deltas.indices.filter { isActive(deltas[$0][index]) }
                    for input in active { counts[2 * input + (active.count == 1 ? 0 : 1)] += 1 }
                }
            }
        }
        return merge.settle(
            .tally, sums: counts, of: tensor.rowCount * tensor.rowLength, TensorConstants(merge))
    }

    func facts(
        of tensor: PlainTensor, row: Int, constants: TensorConstants
    ) throws(MergeFailure) {}

    func values(
        of tensor: PlainTensor, row: Int, _ range: Range<Int>, facts: Void, constants: TensorConstants
    ) throws(MergeFailure) -> [Float] {
        let factors = needsConstants ? constants.words.map(Float.init(bitPattern:)) : []
        let deltas = try deltas(of: tensor, row: row, range)
        var values = try tensor.values(0, row: row, range)
        for index in values.indices {
            let count = deltas.count { isActive($0[index]) }
            var sum: Float = 0
            for (input, delta) in deltas.enumerated() where isActive(delta[index]) {
                let part =
                    count == 1
                    ? delta[index] * (factors.isEmpty ? 1 : factors[input]) : delta[index] / Float(count)
                sum += part
            }
            values[index] += sum
        }
        return values
    }

    private func isActive(_ delta: Float) -> Bool { delta.magnitude > Float(rule.epsilon) }

    private func deltas(
        of tensor: PlainTensor, row: Int, _ range: Range<Int>
    ) throws(MergeFailure) -> [[Float]] {
        let base = try tensor.values(0, row: row, range)
        var deltas: [[Float]] = []
        for input in merge.inputs.indices {
            deltas.append(PlainFormat.differences(try tensor.values(input + 1, row: row, range), base))
        }
        return deltas
    }
}
