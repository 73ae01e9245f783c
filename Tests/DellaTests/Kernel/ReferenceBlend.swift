@testable import Della
@testable import MergeReference

/// One tensor of a rule without sparsified differences, written to be read: an element at a time, in arrays of Float.
///
/// Takes the rule's parameters from the product and shares no arithmetic with it but the sine, cosine and arc cosine,
/// whose values have tests of their own: where models point in opposite directions, their last bits show.
struct ReferenceBlend {
    let shape: [Int]
    /// The reference's values, rounded to the format computed in.
    let base: [Float]?
    let inputs: [[Float]]
    /// The inputs less the base, where there is one.
    private let differences: [[Float]]

    init(shape: [Int], base: [Float]?, inputs: [[Float]]) {
        self.shape = shape
        self.base = base
        self.inputs = inputs
        differences =
            base.map { base in inputs.map { input in base.indices.map { input[$0] - base[$0] } } } ?? []
    }

    private var count: Int { shape.reduce(1, *) }
    private var rowLength: Int { shape.last ?? 1 }

    /// The merged tensor before it is rounded to what is written.
    func result(_ rule: MergeRule) -> [Float] {
        switch rule {
        case .blend(let rule): blend(rule)
        case .nearswap(let t):
            (0..<count).map { i in
                let (b, x) = (base![i], inputs[0][i])
                let distance = abs(b - x)
                var w = Float(t) / (distance < 1e-6 ? 1e-6 : distance)
                if w < 0 { w = 0 }
                if w > 1 { w = 1 }
                let (near, far) = (w * x, (1 - w) * b)
                return near + far
            }
        case .ram(let rule): ram(rule)
        case .deltas, .sce, .fusion: preconditionFailure("a rule of another reference")
        }
    }

    // MARK: Blends

    private func blend(_ rule: BlendRule) -> [Float] {
        switch rule {
        case .weighted(let weights, let normalize):
            let weights = weights.map { Float($0) }
            var total: Float = 0
            for weight in weights { total = total + weight }
            return sum(weights, inputs).map { normalize ? $0 / total : $0 }
        case .scaled(let scale):
            return inputs[0].map { x in scale.map { x * Float($0) } ?? x }
        case .slerp(let t): return sum(slerp(t, gram(inputs)), inputs)
        case .nuslerp(let t, let grain): return nuslerp(t, grain)
        case .multislerp(let weights, let normalize, let eps):
            if inputs.count == 1 { return inputs[0] }
            let vectors = base == nil ? inputs : differences
            let values = sum(multislerp(weights, normalize, eps, gram(vectors)), vectors)
            return base == nil ? values : zip(base!, values).map { $0 + $1 }
        case .karcher(let iterations, let tolerance):
            if inputs.count == 1 { return inputs[0] }
            return sum(karcher(iterations, tolerance, gram(inputs)), inputs)
        case .stock(let byRow): return stock(byRow: byRow)
        }
    }

    private func sum(_ coefficients: [Double], _ vectors: [[Float]]) -> [Float] {
        sum(coefficients.map { Float($0) }, vectors)
    }

    private func sum(_ coefficients: [Float], _ vectors: [[Float]]) -> [Float] {
        (0..<count).map { i in
            var value: Float = 0
            for (c, vector) in zip(coefficients, vectors) {
                let part = c * vector[i]
                value = value + part
            }
            return value
        }
    }

    private func gram(_ vectors: [[Float]]) -> [[Double]] {
        var gram = vectors.map { _ in vectors.map { _ in 0.0 } }
        for i in vectors.indices {
            for j in i..<vectors.count {
                var total = 0.0
                for start in stride(from: 0, to: count, by: max(1, rowLength)) {
                    total += dot(vectors[i][start..<start + rowLength], vectors[j][start..<start + rowLength])
                }
                (gram[i][j], gram[j][i]) = (total, total)
            }
        }
        return gram
    }

    /// Of a row: element i in lane i mod 16, the lanes folded by halves.
    private func dot(_ x: ArraySlice<Float>, _ y: ArraySlice<Float>) -> Double {
        var lanes = Array(repeating: 0.0, count: 16)
        for (i, (a, b)) in zip(x, y).enumerated() { lanes[i % 16] += Double(a) * Double(b) }
        for half in [8, 4, 2, 1] { for i in 0..<half { lanes[i] += lanes[i + half] } }
        return lanes[0]
    }

    // MARK: Coefficients

