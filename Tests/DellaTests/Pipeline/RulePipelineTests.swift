import StreamIO
import SystemPackage
import Testing

@testable import Della
@testable import MergeReference

/// Merges by every rule without sparsified differences, through real files and a real ring, against the reference.
@Suite struct RulePipelineTests {
    private static let shapes: [[Int]] = [
        [], [1], [5], [0, 8], [31], [2, 33], [40, 1], [3, 5, 17], [64, 96], [129], [7, 257], [4500],
    ]

    private static func tensors(_ models: Int, _ random: inout SeededRandom) -> [PlannedMerge.Tensor] {
        var tensors: [PlannedMerge.Tensor] = []
        for rule in RandomRule.allCases {
            for shape in shapes {
                let name = "\(rule).\(shape.map(String.init).joined(separator: "x"))"
                if let tensor = rule.tensor(name, shape: shape, models: models, using: &random) {
                    tensors.append(tensor)
                }
            }
        }
        return tensors.shuffled(using: &random)
    }

    @Test(arguments: [1, 2, 3, 5])
    func theOutputIsTheReferencesAndDependsOnNothingElse(models: Int) throws {
        let seed = TestSeed.drawn()
        var random = SeededRandom(seed: seed)
        let tensors = Self.tensors(models, &random)
        let merge = try PlannedMerge(tensors, modelCount: models, seed: seed, shardBytes: 400_000)
        let first = try merge.merge(into: "first", memory: 1 << 30, threads: 1)
        try merge.expectReference(first, tensors, "seed \(seed)")
        var runs = RowKernels.availableLevels.map { (UInt64(3 << 20), 2, IOEngineKind.uring, $0) }
        runs += [(8 << 20, 5, .posix, .baseline), (1 << 30, 2, .uring, .baseline)]
        for (number, (memory, threads, engine, level)) in runs.enumerated() {
            let output = try merge.merge(
                into: "out-\(number)", memory: memory, threads: threads, engine: engine, level: level)
            #expect(output == first, "seed \(seed), \(memory) bytes, \(threads) threads, \(engine), \(level)")
        }
    }

    /// Every rule that reads what does not fit more than once, of tensors that do not fit.
    @Test(arguments: RandomRule.allCases)
    func aTensorLargerThanTheBudgetIsTheReferencesToo(rule: RandomRule) throws {
        let seed = TestSeed.drawn()
        var random = SeededRandom(seed: seed)
        var large = try #require(rule.tensor("large", shape: [3000, 190], models: 2, using: &random))
        large.values = [.weights, .mirrored].randomElement(using: &random)!
        let small = try #require(rule.tensor("small", shape: [77, 64], models: 2, using: &random))
        let merge = try PlannedMerge([large, small], modelCount: 2, seed: seed)
        let output = try merge.merge(into: "small", memory: 3 << 20)
        try merge.expectReference(output, [large, small], "seed \(seed)")
        #expect(try merge.merge(into: "large", memory: 1 << 30, threads: 5) == output, "seed \(seed)")
    }

    /// Of `multislerp`, of which mergekit would have stopped.
    @Test(arguments: [(2, RowValues.antipodal), (3, .antipodal), (4, .zeros), (4, .antipodal)])
    func modelsThatCancelOutAreMixedLinearlyWithAWarning(count: Int, values: RowValues) throws {
        var tensor = PlannedMerge.Tensor(
            name: "opposed", shape: [30, 50], types: Array(repeating: .bf16, count: count))
        tensor.rule = .blend(
            .multislerp(weights: Array(repeating: 1, count: count), normalize: true, eps: 1e-8))
        tensor.inputs = Array(0..<count)
        tensor.hasReference = false
        tensor.values = values
        let merge = try PlannedMerge([tensor], modelCount: count - 1, seed: 1)
        let progress = MergeProgress()
        let output = try merge.merge(into: "out", memory: 1 << 30, progress: progress)
        #expect(try output == merge.reference())
        // Of an even number of models half are the base's opposite.
        let isWarned = values == .antipodal && count == 4
        #expect(progress.warnings.contains { $0.hasPrefix("opposed: the models cancel out") } == isWarned)
    }

    @Test func aMergeStoppedAtAnyMomentGoesOnToTheSameBytes() throws {
        let seed = TestSeed.drawn()
        var random = SeededRandom(seed: seed)
        var tensors = RandomRule.allCases.compactMap {
            $0.tensor("\($0)", shape: [900, 130], models: 3, using: &random)
        }
        tensors.shuffle(using: &random)
        let merge = try PlannedMerge(tensors, modelCount: 3, seed: seed, shardBytes: 600_000)
        let expected = try merge.merge(into: "undisturbed", memory: 1 << 30)
        for round in 0..<4 {
            var moments = StopMoments(most: 6_000_000)
            while true {
                try #require(moments.runs < 200, "seed \(seed): no end")
                let (progress, stop) = moments.next(using: &random)
                let memory = [UInt64(3 << 20), 9 << 20, 1 << 30].randomElement(using: &random)!
                do {
                    _ = try merge.run("out-\(round)", memory: memory, threads: 2, engine: .uring) { text in
                        // What is on the disk is of use, whatever it was stopped in.
                        if text.hasPrefix("starting over") { Issue.record("seed \(seed): \(text)") }
                    }.perform(progress: progress, stop: stop)
                    let output = try merge.output("out-\(round)")
                    #expect(output == expected, "seed \(seed), round \(round), \(moments.runs) runs")
                    break
                } catch let failure as MergeFailure {
                    #expect(failure.kind == .stopped)
                }
            }
        }
    }
}

extension PlannedMerge {
    /// Expects shards to hold what the reference says, and names the tensors that do not.
    func expectReference(_ output: [[UInt8]], _ tensors: [Tensor], _ words: String) throws {
        let expected = try reference()
        guard output != expected else { return }
        for (shard, (found, wanted)) in zip(plan.shards, zip(output, expected)) {
            for tensor in shard.tensors {
                let range = Int(tensor.offset)..<Int(tensor.offset + tensor.byteCount)
                guard found[range] != wanted[range] else { continue }
                let place = range.first { found[$0] != wanted[$0] }! - range.lowerBound
                let differing = range.count { found[$0] != wanted[$0] }
                let spec = tensors.first { $0.name == tensor.name }!
                Issue.record(
                    """
                    \(words): \(tensor.name) from byte \(place), \(differing) of \(range.count): \(spec.rule!) of \
                    \(spec.inputs!) \(spec.hasReference ? "with" : "without") base, \(spec.values!), \(spec.types) in \
                    \(spec.format) to \(tensor.type)
                    """)
            }
        }
    }
}
