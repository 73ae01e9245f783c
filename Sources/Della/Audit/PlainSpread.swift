/// `sce`: the differences that vary most, weighed by their energy, of the elected sign (METHODS, Others).
struct PlainSpread: PlainRule {
    let share: Double
    let merge: TensorMerge

    /// Which elements of a row are kept; `nil` where all are.
    typealias RowFacts = [Bool]?

    private var isCut: Bool { share > 0 && share < 1 && !merge.inputs.isEmpty }

    // MARK: The whole tensor

    var needsConstants: Bool { share > 0 && !merge.inputs.isEmpty }

    func constants(
        of tensor: PlainTensor, recorded: TensorConstants?
    ) throws(MergeFailure) -> TensorConstants? {
        // The cut is the record's.
        guard recorded != nil || !isCut else { return nil }
        let known = recorded ?? TensorConstants(merge)
        var sums = Array(repeating: 0.0, count: merge.inputs.count)
        for row in 0..<tensor.rowCount {
            let kept = try facts(of: tensor, row: row, constants: known)
            var squares = Array(repeating: PlainSums(), count: merge.inputs.count)
            for range in tensor.stretches {
                for (input, delta) in try deltas(of: tensor, row: row, range, kept).enumerated() {
                    for (index, value) in delta.enumerated() {
                        squares[input].add(Double(value) * Double(value), at: range.lowerBound + index)
                    }
                }
            }
            for input in sums.indices { sums[input] += squares[input].total }
        }
        return merge.settle(.weigh, sums: sums, of: tensor.rowCount * tensor.rowLength, known)
    }

    // MARK: A row

    func facts(
        of tensor: PlainTensor, row: Int, constants: TensorConstants
    ) throws(MergeFailure) -> [Bool]? {
        guard share < 1 else { return nil }
        guard isCut, let band = constants.band(0, of: merge.inputs.count) else {
            return Array(repeating: false, count: tensor.rowLength)
        }
        let cuts = PlainBand(band: band)
        var kept: [Bool] = []
        kept.reserveCapacity(tensor.rowLength)
        for range in tensor.stretches {
            let deltas = try deltas(of: tensor, row: row, range, nil)
            for index in 0..<range.count {
                let key = PlainBand.key(variance(deltas, at: index), .float32)
                kept.append(cuts.holds(key, at: tensor.element(row, range.lowerBound + index)))
            }
        }
        return kept
    }

    /// The population variance of the differences of one element, in float32.
    private func variance(_ deltas: [[Float]], at index: Int) -> Float {
        let count = Float(deltas.count)
        var mean: Float = 0
        for delta in deltas { mean += delta[index] }
        mean /= count
        var variance: Float = 0
        for delta in deltas {
            let distance = delta[index] - mean
            variance += distance * distance
        }
        return variance / count
    }

    private func deltas(
        of tensor: PlainTensor, row: Int, _ range: Range<Int>, _ kept: [Bool]?
    ) throws(MergeFailure) -> [[Float]] {
        let base = try tensor.values(0, row: row, range)
        var deltas: [[Float]] = []
        for input in merge.inputs.indices {
            var delta = PlainFormat.differences(try tensor.values(input + 1, row: row, range), base)
            if let kept {
                for index in delta.indices where !kept[range.lowerBound + index] { delta[index] = 0 }
            }
            deltas.append(delta)
        }
        return deltas
    }

    // MARK: Its elements

    func values(
        of tensor: PlainTensor, row: Int, _ range: Range<Int>, facts: [Bool]?, constants: TensorConstants
    ) throws(MergeFailure) -> [Float] {
        var values = try tensor.values(0, row: row, range)
        guard !merge.inputs.isEmpty else { return values }
        let weights = merge.inputs.indices.map { needsConstants ? constants.factor($0) : 1 }
        let deltas = try deltas(of: tensor, row: row, range, facts)
        for index in values.indices {
            var ballot: Float = 0
            for delta in deltas { ballot += delta[index] }
            var sum: Float = 0
            var divisor: Float = 0
            for (weight, delta) in zip(weights, deltas) {
                let agrees = ballot >= 0 ? delta[index] > 0 : delta[index] < 0
                guard ballot.isNaN || agrees else { continue }
                sum += weight * delta[index]
                divisor += weight
            }
            values[index] += sum / (divisor < 1e-6 ? 1e-6 : divisor)
        }
        return values
    }
}