    private func slerp(_ t: Double, _ gram: [[Double]]) -> [Double] {
        let lengths = [gram[0][0].squareRoot(), gram[1][1].squareRoot()].map { $0 > 1e-8 ? $0 : 1 }
        let cosine = gram[0][1] / (lengths[0] * lengths[1])
        if !(abs(cosine) <= 0.9995) { return [1 - t, t] }
        let angle = PlainMath.acos(cosine)
        return [
            PlainMath.sin(angle - angle * t) / PlainMath.sin(angle),
            PlainMath.sin(angle * t) / PlainMath.sin(angle),
        ]
    }

    private func nuslerp(_ t: Double, _ grain: BlendRule.Grain) -> [Float] {
        let vectors = base == nil ? inputs : differences
        var values = Array(repeating: Float(0), count: count)
        for part in parts(grain) {
            let products: (Double, Double, Double)
            switch grain {
            case .tensor:
                let all = gram(vectors)
                products = (all[0][0], all[0][1], all[1][1])
            case .rows,
                .columns where shape.count < 2:
                let (x, y) = (part.map { vectors[0][$0] }[...], part.map { vectors[1][$0] }[...])
                products = (dot(x, x), dot(x, y), dot(y, y))
            case .columns:
                func total(_ a: Int, _ b: Int) -> Double {
                    part.reduce(0.0) { $0 + Double(vectors[a][$1]) * Double(vectors[b][$1]) }
                }
                products = (total(0, 0), total(0, 1), total(1, 1))
            }
            let c = pair(t, products).map { Float($0) }
            for i in part {
                let (first, second) = (c[0] * vectors[0][i], c[1] * vectors[1][i])
                let value = (0 + first) + second
                values[i] = base.map { $0[i] + value } ?? value
            }
        }
        return values
    }

    /// Indices of the elements that share a pair of coefficients.
    private func parts(_ grain: BlendRule.Grain) -> [[Int]] {
        switch grain {
        case _ where count == 0: return []
        case .columns where shape.count > 1:
            let columns = count / shape[0]
            return (0..<columns).map { Array(stride(from: $0, to: count, by: columns)) }
        case .tensor: return [Array(0..<count)]
        case .rows, .columns:
            return stride(from: 0, to: count, by: rowLength).map { Array($0..<$0 + rowLength) }
        }
    }

    private func pair(_ t: Double, _ products: (Double, Double, Double)) -> [Double] {
        func length(_ square: Double) -> Double {
            let root = square.squareRoot()
            return root < 1e-7 ? 1e-7 : root
        }
        var cosine = products.1 / (length(products.0) * length(products.2))
        if !cosine.isFinite { return [1 - t, t] }
        cosine = min(1, max(-1, cosine))
        if 1 - cosine * cosine <= 1e-16 { return [1 - t, t] }
        let angle = PlainMath.acos(cosine)
        let sine = PlainMath.sin(angle)
        return [PlainMath.sin((1 - t) * angle) / sine, PlainMath.sin(t * angle) / sine]
    }

    private func product(_ a: [Double], _ gram: [[Double]], _ b: [Double]) -> Double {
        var total = 0.0
        for j in b.indices {
            var column = 0.0
            for i in a.indices { column += a[i] * gram[i][j] }
            total += column * b[j]
        }
        return total
    }

    private func length(_ a: [Double], _ gram: [[Double]]) -> Double {
        let square = product(a, gram, a)
        return square.isNaN ? .nan : max(0, square).squareRoot()
    }

    private func unit(_ k: Int, _ scale: Double, _ count: Int) -> [Double] {
        (0..<count).map { $0 == k ? scale : 0 }
    }

    private func multislerp(
        _ weights: [Double], _ normalize: Bool, _ eps: Double, _ gram: [[Double]]
    ) -> [Double] {
        var total = 0.0
        for weight in weights { total += weight }
        let w = normalize ? weights.map { $0 / total } : weights
        let n = w.indices.map { gram[$0][$0].squareRoot() }
        if !gram.joined().allSatisfy(\.isFinite) { return w }
        var mean = w.indices.map { w[$0] * (1 / (n[$0] + eps)) }
        let size = length(mean, gram)
        if !(size >= max(eps, 1e-6)) { return w }
        mean = mean.map { $0 / size }
        var tangent = w.map { _ in 0.0 }
        for k in w.indices {
            let u = unit(k, 1 / (n[k] + eps), w.count)
            let cosine = product(u, gram, mean)
            for j in w.indices { tangent[j] += w[k] * (u[j] - cosine * mean[j]) }
        }
        let angle = length(tangent, gram) + eps
        var scale = 0.0
        for k in w.indices { scale += n[k] * w[k] }
        return w.indices.map {
            (mean[$0] * PlainMath.cos(angle) + tangent[$0] * (PlainMath.sin(angle) / angle)) * scale
        }
    }

