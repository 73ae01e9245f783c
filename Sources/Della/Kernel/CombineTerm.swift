/// One model's parameters in the second phase.
public struct CombineTerm: Hashable, Sendable {
    /// The rescale factor of its delta; 1 where nothing was pruned or `rescale` is false.
    public var factor: Float
    /// Its weight.
    public var weight: Float
    /// Its own `lambda`, applied after the election; 1 where there is none.
    public var lambda: Float
    /// Density ≤ 0: the delta is +0 everywhere and the model's values are never looked at.
    public var dropped: Bool
    /// Whether its rows went through `RowKernels.prune`, so that a value equal to the base's stands for a
    /// dropped element. False for density ≥ 1, where equal infinities have the delta NaN.
    public var isPruned: Bool

    /// A term with every value given.
    public init(factor: Float, weight: Float, lambda: Float = 1, dropped: Bool = false, isPruned: Bool) {
        self.factor = factor
        self.weight = weight
        self.lambda = lambda
        self.dropped = dropped
        self.isPruned = isPruned
    }
}
