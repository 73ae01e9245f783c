/// What is computed of a tensor's inputs, by kinds of methods that share their arithmetic.
///
/// Parameters are those of the tensor, resolved; inputs are `TensorMerge.inputs`, in order.
public enum MergeRule: Hashable, Sendable {
    /// Differences from the reference, sparsified, weighed, summed and added to it.
    case deltas(DeltaRule)
    /// The inputs times one coefficient each, which may follow from the inputs.
    case blend(BlendRule)
    /// `nearswap`: the one input where it is near the reference.
    case nearswap(t: Double)
    /// `ram` and `ramplus_tl`: differences that one model has alone, and the mean of shared ones.
    case ram(RamRule)
    /// `sce`: the share of the differences that vary most, weighed by their energy. 1 and above takes all.
    case sce(share: Double)
    /// `arcee_fusion`: the differences of the one input that matter most.
    case fusion
}

extension MergeRule {
    /// The revision of the numerics of the rule's family: a change of one's results does not undo merges of another.
    public var numericsRevision: Int {
        switch self {
        case .deltas: 1
        case .blend: 1
        case .nearswap: 1
        case .ram: 1
        case .sce: 1
        case .fusion: 2
        }
    }

    /// That of a plan that computes nothing.
    static let revisionOfCopies = 1
}

/// The parameters of the methods on task vectors.
public struct DeltaRule: Hashable, Sendable {
    /// One an input.
    public var terms: [DeltaTerm]
    /// Whether only differences of the elected sign are summed.
    public var electsSigns: Bool
    /// Whether kept differences are scaled up to the sum of all.
    public var rescale: Bool
    /// Whether the sum is divided by that of the weights that took part.
    public var normalize: Bool
    /// `lambda` of the sum.
    public var lambda: Double

    /// A rule with these parameters.
    public init(terms: [DeltaTerm], electsSigns: Bool, rescale: Bool, normalize: Bool, lambda: Double) {
        self.terms = terms
        self.electsSigns = electsSigns
        self.rescale = rescale
        self.normalize = normalize
        self.lambda = lambda
    }
}

/// One input's part in a sum of differences.
public struct DeltaTerm: Hashable, Sendable {
    /// The model's position among the non-base models: selects its stream of random numbers.
    public var ordinal: Int
    /// Which differences are kept.
    public var sparsifier: Sparsifier
    /// The term's factor, after the rescale.
    public var weight: Double
    /// `lambda` under the model, applied to its term after the election; 1 where there is none.
    public var lambda: Double

    /// A term with these parameters.
    public init(ordinal: Int, sparsifier: Sparsifier, weight: Double, lambda: Double = 1) {
        self.ordinal = ordinal
        self.sparsifier = sparsifier
        self.weight = weight
        self.lambda = lambda
    }
}

/// Which elements of a difference are kept. A density of 1 and above keeps all, of 0 and below none.
public enum Sparsifier: Hashable, Sendable {
    /// All: `task_arithmetic`.
    case none
    /// DELLA: drawn, the likelier the larger within a row. `epsilon`: how far the probability departs from
    /// `density`, by rank.
    case magprune(density: Double, epsilon: Double)
    /// DARE: drawn, all alike.
    case bernoulli(density: Double)
    /// TIES: the largest of the tensor.
    case largest(density: Double)
    /// Breadcrumbs: the largest but for the share `gamma` of outliers.
    case band(density: Double, gamma: Double)

    /// The share of differences kept.
    public var density: Double {
        switch self {
        case .none: 1
        case .magprune(let density, _), .bernoulli(let density), .largest(let density), .band(let density, _):
            density
        }
    }

    /// Whether some elements may be kept and others not.
    public var isPartial: Bool { density > 0 && density < 1 }
}

/// How the coefficients of a blend are found.
public enum BlendRule: Hashable, Sendable {
    /// `linear`: these weights; with `normalize` the sum is divided by theirs.
    case weighted([Double], normalize: Bool)
    /// `passthrough`: the one input times `scale`, or as it is.
    case scaled(Double?)
    /// The arc from the first input to the second.
    case slerp(t: Double)
    /// As `slerp`, of the directions; of the differences where there is a reference.
    case nuslerp(t: Double, grain: Grain)
    /// The weighted mean on the sphere, of the differences where there is a reference. `eps` keeps norms from 0.
    case multislerp(weights: [Double], normalize: Bool, eps: Double)
    /// The Karcher mean on the sphere.
    case karcher(iterations: Int, tolerance: Double)
    /// `model_stock`: between the inputs' average and the reference, by the angles between the differences.
    case stock(byRow: Bool)

    /// What one pair of coefficients is for.
    public enum Grain: Hashable, Sendable {
        case tensor
        /// The last dimension.
        case rows
        /// All that has one index in every dimension but the first. Of a tensor of one dimension, the whole.
        case columns
    }
}

/// The parameters of `ram` and `ramplus_tl`.
public struct RamRule: Hashable, Sendable {
    /// What a difference must exceed to count.
    public var epsilon: Double
    /// `ramplus_tl`'s factor on differences that one model has alone; `nil` for `ram`.
    public var boost: Boost?

    /// How much, and at most.
    public struct Boost: Hashable, Sendable {
        public var r: Double
        public var alpha: Double

        public init(r: Double, alpha: Double) {
            self.r = r
            self.alpha = alpha
        }
    }

    /// A rule with these parameters.
    public init(epsilon: Double, boost: Boost? = nil) {
        self.epsilon = epsilon
        self.boost = boost
    }
}
