/// The values of a tensor in a base and in models near it: a function of a kind, a seed and the model.
struct TensorContents: Equatable {
    /// Ways in which ranking or arithmetic can go wrong.
    enum Kind: String, CaseIterable {
        case weights, ties, equal, zeros, subnormals, specials, widest, negated, overflowing, sprinkled
    }

    var kind: Kind
    var seed: UInt64

    /// `count` values of a model; model 0 is what the others are near to.
    func values(count: Int, model: Int) -> [Double] {
        var random = SeededRandom(seed: seed)
        let base = (0..<count).map { _ in value(&random) }
        guard model > 0 else { return base }
        random = SeededRandom(seed: seed &+ UInt64(model) &* 0x9E37_79B9)
        return base.map { near($0, &random) }
    }

    /// The values as bytes of a type; of integer types counts that all models share.
    func bytes(_ type: StoredType, count: Int, model: Int) -> [UInt8] {
        guard type.isFloat else {
            return (0..<count * type.byteWidth).map {
                type == .bool ? UInt8(truncatingIfNeeded: $0 & 1) : UInt8(truncatingIfNeeded: $0 &* 7)
            }
        }
        let values = values(count: count, model: model)
        guard type == .f64 else { return ReferenceFormat.encode(values.map { Float($0) }, as: type) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(8 * count)
        for value in values { ReferenceFormat.append(value.bitPattern, to: &bytes) }
        return bytes
    }

    private func value(_ random: inout SeededRandom) -> Double {
        switch kind {
        case .weights: return random.normal() * 0.02
        case .ties: return Double(Int.random(in: -3...3, using: &random)) * 0.25
        case .equal: return 0.5
        case .zeros: return Bool.random(using: &random) ? 0 : -0.0
        case .subnormals: return Double(Int.random(in: -300...300, using: &random)) * 0x1p-149
        case .specials:
            return [.nan, .infinity, -.infinity, 0, -0.0, 1, -1, 3e38, 6e4].randomElement(using: &random)!
        case .widest:
            return Double(sign: .plus, exponent: Int.random(in: -140...120, using: &random), significand: 1.3)
        case .negated: return random.normal()
        case .overflowing: return 3e38 * (Bool.random(using: &random) ? 1 : -1)
        case .sprinkled:
            let usual = random.normal() * 0.02
            let special = [Double.nan, .infinity, -.infinity, 7e4].randomElement(using: &random)!
            return Int.random(in: 0..<200, using: &random) == 0 ? special : usual
        }
    }

    private func near(_ base: Double, _ random: inout SeededRandom) -> Double {
        switch kind {
        case .weights: base + random.normal() * 0.002
        case .equal: base + 0.125
        case .negated: Bool.random(using: &random) ? -base : base
        case .specials, .zeros: Int.random(in: 0..<3, using: &random) == 0 ? base : value(&random)
        case .sprinkled: Int.random(in: 0..<200, using: &random) == 0 ? .nan : base + random.normal() * 0.002
        default: value(&random)
        }
    }
}