    private func karcher(_ iterations: Int, _ tolerance: Double, _ gram: [[Double]]) -> [Double] {
        let share = 1 / Double(gram.count)
        if !gram.joined().allSatisfy(\.isFinite) { return gram.map { _ in share } }
        let n = gram.indices.map { gram[$0][$0].squareRoot() }
        let valid = gram.indices.filter { n[$0] > tolerance }
        if valid.isEmpty { return gram.map { _ in 0 } }
        let a = share / valid.reduce(0.0) { sum, _ in sum + share }
        var u = gram.indices.map { valid.contains($0) ? a * (1 / n[$0]) : 0 }
        let size = length(u, gram)
        u = size < max(tolerance, 1e-6) ? unit(valid[0], 1 / n[valid[0]], gram.count) : u.map { $0 / size }
        for _ in 0..<iterations {
            var tangent = gram.map { _ in 0.0 }
            for k in valid {
                let x = unit(k, 1 / n[k], gram.count)
                let cosine = min(1, max(-1, product(u, gram, x)))
                let angle = PlainMath.acos(cosine)
                if angle < tolerance || cosine < -1 + 1e-12 { continue }
                let scale = a * (angle / PlainMath.sin(angle))
                for j in gram.indices { tangent[j] += scale * (x[j] - cosine * u[j]) }
            }
            let step = length(tangent, gram)
            if step < tolerance { break }
            for j in gram.indices {
                u[j] = PlainMath.cos(step) * u[j] + PlainMath.sin(step) * (tangent[j] / step)
            }
            let size = length(u, gram)
            if size > tolerance { u = u.map { $0 / size } }
        }
        var scale = 0.0
        for norm in n { scale += share * norm }
        return u.map { $0 * scale }
    }

    // MARK: Others

    private func stock(byRow: Bool) -> [Float] {
        var values = Array(repeating: Float(0), count: count)
        for part in parts(byRow ? .rows : .tensor) {
            let rows = differences.map { x in part.map { x[$0] }[...] }
            let products = byRow ? rows.map { x in rows.map { dot(x, $0) } } : gram(differences)
            let t = stockRatio(products)
            for i in part {
                var total: Float = 0
                for x in inputs { total = total + x[i] }
                let average = Float(t) * (total / Float(inputs.count))
                let rest = Float(1 - t) * base![i]
                values[i] = average + rest
            }
        }
        return values
    }

    private func stockRatio(_ gram: [[Double]]) -> Double {
        if !gram.joined().allSatisfy(\.isFinite) { return 0 }
        var cosines: [Double] = []
        for i in gram.indices {
            for j in gram.indices where j > i {
                let lengths = gram[i][i].squareRoot() * gram[j][j].squareRoot()
                cosines.append(min(1, max(-1, gram[i][j] / max(lengths, 1e-6))))
            }
        }
        let c = cosines.reduce(0, +) / Double(cosines.count)
        let below = 1 + Double(gram.count - 1) * c
        return abs(below) < 1e-6 ? 0 : Double(gram.count) * c / below
    }

    private func ram(_ rule: RamRule) -> [Float] {
        let deltas = differences
        let epsilon = Float(rule.epsilon)
        let counts = (0..<count).map { i in deltas.count { abs($0[i]) > epsilon } }
        let factors = deltas.map { delta -> Float in
            guard let boost = rule.boost else { return 1 }
            let active = delta.indices.filter { abs(delta[$0]) > epsilon }
            let alone = active.count { counts[$0] == 1 }
            let share = Double(active.count - alone) / max(Double(alone), rule.epsilon)
            return Float(1 + boost.r * min(max(share, 0), boost.alpha))
        }
        return (0..<count).map { i in
            var mixed: Float = 0
            for (delta, factor) in zip(deltas, factors) where abs(delta[i]) > epsilon {
                let part = counts[i] == 1 ? delta[i] * factor : delta[i] / Float(counts[i])
                mixed = mixed + part
            }
            return base![i] + mixed
        }
    }
}
