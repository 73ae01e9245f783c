import StreamIO
import Testing

@testable import Della
@testable import MergeReference

/// The plain reference of every rule that has one, against the pipeline.
@Suite struct RuleAuditTests {
    @Test(arguments: RandomRule.allCases)
    func everyRowIsAsComputedAnew(rule: RandomRule) throws {
        let seed = UInt64.random(in: 0 ... .max)
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
        #expect(report.difference == nil && report.tensorsWithoutReference == 0, "seed \(seed)")
        // From the record's constants alone.
        #expect(try merge.audit("out", .share(0.5)).difference == nil, "seed \(seed)")
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
