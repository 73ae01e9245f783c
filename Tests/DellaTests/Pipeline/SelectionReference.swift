import Foundation
import StreamIO

@testable import Della
@testable import MergeReference

/// Merges that keep some of their differences, by definition: whole tensors in arrays of Float, an element at a time,
/// selections by sorting. Shares nothing with the kernels.
struct SelectionReference {
    var name: String
    var rowLength: Int
    var format: FloatFormat
    var seed: UInt64
    var base: [Float]
    var deltas: [[Float]]
    /// Of the first model.
    private let values: [Float]

    init(
        name: String, shape: [Int], format: FloatFormat, seed: UInt64, base: [Float], models: [[Float]]
    ) {
        self.name = name
        rowLength = shape.last ?? 1
        self.format = format
        self.seed = seed
        let rounded = base.map { ReferenceFormat.round($0, to: format) }
        self.base = rounded
        values = (models.first ?? []).map { ReferenceFormat.round($0, to: format) }
        deltas = models.map { model in
            zip(model, rounded).map { ReferenceFormat.round($0, to: format) - $1 }
        }
    }

    /// Whether a rule's selections are known here: those of DELLA have a reference of their own.
    static func isFor(_ rule: MergeRule) -> Bool {
        switch rule {
        case .sce, .fusion: true
        case .deltas(let rule):
            rule.terms.contains { if case .magprune = $0.sparsifier { false } else { true } }
        case .blend, .nearswap, .ram: false
        }
    }

    /// The merged tensor in float32.
    func values(_ rule: MergeRule) -> [Float] {
        switch rule {
        case .deltas(let rule): combined(rule)
        case .sce(let share): elected(share)
        case .fusion: fused()
        default: preconditionFailure("a rule that keeps all")
        }
    }

    // MARK: Differences

    private func combined(_ rule: DeltaRule) -> [Float] {
        guard !rule.terms.isEmpty else { return base }
        let kept = zip(rule.terms, deltas).map { sparsified($1, $0, rescale: rule.rescale) }
        return base.indices.map { i in
            let weighted = rule.terms.indices.map { Float(rule.terms[$0].weight) * kept[$0][i] }
            var ballot: Float = 0
            for x in weighted { ballot = ballot + x }
            var mixed: Float = 0
            var divisor: Float = 0
            for (term, x) in zip(rule.terms, weighted) where !rule.electsSigns || agrees(x, ballot) {
                let own = Float(term.lambda) * x
                mixed = mixed + own
                divisor = divisor + Float(term.weight)
            }
            if rule.normalize {
                mixed = mixed / ((rule.electsSigns ? divisor == 0 : abs(divisor) < 1e-8) ? 1 : divisor)
            }
            let scaled = Float(rule.lambda) * mixed
            return base[i] + scaled
        }
    }

    private func agrees(_ x: Float, _ ballot: Float) -> Bool {
        ballot.isNaN || (ballot >= 0 ? x > 0 : x < 0)
    }

    private func sparsified(_ delta: [Float], _ term: DeltaTerm, rescale: Bool) -> [Float] {
        if term.sparsifier.density >= 1 { return delta }
        if term.sparsifier.density <= 0 { return delta.map { _ in 0 } }
        let kept = kept(delta, term)
        var factor: Float = 1
        if rescale {
            let total = sum(delta.map { Double(abs($0)) })
            let rest = sum(delta.indices.map { kept[$0] ? Double(abs(delta[$0])) : 0 })
            if total >= 1e-7, rest >= 1e-7, total.isFinite, rest.isFinite { factor = Float(total / rest) }
        }
        return delta.indices.map { kept[$0] ? delta[$0] * factor : 0 }
    }

    private func kept(_ delta: [Float], _ term: DeltaTerm) -> [Bool] {
        let count = delta.count
        let keys = delta.map { key(ReferenceFormat.round($0, to: format)) }
        switch term.sparsifier {
        case .bernoulli(let density):
            let stream = RandomStream.identifier(tensor: name, ordinal: term.ordinal)
            return ReferencePhilox.uniforms(seed: seed, stream: stream, count: count).map {
                $0 < Float(density)
            }
        case .largest(let density):
            return largest(keys, max(1, Int(density * Double(count))))
        case .band(let density, let gamma):
            let (most, top) = (Int(density * Double(count)), Int(gamma * Double(count)))
            let bottom = max(0, count - most - top)
            var kept = delta.map { _ in false }
            for (rank, i) in ascending(keys).enumerated() {
                kept[i] = rank >= bottom && rank < bottom + most
            }
            return kept
        case .none, .magprune: preconditionFailure("another reference's")
        }
    }

