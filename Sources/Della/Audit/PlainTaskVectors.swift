/// Differences to a base, sparsified, rescaled, weighed, elected and summed (DESIGN, steps 2 to 8).
///
/// Input 0 is the base, input k + 1 the k-th term's.
struct PlainTaskVectors: PlainRule {
    let rule: DeltaRule
    let merge: TensorMerge
    /// The output tensor's.
    let name: String
    let seed: UInt64

    private var format: FloatFormat { merge.format }

    /// By term, which elements are kept; `nil` where all are, or none.
    typealias RowFacts = [[Bool]?]

    private static func isPartial(_ term: DeltaTerm) -> Bool {
        term.sparsifier.density > 0 && term.sparsifier.density < 1
    }

    // MARK: The whole tensor

    var needsConstants: Bool { hasCuts || rule.rescale && rule.terms.contains(where: Self.isPartial) }

    /// Whether what is kept of a term goes by the order of the whole tensor.
    private var hasCuts: Bool {
        rule.terms.contains { term in
            switch term.sparsifier {
            case .largest, .band: Self.isPartial(term)
            case .none, .magprune, .bernoulli: false
            }
        }
    }

    func constants(
        of tensor: PlainTensor, recorded: TensorConstants?
    ) throws(MergeFailure) -> TensorConstants? {
        guard recorded != nil || !hasCuts else { return nil }
        var constants = recorded ?? TensorConstants(merge)
        guard rule.rescale else { return constants }
        var totals = Array(repeating: 0.0, count: rule.terms.count)
        var kept = totals
        for row in 0..<tensor.rowCount {
            let facts = try facts(of: tensor, row: row, constants: constants)
            for (term, mask) in facts.enumerated() {
                guard let mask else { continue }
                let sums = try sums(of: tensor, row: row, term: term, mask)
                totals[term] += sums.total
                kept[term] += sums.kept
            }
        }
        for term in rule.terms.indices {
            let (total, kept) = (totals[term], kept[term])
            let isSum = total >= 1e-7 && kept >= 1e-7 && total.isFinite && kept.isFinite
            let factor = Self.isPartial(rule.terms[term]) && isSum ? Float(total / kept) : 1
            constants.words[term] = factor.bitPattern
        }
        return constants
    }

    /// `Σ|δ|` of a row, and of what is kept of it.
    private func sums(
        of tensor: PlainTensor, row: Int, term: Int, _ mask: [Bool]
    ) throws(MergeFailure) -> (total: Double, kept: Double) {
        var (total, kept) = (PlainSums(), PlainSums())
        for range in tensor.stretches {
            for (offset, delta) in try deltas(of: tensor, row: row, term: term, range).enumerated() {
                let column = range.lowerBound + offset
                total.add(Double(delta.magnitude), at: column)
                if mask[column] { kept.add(Double(delta.magnitude), at: column) }
            }
        }
        return (total.total, kept.total)
    }

    // MARK: A row

    func facts(
        of tensor: PlainTensor, row: Int, constants: TensorConstants
    ) throws(MergeFailure) -> [[Bool]?] {
        var masks: [[Bool]?] = []
        for term in rule.terms.indices {
            masks.append(
                Self.isPartial(rule.terms[term]) ? try mask(of: tensor, row: row, term: term, constants) : nil
            )
        }
        return masks
    }

