/// How an output tensor is made, without its inputs: most tensors of a merge share one with others.
enum TensorRecipe: Hashable, Sendable {
    case copy
    case merge(FloatFormat, MergeRule, hasReference: Bool)

    init(_ source: OutputTensor.Source) {
        switch source {
        case .copy: self = .copy
        case .merge(let merge):
            self = .merge(merge.format, merge.rule, hasReference: merge.reference != nil)
        }
    }

    /// What is computed, without its inputs; `nil` where nothing is.
    var merge: TensorMerge? {
        guard case .merge(let format, let rule, _) = self else { return nil }
        return TensorMerge(inputs: [], reference: nil, format: format, rule: rule)
    }

    /// The source of a tensor that is made so of `inputs`, the reference first.
    func source(_ inputs: [InputTensor]) -> OutputTensor.Source {
        switch self {
        case .copy: return .copy(inputs[0])
        case .merge(let format, let rule, let hasReference):
            return .merge(
                TensorMerge(
                    inputs: hasReference ? Array(inputs.dropFirst()) : inputs,
                    reference: hasReference ? inputs.first : nil, format: format, rule: rule))
        }
    }

    /// What keeping one takes, in bytes, at most: the rule's terms, and its place in tables.
    func memory(inputs: Int) -> UInt64 { UInt64(256 + 2 * 64 * inputs) }
}
