/// The parameters of one output tensor, every one a number.
struct ResolvedParameters {
    /// One model's, by name.
    struct Model {
        /// The model's position among those that are merged.
        var ordinal: Int
        var values: [String: Double] = [:]
        /// `lambda` under the model; `nil` where there is none.
        var ownLambda: Double?

        subscript(rule: ParameterRule) -> Double { values[rule.name] ?? rule.standard ?? 0 }
    }

    /// The merge's, by name.
    var shared: [String: Double] = [:]
    /// In the order of the inputs.
    var models: [Model] = []

    subscript(rule: ParameterRule) -> Double { shared[rule.name] ?? rule.standard ?? 0 }
    subscript(flag name: String) -> Bool { shared[name] ?? 0 != 0 }
}

extension MergeRule {
    /// The arithmetic of a method with these parameters.
    init(_ arithmetic: MethodRules.Arithmetic, _ parameters: ResolvedParameters) {
        switch arithmetic {
        case .deltas(let sparsity, let electsSigns):
            self = .deltas(DeltaRule(sparsity, electsSigns: electsSigns, parameters))
        case .nearswap: self = .nearswap(t: parameters[.nearness])
        case .fusion: self = .fusion
        case .sce: self = .sce(share: parameters[.share])
        case .ram(let isBoosted):
            self = .ram(
                RamRule(
                    epsilon: parameters[.threshold],
                    boost: isBoosted ? .init(r: parameters[.boost], alpha: parameters[.boostLimit]) : nil))
        case .linear, .passthrough, .slerp, .nuslerp, .multislerp, .karcher, .stock:
            self = .blend(BlendRule(arithmetic, parameters))
        }
    }
}

extension BlendRule {
    fileprivate init(_ arithmetic: MethodRules.Arithmetic, _ parameters: ResolvedParameters) {
        let weights = parameters.models.map { $0[.weight] }
        switch arithmetic {
        case .linear:
            self = .weighted(weights, normalize: parameters[flag: "normalize"])
        case .passthrough: self = .scaled(parameters.models.first?.values[ParameterRule.scale.name])
        case .slerp: self = .slerp(t: parameters[.place])
        case .nuslerp:
            let sum = weights.reduce(0, +)
            let isFlat = parameters[flag: "nuslerp_flatten"]
            let grain: Grain = isFlat ? .tensor : parameters[flag: "nuslerp_row_wise"] ? .columns : .rows
            self = .nuslerp(t: abs(sum) < 1e-6 ? 0.5 : (weights.last ?? 0) / sum, grain: grain)
        case .multislerp:
            self = .multislerp(
                weights: weights, normalize: parameters[flag: "normalize_weights"], eps: parameters[.eps])
        case .karcher:
            self = .karcher(iterations: Int(parameters[.iterations]), tolerance: parameters[.tolerance])
        case .stock: self = .stock(byRow: parameters[flag: "filter_wise"])
        case .deltas, .nearswap, .fusion, .sce, .ram: preconditionFailure("no blend of its inputs")
        }
    }
}

extension DeltaRule {
    /// A model's own `lambda` replaces the merge's for its term. Where one has its own, each term is multiplied by its
    /// own or the merge's, and the sum by nothing more.
    fileprivate init(_ sparsity: MethodRules.Sparsity, electsSigns: Bool, _ parameters: ResolvedParameters) {
        let lambda = parameters[.lambda]
        let isOwn = parameters.models.contains { $0.ownLambda != nil }
        self.init(
            terms: parameters.models.map { model in
                DeltaTerm(
                    ordinal: model.ordinal, sparsifier: Sparsifier(sparsity, model), weight: model[.weight],
                    lambda: isOwn ? model.ownLambda ?? lambda : 1)
            },
            electsSigns: electsSigns, rescale: parameters[flag: "rescale"],
            normalize: parameters[flag: "normalize"], lambda: isOwn ? 1 : lambda)
    }
}

extension Sparsifier {
    fileprivate init(_ sparsity: MethodRules.Sparsity, _ model: ResolvedParameters.Model) {
        let density = model[.density]
        self =
            switch sparsity {
            case .all: .none
            case .largest: .largest(density: density)
            case .drawn: .bernoulli(density: density)
            case .band: .band(density: density, gamma: model[.gamma])
            case .magprune: .magprune(density: density, epsilon: model[.reach])
            }
    }
}