    /// Which elements of a row are kept.
    private func mask(
        of tensor: PlainTensor, row: Int, term: Int, _ constants: TensorConstants
    ) throws(MergeFailure) -> [Bool] {
        var mask = Array(repeating: false, count: tensor.rowLength)
        var random = PlainRandom(seed: seed, tensor: name, ordinal: rule.terms[term].ordinal)
        switch rule.terms[term].sparsifier {
        case .magprune(let density, let epsilon):
            // The larger, the likelier: kept where the random number is below the probability of its rank.
            let length = tensor.rowLength
            let first = length > 1 ? Float(density - epsilon) : Float(density)
            let step = length > 1 ? Float(2 * epsilon / Double(length - 1)) : 0
            try forEachRank(of: tensor, row: row, term: term) { position, rank in
                let rise = step * Float(rank)
                mask[position] = random.uniform(tensor.element(row, position)) < first + rise
            }
        case .bernoulli(let density):
            for position in mask.indices {
                mask[position] = random.uniform(tensor.element(row, position)) < Float(density)
            }
        case .largest, .band:
            guard let band = constants.band(term, of: rule.terms.count) else {
                preconditionFailure("a cut that was accepted")
            }
            let cuts = PlainBand(band: band)
            for range in tensor.stretches {
                for (offset, delta) in try deltas(of: tensor, row: row, term: term, range).enumerated() {
                    let position = range.lowerBound + offset
                    mask[position] = cuts.holds(
                        PlainBand.key(delta, format), at: tensor.element(row, position))
                }
            }
        case .none:
            preconditionFailure("keeps all")
        }
        return mask
    }

    private func forEachRank(
        of tensor: PlainTensor, row: Int, term: Int, _ body: (Int, Int) -> Void
    ) throws(MergeFailure) {
        var ranks = PlainRanks(format)
        for range in tensor.stretches { ranks.add(try deltas(of: tensor, row: row, term: term, range)) }
        var stretches = tensor.stretches.makeIterator()
        try ranks.forEach { () throws(MergeFailure) -> [Float]? in
            guard let range = stretches.next() else { return nil }
            return try deltas(of: tensor, row: row, term: term, range)
        } _: { position, rank in
            body(position, rank)
        }
    }

    private func deltas(
        of tensor: PlainTensor, row: Int, term: Int, _ range: Range<Int>
    ) throws(MergeFailure) -> [Float] {
        let base = try tensor.values(0, row: row, range)
        return PlainFormat.differences(try tensor.values(term + 1, row: row, range), base)
    }

    // MARK: Its elements

    func values(
        of tensor: PlainTensor, row: Int, _ range: Range<Int>, facts: [[Bool]?], constants: TensorConstants
    ) throws(MergeFailure) -> [Float] {
        var values = try tensor.values(0, row: row, range)
        // The base alone is only converted.
        guard !rule.terms.isEmpty else { return values }
        let factors = constants.words.prefix(rule.terms.count).map(Float.init(bitPattern:))
        var deltas: [[Float]] = []
        for (term, entry) in rule.terms.enumerated() {
            var part = try self.deltas(of: tensor, row: row, term: term, range)
            let factor = factors.isEmpty ? 1 : factors[term]
            var index = 0
            while index < part.count {
                if entry.sparsifier.density <= 0 {
                    part[index] = 0
                } else if let mask = facts[term] {
                    part[index] = mask[range.lowerBound + index] ? part[index] * factor : 0
                }
                index += 1
            }
            deltas.append(part)
        }
        let weights = rule.terms.map { Float($0.weight) }
        let lambdas = rule.terms.map { Float($0.lambda) }
        var index = 0
        while index < values.count {
            values[index] += combined(deltas, weights, lambdas, at: index)
            index += 1
        }
        return values
    }

    /// What the terms' differences of one element come to.
    private func combined(_ deltas: [[Float]], _ weights: [Float], _ lambdas: [Float], at index: Int) -> Float
    {
        var ballot: Float = 0
        var term = 0
        while term < deltas.count {
            ballot += weights[term] * deltas[term][index]
            term += 1
        }
        var sum: Float = 0
        var divisor: Float = 0
        term = 0
        while term < deltas.count {
            defer { term += 1 }
            let x = weights[term] * deltas[term][index]
            // A term that is zero carries no sign; one that is NaN makes the ballot NaN, which keeps all.
            let carries = ballot >= 0 ? x > 0 : x < 0
            guard !rule.electsSigns || ballot.isNaN || carries else { continue }
            sum += lambdas[term] * x
            divisor += weights[term]
        }
        if rule.normalize {
            let isNone = rule.electsSigns ? divisor == 0 : divisor.magnitude < 1e-8
            sum /= isNone ? 1 : divisor
        }
        return Float(rule.lambda) * sum
    }
}
