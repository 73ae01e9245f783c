/// Methods that prune differences to a base, weigh them, may elect a sign, and add them up.
struct TaskVectors {
    /// Which elements of a difference are kept; asked where 0 < density < 1.
    typealias Sparsifier =
        @Sendable (_ delta: [Float], _ model: TensorInputs.Model, _ inputs: TensorInputs) -> [Bool]

    var electsSigns: Bool
    var sparsifier: Sparsifier

    /// The merged tensor in float32, before it is rounded to what is written.
    func merge(_ inputs: TensorInputs) -> [Float] {
        let base = inputs.base!
        guard !inputs.models.isEmpty else { return base }
        // Where a model has a lambda of its own, each term takes its own or the merge's, and the sum none.
        let merges = inputs.parameters["lambda"] ?? 1
        let isOwn = inputs.models.contains { $0.parameters["lambda"] != nil }
        let deltas = inputs.models.map { delta(of: $0, base: base, inputs) }
        let sum = combine(
            deltas, weights: inputs.models.map { Float($0.value("weight")) },
            factors: inputs.models.map { Float($0.parameters["lambda"] ?? (isOwn ? merges : 1)) },
            normalizes: inputs.flag("normalize"))
        let lambda = Float(isOwn ? 1 : merges)
        return base.indices.map { i in
            let scaled = lambda * sum[i]
            return base[i] + scaled
        }
    }

    /// A model's difference to the base, pruned and rescaled.
    func delta(of model: TensorInputs.Model, base: [Float], _ inputs: TensorInputs) -> [Float] {
        let delta = zip(model.values, base).map { $0 - $1 }
        let density = model.parameters["density"] ?? 1
        if density >= 1 { return delta }
        if density <= 0 { return delta.map { _ in 0 } }
        let kept = sparsifier(delta, model, inputs)
        var factor: Float = 1
        if inputs.flag("rescale") {
            let length = inputs.rowLength
            let total = ReferenceSums.tensor(delta.map { Double(abs($0)) }, rowLength: length)
            let rest = ReferenceSums.tensor(
                delta.indices.map { kept[$0] ? Double(abs(delta[$0])) : 0 }, rowLength: length)
            if total >= 1e-7, rest >= 1e-7, total.isFinite, rest.isFinite { factor = Float(total / rest) }
        }
        return delta.indices.map { kept[$0] ? delta[$0] * factor : 0 }
    }

    /// Which differences are kept, by model.
    func kept(_ inputs: TensorInputs) -> [[Bool]] {
        let base = inputs.base!
        return inputs.models.map { model in
            let density = model.parameters["density"] ?? 1
            if density >= 1 || density <= 0 { return base.map { _ in density >= 1 } }
            return sparsifier(zip(model.values, base).map { $0 - $1 }, model, inputs)
        }
    }

    /// The sum of the weighted differences that are kept, divided where that is asked for.
    func combine(
        _ deltas: [[Float]], weights: [Float], factors: [Float], normalizes: Bool
    ) -> [Float] {
        deltas[0].indices.map { i in
            let weighted = deltas.indices.map { weights[$0] * deltas[$0][i] }
            var ballot: Float = 0
            for x in weighted { ballot = ballot + x }
            let majority: Float = ballot >= 0 ? 1 : -1
            var mixed: Float = 0
            var divisor: Float = 0
            for (k, x) in weighted.enumerated() {
                let sign: Float = x > 0 ? 1 : x < 0 ? -1 : 0
                guard !electsSigns || ballot.isNaN || sign == majority else { continue }
                let term = factors[k] * x
                mixed = mixed + term
                divisor = divisor + weights[k]
            }
            guard normalizes else { return mixed }
            let isSmall = electsSigns ? divisor == 0 : abs(divisor) < 1e-8
            return mixed / (isSmall ? 1 : divisor)
        }
    }
}

// MARK: What is kept

extension TaskVectors {
    /// MAGPRUNE: within a row, the larger the magnitude the likelier it is kept.
    static func magprune(
        _ delta: [Float], _ model: TensorInputs.Model, _ inputs: TensorInputs
    ) -> [Bool] {
        let uniforms = ReferencePhilox.uniforms(
            seed: inputs.seed, stream: ReferencePhilox.stream(tensor: inputs.name, ordinal: model.ordinal),
            count: delta.count)
        var kept = delta.map { _ in false }
        for start in inputs.rowStarts {
            let row = Array(delta[start..<start + inputs.rowLength])
            let probabilities = probabilities(
                row, density: model.value("density"), epsilon: model.value("epsilon"), inputs.format)
            for i in row.indices { kept[start + i] = uniforms[start + i] < probabilities[i] }
        }
        return kept
    }

    private static func probabilities(
        _ row: [Float], density: Double, epsilon: Double, _ format: StoredType
    ) -> [Float] {
        guard row.count > 1 else { return row.map { _ in Float(density) } }
        let first = Float(density - epsilon)
        let step = Float(2 * epsilon / Double(row.count - 1))
        var probabilities = row.map { _ in Float(0) }
        for (rank, i) in ascending(row, format).enumerated() {
            let rise = step * Float(rank)
            probabilities[i] = first + rise
        }
        return probabilities
    }

    /// Positions by magnitude rounded to the type computed in, ascending; equal ones by position, NaN last.
    static func ascending(_ values: [Float], _ format: StoredType) -> [Int] {
        let magnitudes = values.map { abs(ReferenceFormat.round($0, to: format)) }
        return magnitudes.indices.sorted { a, b in
            let (x, y) = (magnitudes[a], magnitudes[b])
            if x.isNaN || y.isNaN { return x.isNaN == y.isNaN ? a < b : y.isNaN }
            return x == y ? a < b : x < y
        }
    }
}
