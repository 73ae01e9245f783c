/// What a rule's numbers are called in a config: for reports.
extension MergeRule {
    /// A parameter and its value.
    struct Value: Hashable {
        var name: String
        /// `nil` where it is not applied.
        var value: Double?

        init(_ rule: ParameterRule, _ value: Double?) {
            name = rule.name
            self.value = value
        }
    }

    /// The parameters that one of the inputs has of its own.
    func values(ofInput index: Int) -> [Value] {
        switch self {
        case .deltas(let rule):
            let term = rule.terms[index]
            return [Value(.weight, term.weight)] + term.sparsifier.values + [Value(.lambda, term.lambda)]
        case .blend(.weighted(let weights, _)), .blend(.multislerp(let weights, _, _)):
            return [Value(.weight, weights[index])]
        case .blend(.scaled(let scale)):
            return [Value(.scale, scale)]
        default:
            return []
        }
    }

    /// The numbers of the merge.
    var numbers: [Value] {
        switch self {
        case .deltas(let rule): return [Value(.lambda, rule.lambda)]
        case .nearswap(let t): return [Value(.nearness, t)]
        case .sce(let share): return [Value(.share, share)]
        case .ram(let rule):
            guard let boost = rule.boost else { return [Value(.threshold, rule.epsilon)] }
            return [
                Value(.threshold, rule.epsilon), Value(.boost, boost.r), Value(.boostLimit, boost.alpha),
            ]
        case .fusion: return []
        case .blend(let rule): return rule.numbers
        }
    }

    /// The truth values of the merge, and what else is a word.
    var words: [(name: String, value: String)] {
        switch self {
        case .deltas(let rule): [("rescale", "\(rule.rescale)"), ("normalize", "\(rule.normalize)")]
        case .blend(.weighted(_, let normalize)): [("normalize", "\(normalize)")]
        case .blend(.multislerp(_, let normalize, _)): [("normalize_weights", "\(normalize)")]
        case .blend(.nuslerp(_, let grain)): [("by", "\(grain)")]
        case .blend(.stock(let byRow)): [("filter_wise", "\(byRow)")]
        default: []
        }
    }
}

extension BlendRule {
    fileprivate var numbers: [MergeRule.Value] {
        switch self {
        case .slerp(let t), .nuslerp(let t, _): [.init(.place, t)]
        case .multislerp(_, _, let eps): [.init(.eps, eps)]
        case .karcher(let iterations, let tolerance):
            [.init(.iterations, Double(iterations)), .init(.tolerance, tolerance)]
        case .weighted, .scaled, .stock: []
        }
    }
}

extension Sparsifier {
    fileprivate var values: [MergeRule.Value] {
        switch self {
        case .none: []
        case .magprune(let density, let reach): [.init(.density, density), .init(.reach, reach)]
        case .band(let density, let gamma): [.init(.density, density), .init(.gamma, gamma)]
        case .bernoulli(let density), .largest(let density): [.init(.density, density)]
        }
    }
}
