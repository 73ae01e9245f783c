import StreamIO
import Testing

@testable import Della
@testable import MergeReference

/// The plain reference of every rule that has one, against the pipeline.
@Suite struct RuleAuditTests {
    @Test(arguments: RandomRule.allCases)
    func everyRowIsAsComputedAnew(rule: RandomRule) throws {
        let seed = TestSeed.drawn()
        var random = SeededRandom(seed: seed)
        let models = 4
        let shapes = [[9, 33], [300], [], [0, 5], [3, 4, 17], [20, 1], [2, 400]]
        var tensors: [PlannedMerge.Tensor] = []
        for round in 0..<4 {
            for shape in shapes {
                let tensor = rule.tensor(
                    "tensor \(round) \(shape)", shape: shape, models: models, using: &random)
                if let tensor { tensors.append(tensor) }
            }
        }
        let merge = try PlannedMerge(tensors, modelCount: models, seed: seed, shardBytes: 20_000)
        _ = try merge.merge(into: "out", memory: 64 << 20, engine: .posix)
        let report = try merge.audit("out", .share(1))
        #expect(report.difference == nil, "\(String(describing: report.difference)), seed \(seed)")
        // A pair of coefficients a column is more than a record has room for.
        #expect((report.tensorsWithoutReference > 0) == (rule == .nuslerpByColumn))
        // From the record's constants alone.
        #expect(try merge.audit("out", .share(0.5)).difference == nil, "seed \(seed)")
    }

    /// Rules that keep some of the differences, drawn or by their order in the whole tensor.
    static let selections: [(name: String, rules: [MergeRule])] = [
        ("dare", SelectionTests.rules(2) { density, _ in .bernoulli(density: density) }),
        ("ties", SelectionTests.rules(2) { density, _ in .largest(density: density) }),
        ("breadcrumbs", SelectionTests.rules(2) { .band(density: $0, gamma: 0.05 + 0.1 * Double($1)) }),
        ("sce", [0, 0.1, 0.5, 0.999, 1].map { .sce(share: $0) }),
    ]

    @Test(arguments: selections.indices, [RowValues.weights, .ties, .specials])
    func everyRowOfWhatIsSelectedIsAsComputedAnew(number: Int, kind: RowValues) throws {
        let (name, rules) = Self.selections[number]
        let seed = TestSeed.drawn()
        var tensors: [PlannedMerge.Tensor] = []
        for (index, rule) in rules.enumerated() {
            for (shape, format) in [
                ([9, 33], FloatFormat.bfloat16), ([300], .float16), ([], .bfloat16), ([0, 5], .float32),
                ([3, 4, 17], .float32), ([20, 1], .bfloat16),
            ] {
                var tensor = PlannedMerge.Tensor(
                    name: "\(name) \(index) \(shape)", shape: shape, types: [.f32, .bf16, .f16],
                    format: format, densities: [1, 1])
                (tensor.rule, tensor.values) = (rule, kind)
                tensors.append(tensor)
            }
        }
        let merge = try PlannedMerge(tensors, modelCount: 2, seed: seed)
        _ = try merge.merge(into: "out", memory: 64 << 20, engine: .posix)
        for share in [1, 0.5] {
            let report = try merge.audit("out", .share(share))
            #expect(
                report.difference == nil && report.tensorsWithoutReference == 0,
                "\(String(describing: report.difference)), \(name), seed \(seed)")
        }
    }

    @Test func aRuleWithoutReferenceIsCounted() throws {
        let tensor = PlannedMerge.Tensor(
            name: "tensor", shape: [8, 8], types: [.bf16, .bf16, .bf16], densities: [1, 1])
        let merge = try PlannedMerge([tensor], modelCount: 2, seed: 1)
        _ = try merge.merge(into: "out", memory: 64 << 20)
        merge.changeMerges { $0.rule = .blend(.nuslerp(t: 0.5, grain: .columns)) }
        let report = try merge.audit("out", .share(1))
        #expect(report.difference == nil && report.tensorsWithoutReference == 1 && report.rows == 0)
    }
}
