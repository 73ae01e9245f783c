/// `nearswap`: the one input where it is near the reference (METHODS, Others).
struct PlainNearswap: PlainRule {
    let t: Double

    var needsConstants: Bool { false }

    func constants(
        of tensor: PlainTensor, recorded: TensorConstants?
    ) throws(MergeFailure) -> TensorConstants? { TensorConstants() }

    func facts(
        of tensor: PlainTensor, row: Int, constants: TensorConstants
    ) throws(MergeFailure) {}

    func values(
        of tensor: PlainTensor, row: Int, _ range: Range<Int>, facts: Void, constants: TensorConstants
    ) throws(MergeFailure) -> [Float] {
        let base = try tensor.values(0, row: row, range)
        return zip(base, try tensor.values(1, row: row, range)).map { base, value in
            let distance = (base - value).magnitude
            var weight = Float(t) / (distance < 1e-6 ? 1e-6 : distance)
            if weight < 0 { weight = 0 }
            if weight > 1 { weight = 1 }
            let (near, far) = (weight * value, (1 - weight) * base)
            return near + far
        }
    }
}
