/// What the phases of a tensor have found that its output rows depend on: a few words, whose meaning is the rule's.
/// With them a tensor can be gone on with in the middle.
struct TensorConstants: Hashable, Sendable {
    var words: [UInt32]

    /// Of a tensor without arithmetic.
    init() { words = [] }

    /// Those of a rule before its first phase: a factor or coefficient an input; of `multislerp` then whether the
    /// inputs cancel out, of rules that cut what is kept of each score.
    init(_ merge: TensorMerge) {
        words = Array(repeating: Float(1).bitPattern, count: merge.inputs.count)
        if case .blend(.multislerp) = merge.rule { words.append(0) }
        if merge.phases.contains(.locate) {
            words += Array(repeating: 0, count: merge.scoreCount * KeyBand.wordCount)
        }
    }

    /// Words of a journal; `nil` where they cannot be those of the rule.
    ///
    /// Coefficients of columns are too many for one: such a tensor is begun anew.
    init?(_ words: [UInt32], of merge: TensorMerge) {
        guard !merge.phases.contains(.columns) else { return nil }
        guard words.count == Self(merge).words.count else { return nil }
        self.words = words
    }

    /// Coefficients, rounded.
    init(_ coefficients: [Double]) { words = coefficients.map { Float($0).bitPattern } }

    /// The rescale factor of a term, or the coefficient of an input.
    func factor(_ input: Int) -> Float { Float(bitPattern: words[input]) }

    /// What is kept of an input's differences; of a rule that cuts.
    func band(_ input: Int, of inputCount: Int) -> KeyBand? {
        let first = inputCount + input * KeyBand.wordCount
        guard words.count >= first + KeyBand.wordCount else { return nil }
        return KeyBand(words[first..<first + KeyBand.wordCount])
    }

    mutating func setBand(_ band: KeyBand, _ input: Int, of inputCount: Int) {
        let first = inputCount + input * KeyBand.wordCount
        words.replaceSubrange(first..<first + KeyBand.wordCount, with: band.words)
    }

    /// The coefficients of the inputs.
    func factors(of merge: TensorMerge) -> [Float] { merge.inputs.indices.map(factor) }
}

extension TensorMerge {
    /// What a phase has found of a tensor of `count` elements, in the constants.
    ///
    /// - Parameter sums: the phase's sums over the tensor, as many as `sumCount` says.
    func settle(_ phase: Phase, sums: [Double], of count: Int, _ constants: TensorConstants)
        -> TensorConstants
    {
        var settled = constants
        switch (rule, phase) {
        case (.deltas(let rule), .select):
            for (index, term) in rule.terms.enumerated() where term.isPruned {
                let factor = RescaleFactor.factor(total: sums[2 * index], kept: sums[2 * index + 1])
                settled.words[index] = factor.bitPattern
            }
        case (.blend(let rule), .gram):
            let gram = GramMatrix(count: inputs.count, sums)
            settled = TensorConstants(rule.coefficients(gram))
            if let isOpposed = rule.isOpposed(gram) { settled.words.append(isOpposed ? 1 : 0) }
        case (.sce, .weigh):
            for (index, weight) in Self.weights(sums.map { $0 / Double(count) }).enumerated() {
                settled.words[index] = weight.bitPattern
            }
        case (.ram(let rule), .tally):
            for index in inputs.indices {
                let factor = rule.factor(alone: sums[2 * index], shared: sums[2 * index + 1])
                settled.words[index] = factor.bitPattern
            }
        default: break
        }
        return settled
    }
}

extension TensorMerge {
    /// SCE's weights: the shares of the models' energies, equal ones where there is next to none.
    private static func weights(_ energies: [Double]) -> [Float] {
        let sum = energies.reduce(0, +)
        if sum.magnitude < 1e-6 { return energies.map { _ in 1 / Float(energies.count) } }
        return energies.map { Float($0 / sum) }
    }

    /// What the cuts of a tensor have become, in the constants.
    ///
    /// - Parameter cuts: those of `cuts(of:)`, found.
    func settle(cuts: [[RankCut]], _ constants: TensorConstants) -> TensorConstants {
        var settled = constants
        switch rule {
        case .deltas(let rule):
            for (index, term) in rule.terms.enumerated() where term.isCut {
                settled.setBand(term.band(cuts[index]), index, of: rule.terms.count)
            }
        case .sce:
            let band = cuts[0].first.map { KeyBand(low: $0.place, high: KeyBand.top, keepsEarlier: true) }
            settled.setBand(band ?? .none, 0, of: inputs.count)
        case .fusion:
            // The quartiles themselves; the threshold lies well above the middle.
            let scores = cuts[0].map { Float(bitPattern: $0.key) }
            let spread = 1.5 * (scores[2] - scores[0])
            settled.words[0] = (scores[1] + spread).bitPattern
        case .blend, .nearswap, .ram: break
        }
        return settled
    }
}

extension BlendRule {
    /// The coefficients that follow from products over the tensor; of `stock` the average's and the base's.
    func coefficients(_ gram: GramMatrix) -> [Double] {
        switch self {
        case .weighted(let weights, _): return weights
        case .scaled(let scale): return [scale ?? 1]
        case .slerp(let t): return BlendCoefficients.slerp(t: t, gram)
        case .nuslerp(let t, _):
            let pair = BlendCoefficients.nuslerp(t: t, gram[0, 0], gram[0, 1], gram[1, 1])
            return [pair.0, pair.1]
        case .multislerp(let weights, let normalize, let eps):
            return BlendCoefficients.multislerp(weights: weights, normalize: normalize, eps: eps, gram)
                .coefficients
        case .karcher(let iterations, let tolerance):
            return BlendCoefficients.karcher(iterations: iterations, tolerance: tolerance, gram)
        case .stock:
            let ratio = BlendCoefficients.stockRatio(count: gram.count) { gram[$0, $1] }
            // A constant an input, of which two are looked at.
            return [ratio, 1 - ratio] + Array(repeating: 0, count: max(0, gram.count - 2))
        }
    }
}

extension TensorMerge {
    /// Whether the inputs of `multislerp` cancel out, so that they are mixed linearly.
    func isOpposed(_ constants: TensorConstants) -> Bool {
        guard case .blend(.multislerp) = rule, inputs.count > 2 else { return false }
        return constants.words.last == 1
    }
}

extension BlendRule {
    /// Whether inputs that are not all zero cancel out, which leaves `multislerp` no direction; `nil` of other rules.
    func isOpposed(_ gram: GramMatrix) -> Bool? {
        guard case .multislerp(let weights, let normalize, let eps) = self else { return nil }
        return BlendCoefficients.multislerp(weights: weights, normalize: normalize, eps: eps, gram).isOpposed
    }
}

extension RamRule {
    /// What `ramplus_tl` multiplies the differences by that an input has alone; 1 for `ram`.
    func factor(alone: Double, shared: Double) -> Float {
        guard let boost else { return 1 }
        let share = shared / max(alone, epsilon)
        return Float(1 + boost.r * min(max(share, 0), boost.alpha))
    }
}
