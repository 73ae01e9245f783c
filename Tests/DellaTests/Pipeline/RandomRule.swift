import StreamIO

@testable import Della
@testable import MergeReference

/// The methods of which a random tensor is made.
enum RandomRule: String, CaseIterable {
    case linear, passthrough, slerp, nuslerp, nuslerpByRow, nuslerpByColumn, multislerp, karcher, stock,
        stockByRow, nearswap,
        ram
    case ramplus

    /// A tensor of that method with parameters at random.
    ///
    /// - Parameter models: how many there are beside the base.
    func tensor(
        _ name: String, shape: [Int], models: Int, using random: inout SeededRandom
    ) -> PlannedMerge.Tensor? {
        let source = [ElementType.bf16, .bf16, .f16, .f32, .f64].randomElement(using: &random)!
        var tensor = PlannedMerge.Tensor(
            name: name, shape: shape, types: Array(repeating: source, count: models + 1))
        if Bool.random(using: &random) {
            tensor.types = tensor.types.map { _ in [.bf16, .f16, .f32, .f64].randomElement(using: &random)! }
        }
        tensor.format = FloatFormat.allCases.randomElement(using: &random)!
        tensor.output = (FloatFormat.allCases + [tensor.format]).randomElement(using: &random)!
        tensor.values = RowValues.allCases.randomElement(using: &random)!
        let hasReference = needsReference ?? Bool.random(using: &random)
        tensor.hasReference = hasReference
        let candidates = ((hasReference ? 1 : 0)..<models + 1).shuffled(using: &random)
        let least = counts.lowerBound
        guard candidates.count >= least else { return nil }
        let count = Int.random(in: least...min(counts.upperBound, candidates.count), using: &random)
        tensor.inputs = Array(candidates.prefix(count))
        tensor.rule = rule(count, &random)
        return tensor
    }

    /// Whether the rule takes a reference; `nil` where it may.
    private var needsReference: Bool? {
        switch self {
        case .linear, .passthrough, .slerp, .karcher: false
        case .nuslerp, .nuslerpByRow, .nuslerpByColumn, .multislerp: nil
        case .stock, .stockByRow, .nearswap, .ram, .ramplus: true
        }
    }

    private var counts: ClosedRange<Int> {
        switch self {
        case .linear, .multislerp, .karcher: 1...6
        case .passthrough, .nearswap: 1...1
        case .slerp, .nuslerp, .nuslerpByRow, .nuslerpByColumn: 2...2
        case .stock, .stockByRow: 2...5
        case .ram, .ramplus: 0...5
        }
    }

    private func rule(_ count: Int, _ random: inout SeededRandom) -> MergeRule {
        let t = [0, 1, 0.5, 0.3, 0.9, -0.2].randomElement(using: &random)!
        let weights = (0..<count).map { _ in [1, 0.5, 0.3, -0.1, 0, 2].randomElement(using: &random)! }
        let flag = Bool.random(using: &random)
        let epsilon = [1e-5, 1e-3, 0.01, 0].randomElement(using: &random)!
        switch self {
        case .linear: return .blend(.weighted(weights, normalize: flag))
        case .passthrough: return .blend(.scaled([nil, 1, 0.5, -1.25, 0].randomElement(using: &random)!))
        case .slerp: return .blend(.slerp(t: t))
        case .nuslerp: return .blend(.nuslerp(t: t, grain: .tensor))
        case .nuslerpByRow: return .blend(.nuslerp(t: t, grain: .rows))
        case .nuslerpByColumn: return .blend(.nuslerp(t: t, grain: .columns))
        case .multislerp:
            return .blend(
                .multislerp(
                    weights: weights, normalize: flag, eps: [1e-8, 1e-3].randomElement(using: &random)!))
        case .karcher:
            return .blend(
                .karcher(
                    iterations: Int.random(in: 0...12, using: &random),
                    tolerance: [1e-5, 1e-9, 0.01].randomElement(using: &random)!))
        case .stock: return .blend(.stock(byRow: false))
        case .stockByRow: return .blend(.stock(byRow: true))
        case .nearswap: return .nearswap(t: [1e-3, 0.1, 1, -1, 0].randomElement(using: &random)!)
        case .ram: return .ram(RamRule(epsilon: epsilon))
        case .ramplus:
            return .ram(
                RamRule(
                    epsilon: epsilon,
                    boost: .init(
                        r: [0.1, 0.5, -1].randomElement(using: &random)!,
                        alpha: [0.2, 1].randomElement(using: &random)!)))
        }
    }
}
