import Della
import StreamIO

@testable import MergeReference

/// Kinds of rows, each a way in which ranking or arithmetic can go wrong.
enum RowValues: String, CaseIterable {
    case weights, ties, equal, zeros, subnormals, specials, widest, negated, overflowing, crowded
    /// Models that are the base, its opposite, and a mix of both kinds; and one value in two hundred out of the ordinary.
    case identical, antipodal, mirrored, sprinkled

    /// Base and models of `count` elements, as bytes of `type`.
    func tensors(
        _ type: ElementType, count: Int, models: Int, using random: inout SeededRandom
    ) -> (base: [UInt8], models: [[UInt8]]) {
        let values = values(count: count, models: models, using: &random).map { Self.encode($0, type) }
        return (values[0], Array(values.dropFirst()))
    }

    /// The base's and each model's values.
    func values(count: Int, models: Int, using random: inout SeededRandom) -> [[Double]] {
        let base = (0..<count).map { _ in value(&random) }
        return [base]
            + (0..<models).map { model in
                switch self {
                case .identical: base
                case .antipodal: base.map { model % 2 == 0 ? -$0 : $0 }
                case .mirrored: base.map { model % 3 == 0 ? -$0 : $0 + random.normal() * 0.002 }
                default: base.map { near($0, &random) }
                }
            }
    }

    private func value(_ random: inout SeededRandom) -> Double {
        switch self {
        case .weights, .identical, .antipodal, .mirrored: random.normal() * 0.02
        case .sprinkled:
            Int.random(in: 0..<200, using: &random) == 0
                ? [.nan, .infinity, -.infinity, 7e4].randomElement(using: &random)! : random.normal() * 0.02
        case .ties: Double(Int.random(in: -3...3, using: &random)) * 0.25
        case .equal: 0.5
        case .zeros: Bool.random(using: &random) ? 0 : -0.0
        case .subnormals: Double(Int.random(in: -300...300, using: &random)) * 0x1p-149
        case .specials:
            [.nan, .infinity, -.infinity, 0, -0.0, 1, -1, 3e38, 6e4].randomElement(using: &random)!
        case .widest:
            Double(sign: .plus, exponent: Int.random(in: -140...120, using: &random), significand: 1.3)
        case .negated: random.normal()
        case .crowded: 0
        case .overflowing: 3e38 * (Bool.random(using: &random) ? 1 : -1)
        }
    }

    private func near(_ base: Double, _ random: inout SeededRandom) -> Double {
        switch self {
        case .weights, .sprinkled: base + random.normal() * 0.002
        case .equal: base + 0.125
        // One small delta stretches the range of keys, so that all others share a few slots of it.
        case .crowded:
            Int.random(in: 0..<100, using: &random) == 0 ? 1e-30 : Double.random(in: 1..<2, using: &random)
        case .negated: Bool.random(using: &random) ? -base : base
        case .specials, .zeros: Int.random(in: 0..<3, using: &random) == 0 ? base : value(&random)
        default: value(&random)
        }
    }

    /// As bytes of a type.
    static func encode(_ values: [Double], _ type: ElementType) -> [UInt8] {
        guard type != .f64 else {
            return values.flatMap { x in withUnsafeBytes(of: x.bitPattern.littleEndian) { Array($0) } }
        }
        return ReferenceFormat.encode(values.map { Float($0) }, as: FloatFormat(type)!)
    }
}
