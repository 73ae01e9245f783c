/// The arithmetic of one output tensor, every parameter a number.
public struct TensorMerge: Hashable, Sendable {
    /// The models' tensors that the rule combines, in the order of the config; may be empty where there is a
    /// reference, which is converted then.
    public var inputs: [InputTensor]
    /// The tensor that differences are taken from, where the rule takes any: the base's.
    public var reference: InputTensor?
    /// D of DESIGN's Numerics: what inputs are rounded to.
    public var format: FloatFormat
    /// What is computed of them.
    public var rule: MergeRule

    /// The arithmetic with these parameters.
    public init(inputs: [InputTensor], reference: InputTensor?, format: FloatFormat, rule: MergeRule) {
        self.inputs = inputs
        self.reference = reference
        self.format = format
        self.rule = rule
    }

    /// What is read, the reference first.
    public var allInputs: [InputTensor] { (reference.map { [$0] } ?? []) + inputs }

    /// The rule of a method that works on differences from a base.
    public var deltas: DeltaRule? {
        if case .deltas(let rule) = rule { rule } else { nil }
    }
}
