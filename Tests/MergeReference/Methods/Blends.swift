import Foundation

/// Methods whose result lies in the span of their inputs: coefficients from inner products, then one sum.
enum Blends {
    /// `Σ Float(c_k)·x_k`, from +0, in order.
    static func sum(_ coefficients: [Double], _ vectors: [[Float]]) -> [Float] {
        vectors[0].indices.map { i in
            var sum: Float = 0
            for (c, x) in zip(coefficients, vectors) {
                let term = Float(c) * x[i]
                sum = sum + term
            }
            return sum
        }
    }

    private static func offsets(_ inputs: TensorInputs) -> [[Float]] {
        guard let base = inputs.base else { return inputs.models.map(\.values) }
        return inputs.models.map { model in zip(model.values, base).map { $0 - $1 } }
    }

    private static func onBase(_ inputs: TensorInputs, _ sum: [Float]) -> [Float] {
        guard let base = inputs.base else { return sum }
        return zip(base, sum).map { $0 + $1 }
    }

    // MARK: slerp

    static func slerp(_ inputs: TensorInputs) -> [Float] {
        let vectors = [inputs.base!] + inputs.models.map(\.values)
        let t = inputs.parameters["t"]!
        return sum(slerpCoefficients(t, Gram(vectors, rowLength: inputs.rowLength)), vectors)
    }

    private static func slerpCoefficients(_ t: Double, _ gram: Gram) -> [Double] {
        let norms = gram.norms.map { $0 > 1e-8 ? $0 : 1 }
        let cosine = gram[0, 1] / (norms[0] * norms[1])
        guard abs(cosine) <= 0.9995 else { return [1 - t, t] }
        let theta = acos(cosine)
        return [sin(theta - theta * t) / sin(theta), sin(theta * t) / sin(theta)]
    }

    // MARK: nuslerp

    static func nuslerp(_ inputs: TensorInputs) -> [Float] {
        let weights = inputs.models.map { $0.value("weight") }
        let total = weights[0] + weights[1]
        let t = abs(total) < 1e-6 ? 0.5 : weights[1] / total
        let vectors = offsets(inputs)
        if inputs.flag("nuslerp_flatten") {
            let gram = Gram(vectors, rowLength: inputs.rowLength)
            return onBase(inputs, sum(nuslerpCoefficients(t, gram), vectors))
        }
        let isByColumn = inputs.flag("nuslerp_row_wise") && inputs.shape.count > 1
        return onBase(inputs, isByColumn ? byColumn(inputs, t, vectors) : byRow(inputs, t, vectors))
    }

    private static func byRow(_ inputs: TensorInputs, _ t: Double, _ vectors: [[Float]]) -> [Float] {
        inputs.rowStarts.flatMap { start -> [Float] in
            let row = vectors.map { Array($0[start..<start + inputs.rowLength]) }
            return sum(nuslerpCoefficients(t, Gram(row, rowLength: inputs.rowLength)), row)
        }
    }

    /// Columns over the first dimension, each one's sums taken over the rows in order.
    private static func byColumn(_ inputs: TensorInputs, _ t: Double, _ vectors: [[Float]]) -> [Float] {
        let rows = inputs.shape[0]
        let columns = rows == 0 ? 0 : inputs.count / rows
        var result = vectors[0]
        for column in 0..<columns {
            let places = (0..<rows).map { $0 * columns + column }
            func product(_ i: Int, _ j: Int) -> Double {
                places.reduce(0) { $0 + Double(vectors[i][$1]) * Double(vectors[j][$1]) }
            }
            let gram = Gram(product(0, 0), product(0, 1), product(1, 1))
            let values = sum(nuslerpCoefficients(t, gram), vectors.map { x in places.map { x[$0] } })
            for (place, value) in zip(places, values) { result[place] = value }
        }
        return result
    }

    private static func nuslerpCoefficients(_ t: Double, _ gram: Gram) -> [Double] {
        let norms = gram.norms.map { max($0, 1e-7) }
        let raw = gram[0, 1] / (norms[0] * norms[1])
        guard raw.isFinite else { return [1 - t, t] }
        let cosine = min(1, max(-1, raw))
        guard 1 - cosine * cosine > 1e-16 else { return [1 - t, t] }
        let theta = acos(cosine)
        return [sin((1 - t) * theta) / sin(theta), sin(t * theta) / sin(theta)]
    }

    // MARK: multislerp

    static func multislerp(_ inputs: TensorInputs) -> [Float] {
        guard inputs.models.count > 1 else { return inputs.models[0].values }
        var weights = inputs.models.map { $0.value("weight") }
        if inputs.flag("normalize_weights") {
            let total = weights.reduce(0, +)
            weights = weights.map { $0 / total }
        }
        let vectors = offsets(inputs)
        let gram = Gram(vectors, rowLength: inputs.rowLength)
        let coefficients = multislerpCoefficients(weights, gram, eps: inputs.parameters["eps"]!)
        return onBase(inputs, sum(coefficients, vectors))
    }

