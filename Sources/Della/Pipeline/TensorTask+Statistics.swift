/// That figures are to be taken for a report.
struct StatisticsRequest: Hashable, Sendable {
    /// The config's base, among the plan's models; `nil` where it names none.
    let base: Int?
}

extension TensorTask {
    /// What the report says of the tensor, once all of it is written; `nil` where nothing was measured.
    var finishedStatistics: TensorStatistics? {
        guard let statistics else { return nil }
        guard let merge else {
            var found = statistics.statistics(elements: layout.tensor.elementCount, models: [])
            found.conflicts = nil
            if let own = self.found.first {
                found.outputNaNs = UInt64(own.nans)
                found.outputInfinities = UInt64(own.infinities)
            }
            return found
        }
        let values = merge.allInputs
        var found = statistics.statistics(
            elements: layout.tensor.elementCount, models: statistics.inputs.map { values[$0].model })
        let first = merge.reference == nil ? 0 : 1
        for (index, value) in statistics.inputs.enumerated() {
            let input = value - first
            if merge.deltas?.terms[input].isPruned != true { found.inputs[index].kept = nil }
            found.inputs[index].factor = factor(ofInput: input, merge)
        }
        // Signs are those of terms.
        if merge.deltas == nil || merge.inputs.count < 2 { found.conflicts = nil }
        if let result = self.found.last {
            found.outputNaNs = UInt64(result.nans)
            found.outputInfinities = UInt64(result.infinities)
        }
        return found
    }

    /// What an input's values or differences were multiplied with, where that is one number.
    private func factor(ofInput input: Int, _ merge: TensorMerge) -> Double? {
        switch merge.rule {
        case .deltas(let rule): return Double(constants.factor(input)) * rule.terms[input].weight
        case .blend(let rule):
            guard !rule.takesGramByRow else { return nil }
            if case .nuslerp(_, .columns) = rule { return nil }
            if case .stock = rule { return Double(constants.factor(0)) / Double(merge.inputs.count) }
            guard coefficients.indices.contains(input) else { return nil }
            if case .weighted(let weights, true) = rule {
                return weights[input] / weights.reduce(0, +)
            }
            return Double(coefficients[input])
        case .sce, .ram: return coefficients.indices.contains(input) ? Double(coefficients[input]) : nil
        case .nearswap, .fusion: return nil
        }
    }
}
