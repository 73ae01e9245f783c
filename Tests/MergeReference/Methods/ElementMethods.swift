import Foundation

/// Methods that go element by element, some after a count or a quantile of the tensor.
enum ElementMethods {
    static func linear(_ inputs: TensorInputs) -> [Float] {
        let weights = inputs.models.map { Float($0.value("weight")) }
        var divisor: Float = 0
        for weight in weights { divisor = divisor + weight }
        return (0..<inputs.count).map { i in
            var sum: Float = 0
            for (weight, model) in zip(weights, inputs.models) {
                let term = weight * model.values[i]
                sum = sum + term
            }
            return inputs.flag("normalize") ? sum / divisor : sum
        }
    }

    static func passthrough(_ inputs: TensorInputs) -> [Float] {
        let model = inputs.models[0]
        guard let scale = model.parameters["scale"] else { return model.values }
        return model.values.map { $0 * Float(scale) }
    }

    static func nearswap(_ inputs: TensorInputs) -> [Float] {
        let t = Float(inputs.parameters["t"]!)
        return zip(inputs.base!, inputs.models[0].values).map { b, x in
            let distance = ReferenceOrder.greater(abs(b - x), 1e-6)
            let weight = ReferenceOrder.lesser(ReferenceOrder.greater(t / distance, 0), 1)
            let term = weight * x
            let rest = (1 - weight) * b
            return term + rest
        }
    }

    // MARK: ram

    static func ram(_ inputs: TensorInputs, isScaled: Bool) -> [Float] {
        let base = inputs.base!
        guard !inputs.models.isEmpty else { return base }
        let deltas = inputs.models.map { model in zip(model.values, base).map { $0 - $1 } }
        let epsilon = inputs.parameters["epsilon"]!
        let isActive = deltas.map { $0.map { abs($0) > Float(epsilon) } }
        let counts = base.indices.map { i in isActive.count { $0[i] } }
        let factors = isActive.map { active -> Float in
            guard isScaled else { return 1 }
            let unique = base.indices.count { active[$0] && counts[$0] == 1 }
            let shared = base.indices.count { active[$0] && counts[$0] > 1 }
            let ratio = Double(shared) / max(Double(unique), epsilon)
            return Float(1 + inputs.parameters["r"]! * min(max(ratio, 0), inputs.parameters["alpha"]!))
        }
        return base.indices.map { i in
            var sum: Float = 0
            for k in deltas.indices where isActive[k][i] {
                sum = sum + (counts[i] > 1 ? deltas[k][i] / Float(counts[i]) : deltas[k][i] * factors[k])
            }
            return base[i] + sum
        }
    }

    // MARK: sce

    static func sce(_ inputs: TensorInputs) -> [Float] {
        let base = inputs.base!
        guard !inputs.models.isEmpty, !base.isEmpty else { return base }
        var deltas = inputs.models.map { model in zip(model.values, base).map { $0 - $1 } }
        let count = Float(deltas.count)
        let share = inputs.parameters["select_topk"]!
        if share < 1 {
            let scores = base.indices.map { i -> Float in
                var mean: Float = 0
                for delta in deltas { mean = mean + delta[i] }
                mean = mean / count
                var variance: Float = 0
                for delta in deltas {
                    let distance = delta[i] - mean
                    let square = distance * distance
                    variance = variance + square
                }
                return variance / count
            }
            let nonzero = scores.count { $0 != 0 }
            let kept = ReferenceOrder.largest(scores, count: share > 0 ? Int(Double(nonzero) * share) : 0)
            deltas = deltas.map { delta in delta.indices.map { kept[$0] ? delta[$0] : 0 } }
        }
        let powers = deltas.map { delta in
            ReferenceSums.tensor(delta.map { Double($0) * Double($0) }, rowLength: inputs.rowLength)
                / Double(base.count)
        }
        let power = powers.reduce(0, +)
        let weights = powers.map { abs(power) < 1e-6 ? 1 / count : Float($0 / power) }
        return base.indices.map { i in
            var ballot: Float = 0
            for delta in deltas { ballot = ballot + delta[i] }
            let majority: Float = ballot >= 0 ? 1 : -1
            var sum: Float = 0
            var divisor: Float = 0
            for (weight, delta) in zip(weights, deltas) {
                let sign: Float = delta[i] > 0 ? 1 : delta[i] < 0 ? -1 : 0
                guard ballot.isNaN || sign == majority else { continue }
                let term = weight * delta[i]
                sum = sum + term
                divisor = divisor + weight
            }
            return base[i] + sum / ReferenceOrder.greater(divisor, 1e-6)
        }
    }

    // MARK: arcee_fusion

    static func fusion(_ inputs: TensorInputs) -> [Float] {
        let base = inputs.base!
        let values = inputs.models[0].values
        guard !base.isEmpty else { return base }
        let delta = zip(values, base).map { $0 - $1 }
        var scores = delta
        for start in inputs.rowStarts {
            let range = start..<start + inputs.rowLength
            let divergence = Float(divergence(softmax(values[range]), softmax(base[range])))
            for i in range { scores[i] = abs(delta[i]) * divergence }
        }
        let sorted = scores.map(ReferenceOrder.key).sorted()
        func quantile(_ q: Double) -> Float {
            Float(bitPattern: sorted[Int(q * Double(sorted.count - 1))])
        }
        let spread = 1.5 * (quantile(0.75) - quantile(0.25))
        let threshold = quantile(0.5) + spread
        return base.indices.map { base[$0] + (abs(scores[$0]) >= threshold ? delta[$0] : 0) }
    }

    private static func divergence(_ p: [Double], _ q: [Double]) -> Double {
        ReferenceSums.row(zip(p, q).map { $0 * log($0 / $1) })
    }

    private static func softmax(_ row: ArraySlice<Float>) -> [Double] {
        let isNaN = row.contains { $0.isNaN }
        let most = isNaN ? Double.nan : Double(row.max()!)
        let powers = row.map { exp(Double($0) - most) }
        let sum = ReferenceSums.row(powers)
        return powers.map { $0 / sum + 1e-8 }
    }
}
