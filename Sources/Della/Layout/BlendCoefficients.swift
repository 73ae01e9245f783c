/// The coefficients of blends, from the products of their inputs. Formulas are those of mergekit's methods, of which
/// none leaves the span of its inputs.
enum BlendCoefficients {
    /// `slerp`: the angle of the unit vectors; nearly parallel ones are mixed linearly.
    static func slerp(t: Double, _ gram: GramMatrix) -> [Double] {
        let norms = gram.norms.map { $0 > 1e-8 ? $0 : 1 }
        let cosine = gram[0, 1] / (norms[0] * norms[1])
        guard cosine.magnitude <= 0.9995 else { return [1 - t, t] }
        let angle = PlainMath.acos(cosine)
        let sine = PlainMath.sin(angle)
        return [PlainMath.sin(angle - angle * t) / sine, PlainMath.sin(angle * t) / sine]
    }

    /// `nuslerp`, of the three products 00, 01, 11.
    static func nuslerp(t: Double, _ g00: Double, _ g01: Double, _ g11: Double) -> (Double, Double) {
        let cosine = g01 / (atLeast(1e-7, g00.squareRoot()) * atLeast(1e-7, g11.squareRoot()))
        guard cosine.isFinite else { return (1 - t, t) }
        let clamped = min(1, max(-1, cosine))
        guard 1 - clamped * clamped > 1e-16 else { return (1 - t, t) }
        let angle = PlainMath.acos(clamped)
        let sine = PlainMath.sin(angle)
        return (PlainMath.sin((1 - t) * angle) / sine, PlainMath.sin(t * angle) / sine)
    }

    /// `multislerp`: the exponential map of the tangents' mean at the normalised mean. Where inputs that are not all
    /// zero have none, they are opposed, and mixed linearly.
    static func multislerp(
        weights: [Double], normalize: Bool, eps: Double, _ gram: GramMatrix
    ) -> (coefficients: [Double], isOpposed: Bool) {
        let sum = weights.reduce(0, +)
        let weights = normalize ? weights.map { $0 / sum } : weights
        let scales = gram.norms.map { 1 / ($0 + eps) }
        var mean = zip(weights, scales).map { $0 * $1 }
        let size = gram.isFinite ? gram.length(mean) : .nan
        guard size >= max(eps, 1e-6) else {
            return (weights, gram.norms.contains { $0 > 0 && size.isFinite })
        }
        for index in mean.indices { mean[index] /= size }
        var tangent = Array(repeating: 0.0, count: gram.count)
        for (k, weight) in weights.enumerated() {
            var unit = Array(repeating: 0.0, count: gram.count)
            unit[k] = scales[k]
            let dot = gram.product(unit, mean)
            for j in tangent.indices { tangent[j] += weight * (unit[j] - dot * mean[j]) }
        }
        let angle = gram.length(tangent) + eps
        let (cosine, ratio) = (PlainMath.cos(angle), PlainMath.sin(angle) / angle)
        var length = 0.0
        for (norm, weight) in zip(gram.norms, weights) { length += norm * weight }
        return (mean.indices.map { (mean[$0] * cosine + tangent[$0] * ratio) * length }, false)
    }

    /// `karcher`: steps of the exponential map along the mean of the logarithms.
    static func karcher(iterations: Int, tolerance: Double, _ gram: GramMatrix) -> [Double] {
        let count = gram.count
        let share = 1 / Double(count)
        guard gram.isFinite else { return Array(repeating: share, count: count) }
        let norms = gram.norms
        let valid = norms.indices.filter { norms[$0] > tolerance }
        guard let first = valid.first else { return Array(repeating: 0, count: count) }
        var total = 0.0
        for _ in valid { total += share }
        let weight = share / total
        var mean = Array(repeating: 0.0, count: count)
        for index in valid { mean[index] = weight * (1 / norms[index]) }
        let size = gram.length(mean)
        if size < max(tolerance, 1e-6) {
            mean = Array(repeating: 0, count: count)
            mean[first] = 1 / norms[first]
        } else {
            for index in mean.indices { mean[index] /= size }
        }
        for _ in 0..<max(0, iterations) {
            let tangent = logarithm(at: mean, valid, weight: weight, norms, tolerance: tolerance, gram)
            let size = gram.length(tangent)
            if size < tolerance { break }
            let (cosine, sine) = (PlainMath.cos(size), PlainMath.sin(size))
            for index in mean.indices { mean[index] = cosine * mean[index] + sine * (tangent[index] / size) }
            let length = gram.length(mean)
            if length > tolerance {
                for index in mean.indices { mean[index] /= length }
            }
        }
        var length = 0.0
        for norm in norms { length += share * norm }
        return mean.map { $0 * length }
    }

    /// The weighted sum of the logarithms of the unit vectors at a point of the sphere.
    private static func logarithm(
        at mean: [Double], _ valid: [Int], weight: Double, _ norms: [Double], tolerance: Double,
        _ gram: GramMatrix
    ) -> [Double] {
        var tangent = Array(repeating: 0.0, count: gram.count)
        for k in valid {
            var unit = Array(repeating: 0.0, count: gram.count)
            unit[k] = 1 / norms[k]
            let cosine = min(1, max(-1, gram.product(mean, unit)))
            let angle = PlainMath.acos(cosine)
            guard angle >= tolerance, cosine >= -1 + 1e-12 else { continue }
            let scale = weight * (angle / PlainMath.sin(angle))
            for j in tangent.indices { tangent[j] += scale * (unit[j] - cosine * mean[j]) }
        }
        return tangent
    }

    /// `model_stock`: t of t · average + (1 − t) · base, from the products of the differences. Allocates nothing.
    static func stockRatio(count: Int, _ gram: (Int, Int) -> Double) -> Double {
        var sum = 0.0
        var pairs = 0
        for i in 0..<count {
            guard gram(i, i).isFinite else { return 0 }
            for j in (i + 1)..<max(i + 1, count) {
                guard gram(i, j).isFinite else { return 0 }
                let norms = gram(i, i).squareRoot() * gram(j, j).squareRoot()
                sum += min(1, max(-1, gram(i, j) / atLeast(1e-6, norms)))
                pairs += 1
            }
        }
        let cosine = sum / Double(max(1, pairs))
        let divisor = 1 + Double(count - 1) * cosine
        return divisor.magnitude < 1e-6 ? 0 : Double(count) * cosine / divisor
    }

    /// The larger; NaN where the value is.
    private static func atLeast(_ least: Double, _ value: Double) -> Double { value < least ? least : value }
}
