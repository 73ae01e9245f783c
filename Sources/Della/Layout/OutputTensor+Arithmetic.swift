import StreamIO

extension OutputTensor {
    /// Elements that have one index in the first dimension.
    var columnCount: Int { (shape.first ?? 0) == 0 ? 0 : elementCount / shape[0] }

    /// The input whose bytes are the output's: integers, and what passes through without a scale as the type that it
    /// is stored in. `nil` where anything is computed.
    var copiedInput: InputTensor? {
        switch source {
        case .copy(let input): return input
        case .merge(let merge):
            guard case .blend(.scaled(nil)) = merge.rule, let input = merge.inputs.first, input.type == type,
                input.rows == nil, merge.format.elementType == type
            else { return nil }
            return input
        }
    }

    /// The type of what is copied, where figures can be taken of it; `nil` where anything is computed, and of integers.
    var copiedFormat: FloatFormat? {
        guard let input = copiedInput, let format = FloatFormat(input.type), format.elementType == input.type
        else { return nil }
        return format
    }

    /// What is computed; `nil` where bytes are copied. A tensor without columns is one row.
    var arithmetic: TensorMerge? {
        guard copiedInput == nil, case .merge(var merge) = source else { return nil }
        if case .blend(.nuslerp(let t, .columns)) = merge.rule, shape.count < 2 {
            merge.rule = .blend(.nuslerp(t: t, grain: .rows))
        }
        return merge
    }
}