    private static func multislerpCoefficients(_ weights: [Double], _ gram: Gram, eps: Double) -> [Double] {
        let places = weights.indices
        let norms = gram.norms
        let scales = norms.map { 1 / ($0 + eps) }
        var mean = places.map { weights[$0] * scales[$0] }
        let size = gram.isFinite ? gram.length(mean) : .nan
        guard size >= max(eps, 1e-6) else { return weights }
        mean = mean.map { $0 / size }
        var tangent = places.map { _ in 0.0 }
        for k in places {
            let unit = places.map { $0 == k ? scales[k] : 0 }
            let cosine = gram.dot(unit, mean)
            for i in places { tangent[i] += weights[k] * (unit[i] - cosine * mean[i]) }
        }
        let angle = gram.length(tangent) + eps
        let radius = places.reduce(0) { $0 + norms[$1] * weights[$1] }
        return places.map { (mean[$0] * cos(angle) + tangent[$0] * (sin(angle) / angle)) * radius }
    }

    // MARK: karcher

    static func karcher(_ inputs: TensorInputs) -> [Float] {
        let vectors = inputs.models.map(\.values)
        guard vectors.count > 1 else { return vectors[0] }
        let gram = Gram(vectors, rowLength: inputs.rowLength)
        return sum(
            karcherCoefficients(
                gram, steps: Int(inputs.parameters["max_iter"]!), tolerance: inputs.parameters["tol"]!),
            vectors)
    }

    private static func karcherCoefficients(_ gram: Gram, steps: Int, tolerance: Double) -> [Double] {
        let places = 0..<gram.count
        let share = 1 / Double(gram.count)
        guard gram.isFinite else { return places.map { _ in share } }
        let norms = gram.norms
        let valid = places.filter { norms[$0] > tolerance }
        guard !valid.isEmpty else { return places.map { _ in 0 } }
        let whole = valid.reduce(0) { sum, _ in sum + share }
        let units = valid.map { k in places.map { $0 == k ? 1 / norms[k] : 0 } }
        var point = places.map { i in units.reduce(0) { $0 + share / whole * $1[i] } }
        let length = gram.length(point)
        point = length < max(tolerance, 1e-6) ? units[0] : point.map { $0 / length }
        for _ in 0..<max(steps, 0) {
            var tangent = places.map { _ in 0.0 }
            for unit in units {
                let cosine = min(1, max(-1, gram.dot(point, unit)))
                let theta = acos(cosine)
                guard theta >= tolerance, cosine >= -1 + 1e-12 else { continue }
                for i in places {
                    tangent[i] += share / whole * (theta / sin(theta)) * (unit[i] - cosine * point[i])
                }
            }
            let size = gram.length(tangent)
            if size < tolerance { break }
            point = places.map { cos(size) * point[$0] + sin(size) * (tangent[$0] / size) }
            let length = gram.length(point)
            if length > tolerance { point = point.map { $0 / length } }
        }
        let radius = norms.reduce(0) { $0 + share * $1 }
        return point.map { $0 * radius }
    }

    // MARK: model_stock

    static func modelStock(_ inputs: TensorInputs) -> [Float] {
        let base = inputs.base!
        let vectors = offsets(inputs)
        let length = inputs.rowLength
        func mix(_ range: Range<Int>, _ t: Double) -> [Float] {
            let (share, rest) = (Float(t), Float(1 - t))
            return range.map { i in
                var sum: Float = 0
                for model in inputs.models { sum = sum + model.values[i] }
                let average = sum / Float(inputs.models.count)
                let term = share * average
                let own = rest * base[i]
                return term + own
            }
        }
        guard inputs.flag("filter_wise") else {
            return mix(0..<base.count, stockRatio(Gram(vectors, rowLength: length)))
        }
        return inputs.rowStarts.flatMap { start -> [Float] in
            let range = start..<start + length
            return mix(range, stockRatio(Gram(vectors.map { Array($0[range]) }, rowLength: length)))
        }
    }

    private static func stockRatio(_ gram: Gram) -> Double {
        guard gram.isFinite else { return 0 }
        let norms = gram.norms
        var sum = 0.0
        var pairs = 0.0
        for i in 0..<gram.count {
            for j in i + 1..<max(gram.count, i + 1) {
                sum += min(1, max(-1, gram[i, j] / max(norms[i] * norms[j], 1e-6)))
                pairs += 1
            }
        }
        let cosine = sum / pairs
        let count = Double(gram.count)
        let divisor = 1 + (count - 1) * cosine
        return abs(divisor) < 1e-6 ? 0 : count * cosine / divisor
    }
}
