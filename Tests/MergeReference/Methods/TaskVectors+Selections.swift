extension TaskVectors {
    /// `ties`: the largest magnitudes of the tensor; of equal ones the earlier.
    static func largest(
        _ delta: [Float], _ model: TensorInputs.Model, _ inputs: TensorInputs
    ) -> [Bool] {
        let count = max(1, Int(model.value("density") * Double(delta.count)))
        return ReferenceOrder.largest(
            delta.map { ReferenceFormat.round($0, to: inputs.format) }, count: count)
    }

    /// `breadcrumbs`: the magnitudes below the very largest.
    static func band(
        _ delta: [Float], _ model: TensorInputs.Model, _ inputs: TensorInputs
    ) -> [Bool] {
        let n = delta.count
        let keep = Int(model.value("density") * Double(n))
        let top = Int(model.value("gamma") * Double(n))
        let bottom = max(0, n - keep - top)
        var kept = delta.map { _ in false }
        for (rank, i) in ascending(delta, inputs.format).enumerated() {
            kept[i] = rank >= bottom && rank < bottom + keep
        }
        return kept
    }

    /// `dare`: each with the same probability.
    static func bernoulli(
        _ delta: [Float], _ model: TensorInputs.Model, _ inputs: TensorInputs
    ) -> [Bool] {
        let density = Float(model.value("density"))
        return ReferencePhilox.uniforms(
            seed: inputs.seed, stream: ReferencePhilox.stream(tensor: inputs.name, ordinal: model.ordinal),
            count: delta.count
        ).map { $0 < density }
    }
}
