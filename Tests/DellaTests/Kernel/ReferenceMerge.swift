import Della
import StreamIO

/// The revision 1 numerics of one tensor, written to be read: the whole tensor in arrays of Float, an
/// element at a time, ranks by sorting. Shares nothing with the kernels.
struct ReferenceMerge {
    struct Model {
        var values: [UInt8]
        var type: ElementType
        var ordinal: Int
        var density: Double
        var epsilon: Double
        var weight: Double
        var lambda: Double
    }

    var name = "model.layers.0.mlp.down_proj.weight"
    var shape: [Int]
    var base: [UInt8]
    var baseType: ElementType
    var models: [Model]
    var format: FloatFormat
    var output: FloatFormat
    var electsSigns: Bool
    var rescale: Bool
    var normalize: Bool
    var lambda: Double
    var seed: UInt64

    var count: Int { shape.reduce(1, *) }
    var rowLength: Int { shape.last ?? 1 }

    /// The merged tensor in `output`'s bytes.
    func bytes() -> [UInt8] {
        let base = ReferenceFormat.decode(baseType, self.base).map { ReferenceFormat.round($0, to: format) }
        guard !models.isEmpty else { return ReferenceFormat.encode(base, as: output) }
        let deltas = models.map { delta(of: $0, base: base) }
        let weights = models.map { Float($0.weight) }
        let result = base.indices.map { i -> Float in
            let weighted = deltas.indices.map { weights[$0] * deltas[$0][i] }
            var ballot: Float = 0
            for x in weighted { ballot = ballot + x }
            let majority: Float = ballot >= 0 ? 1 : -1
            var mixed: Float = 0
            var divisor: Float = 0
            for (k, x) in weighted.enumerated() {
                let sign: Float = x > 0 ? 1 : x < 0 ? -1 : 0
                guard !electsSigns || ballot.isNaN || sign == majority else { continue }
                mixed = mixed + Float(models[k].lambda) * x
                divisor = divisor + weights[k]
            }
            if normalize {
                let small = electsSigns ? divisor == 0 : abs(divisor) < 1e-8
                mixed = mixed / (small ? 1 : divisor)
            }
            let scaled = Float(lambda) * mixed
            return base[i] + scaled
        }
        return ReferenceFormat.encode(result, as: output)
    }

    /// The pruned and rescaled delta of one model.
    private func delta(of model: Model, base: [Float]) -> [Float] {
        let values = ReferenceFormat.decode(model.type, model.values)
        let delta = zip(values, base).map { ReferenceFormat.round($0, to: format) - $1 }
        if model.density >= 1 { return delta }
        if model.density <= 0 { return delta.map { _ in 0 } }
        let uniforms = ReferencePhilox.uniforms(
            seed: seed, stream: stream(of: model), count: delta.count)
        var kept = delta.map { _ in false }
        var total = 0.0
        var keptTotal = 0.0
        for start in stride(from: 0, to: delta.count, by: max(rowLength, 1)) {
            let row = Array(delta[start..<start + rowLength])
            let probabilities = probabilities(row, density: model.density, epsilon: model.epsilon)
            for i in row.indices { kept[start + i] = uniforms[start + i] < probabilities[i] }
            total += laneSum(row.map { Double(abs($0)) })
            keptTotal += laneSum(row.indices.map { kept[start + $0] ? Double(abs(row[$0])) : 0 })
        }
        var factor: Float = 1
        if rescale, total >= 1e-7, keptTotal >= 1e-7, total.isFinite, keptTotal.isFinite {
            factor = Float(total / keptTotal)
        }
        return delta.indices.map { kept[$0] ? delta[$0] * factor : 0 }
    }

    private func probabilities(_ row: [Float], density: Double, epsilon: Double) -> [Float] {
        guard row.count > 1 else { return row.map { _ in Float(density) } }
        let magnitudes = row.map { abs(ReferenceFormat.round($0, to: format)) }
        let order = magnitudes.indices.sorted { a, b in
            let (x, y) = (magnitudes[a], magnitudes[b])
            if x.isNaN || y.isNaN { return x.isNaN == y.isNaN ? a < b : y.isNaN }
            return x == y ? a < b : x < y
        }
        let first = Float(density - epsilon)
        let step = Float(2 * epsilon / Double(row.count - 1))
        var probabilities = row.map { _ in Float(0) }
        for (rank, i) in order.enumerated() {
            let rise = step * Float(rank)
            probabilities[i] = first + rise
        }
        return probabilities
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

    private func stream(of model: Model) -> UInt64 {
        var hash: UInt64 = 14_695_981_039_346_656_037
        for byte in Array(name.utf8) + [0] + Array("\(model.ordinal)".utf8) {
            hash = (hash ^ UInt64(byte)) &* 1_099_511_628_211
        }
        return hash
    }
}