    // MARK: Scores

    private func elected(_ share: Double) -> [Float] {
        guard !deltas.isEmpty else { return base }
        let count = Float(deltas.count)
        var deltas = deltas
        if share < 1 {
            let variances = base.indices.map { i -> Float in
                var mean: Float = 0
                for delta in deltas { mean = mean + delta[i] }
                mean = mean / count
                var variance: Float = 0
                for delta in deltas {
                    let square = (delta[i] - mean) * (delta[i] - mean)
                    variance = variance + square
                }
                return variance / count
            }
            let nonzero = variances.count { $0 != 0 }
            let kept = largest(variances.map(key), share > 0 ? Int(Double(nonzero) * share) : 0)
            deltas = deltas.map { delta in delta.indices.map { kept[$0] ? delta[$0] : 0 } }
        }
        let energies = deltas.map { sum($0.map { Double($0) * Double($0) }) / Double(base.count) }
        let energy = energies.reduce(0, +)
        let weights = energies.map { abs(energy) < 1e-6 ? 1 / count : Float($0 / energy) }
        return base.indices.map { i in
            var ballot: Float = 0
            for delta in deltas { ballot = ballot + delta[i] }
            var mixed: Float = 0
            var divisor: Float = 0
            for (weight, delta) in zip(weights, deltas) where agrees(delta[i], ballot) {
                let term = weight * delta[i]
                mixed = mixed + term
                divisor = divisor + weight
            }
            return base[i] + mixed / (divisor < 1e-6 ? 1e-6 : divisor)
        }
    }

    private func fused() -> [Float] {
        guard let delta = deltas.first, !base.isEmpty else { return base }
        var scores: [Float] = []
        for start in stride(from: 0, to: base.count, by: rowLength) {
            let row = start..<start + rowLength
            let p = softmax(row.map { Double(values[$0]) })
            let q = softmax(row.map { Double(base[$0]) })
            let divergence = Float(laneSum(zip(p, q).map { $0 * log($0 / $1) }))
            scores += row.map { abs(abs(delta[$0]) * divergence) }
        }
        let order = scores.map(key).sorted()
        func quantile(_ q: Double) -> Float {
            let key = order[Int(q * Double(order.count - 1))]
            return key >> 32 == 1 ? .nan : Float(bitPattern: UInt32(key))
        }
        let spread = 1.5 * (quantile(0.75) - quantile(0.25))
        let threshold = quantile(0.5) + spread
        return base.indices.map { base[$0] + (scores[$0] >= threshold ? delta[$0] : 0) }
    }

    private func softmax(_ row: [Double]) -> [Double] {
        let most = row.contains(where: \.isNaN) ? .nan : row.max() ?? 0
        let powers = row.map { exp($0 - most) }
        let sum = laneSum(powers)
        return powers.map { $0 / sum + 1e-8 }
    }

    // MARK: Order

    private func key(_ score: Float) -> UInt64 { score.isNaN ? 1 << 32 : UInt64(abs(score).bitPattern) }

    /// Positions by key, equal ones by position: one number holds both.
    private func ascending(_ keys: [UInt64]) -> [Int] {
        keys.enumerated().map { $1 << 30 | UInt64($0) }.sorted().map { Int($0 & (1 << 30 - 1)) }
    }

    /// The largest; of equal ones the earlier.
    private func largest(_ keys: [UInt64], _ count: Int) -> [Bool] {
        let order = ascending(keys.map { (1 << 33) - $0 })
        var kept = keys.map { _ in false }
        for i in order.prefix(count) { kept[i] = true }
        return kept
    }

    /// Over the tensor in the contract's order.
    private func sum(_ values: [Double]) -> Double {
        stride(from: 0, to: values.count, by: max(rowLength, 1)).reduce(0) { total, start in
            total + laneSum(Array(values[start..<start + rowLength]))
        }
    }

    private func laneSum(_ row: [Double]) -> Double {
        var lanes = [Double](repeating: 0, count: 16)
        for (i, x) in row.enumerated() { lanes[i % 16] += x }
        while lanes.count > 1 {
            let half = lanes.count / 2
            lanes = (0..<half).map { lanes[$0] + lanes[$0 + half] }
        }
        return lanes[0]
    }
}
