import StreamIO
import Testing

@testable import Della
@testable import MergeReference

/// Whole merges that keep some of their differences, against a reference, by every way through the pipeline.
@Suite struct SelectionTests {
    static let kinds: [RowValues?] = [nil, .weights, .ties, .equal, .zeros, .specials, .widest]

    /// The rules of a method: densities inside and at the ends, with and without an election and a rescale.
    static func rules(
        _ models: Int, _ sparsifier: (_ density: Double, _ model: Int) -> Sparsifier
    ) -> [MergeRule] {
        func rule(
            _ densities: [Double], elects: Bool, rescale: Bool, normalize: Bool, lambda: Double = 1
        ) -> MergeRule {
            .deltas(
                DeltaRule(
                    terms: (0..<models).map {
                        DeltaTerm(
                            ordinal: $0, sparsifier: sparsifier(densities[$0 % densities.count], $0),
                            weight: 0.4 + 0.3 * Double($0), lambda: $0 == 1 ? 0.9 : 1)
                    }, electsSigns: elects, rescale: rescale, normalize: normalize, lambda: lambda))
        }
        return [
            rule([0.5, 0.3, 0.81], elects: true, rescale: true, normalize: false),
            rule([0.2, 1, 0.6], elects: false, rescale: true, normalize: true, lambda: 0.7),
            rule([0.45, 0, 0.999_999], elects: true, rescale: false, normalize: true),
            rule([0.0001, 0.7], elects: false, rescale: false, normalize: false),
        ]
    }

    /// Tensors of every shape and type, with each rule; with ties, the first is larger than the smallest budget.
    static func tensors(_ models: Int, _ rules: [MergeRule], _ kind: RowValues?) -> [PlannedMerge.Tensor] {
        let shapes: [(String, [Int], ElementType, FloatFormat)] = [
            ("large", [2300, 128], .bf16, .bfloat16), ("vector", [4999], .bf16, .bfloat16),
            ("scalar", [], .bf16, .bfloat16), ("ones", [1300, 1], .bf16, .bfloat16),
            ("pairs", [601, 2], .f32, .float32), ("short", [70, 17], .f16, .float16),
            ("empty", [0, 8], .bf16, .bfloat16), ("three", [7, 5, 33], .bf16, .bfloat16),
            ("half", [40, 65], .f16, .float16), ("float", [30, 100], .f32, .float32),
            ("double", [50, 31], .f64, .float32), ("narrowed", [60, 40], .f32, .bfloat16),
            ("widened", [50, 50], .bf16, .float32), ("float-vector", [3001], .f32, .float32),
        ]
        var tensors: [PlannedMerge.Tensor] = []
        for (number, shape) in shapes.enumerated() {
            for (index, rule) in rules.enumerated() where shape.0 != "large" || index == 0 && kind == .ties {
                var tensor = PlannedMerge.Tensor(
                    name: "\(shape.0) \(index)", shape: shape.1,
                    types: Array(repeating: shape.2, count: models + 1), format: shape.3,
                    output: number % 5 == 4 ? .float16 : nil, densities: Array(repeating: 1, count: models))
                tensor.rule = rule
                tensor.values = kind
                tensors.append(tensor)
            }
        }
        return tensors
    }

    /// All budgets, numbers of threads, engines and levels give the reference's bytes.
    func expectReferencesBytes(_ merge: PlannedMerge, _ what: String) throws {
        try expectBytes(try merge.reference(), merge, what)
    }

    func expectBytes(_ expected: [[UInt8]], _ merge: PlannedMerge, _ what: String) throws {
        var number = 0
        func check(_ memory: UInt64, _ threads: Int, _ engine: IOEngineKind, _ level: SIMDLevel?) throws {
            number += 1
            let output = try merge.merge(
                into: "out-\(number)", memory: memory, threads: threads, engine: engine, level: level)
            let names = merge.plan.shards[0].tensors.filter { tensor in
                let range = Int(tensor.offset)..<Int(tensor.offset + tensor.byteCount)
                return output[0][range] != expected[0][range]
            }.map(\.name)
            #expect(
                names == [],
                "\(what), seed \(merge.plan.seed), \(memory) bytes, \(threads) threads, \(engine), \(String(describing: level))"
            )
        }
        try check(3 << 20, 2, .uring, nil)
        try check(8 << 20, 1, .posix, nil)
        try check(1 << 30, 5, .uring, nil)
        for level in RowKernels.availableLevels { try check(3 << 20, 2, .posix, level) }
    }

    @Test(arguments: kinds)
    func drawsAllAlikeAreTheReferences(kind: RowValues?) throws {
        let seed = TestSeed.drawn()
        for models in kind == .ties ? [1, 3] : [2] {
            let rules = Self.rules(models) { density, _ in .bernoulli(density: density) }
            let merge = try PlannedMerge(
                Self.tensors(models, rules, kind), modelCount: models, seed: seed)
            try expectReferencesBytes(merge, "\(models) models, \(String(describing: kind))")
        }
    }

    @Test(arguments: kinds)
    func theLargestAreTheReferences(kind: RowValues?) throws {
        let seed = TestSeed.drawn()
        for models in kind == .ties ? [1, 3] : [2] {
            let rules = Self.rules(models) { density, _ in .largest(density: density) }
            let merge = try PlannedMerge(
                Self.tensors(models, rules, kind), modelCount: models, seed: seed)
            try expectReferencesBytes(merge, "\(models) models, \(String(describing: kind))")
        }
    }

    @Test(arguments: kinds)
    func theLargestButForOutliersAreTheReferences(kind: RowValues?) throws {
        let seed = TestSeed.drawn()
        for models in kind == .ties ? [1, 3] : [2] {
            let rules = Self.rules(models) { density, model in
                .band(density: density, gamma: [0.01, 0, 0.3, 0.9][model])
            }
            let merge = try PlannedMerge(
                Self.tensors(models, rules, kind), modelCount: models, seed: seed)
            try expectReferencesBytes(merge, "\(models) models, \(String(describing: kind))")
        }
    }

    @Test(arguments: kinds)
    func theMostVariedAreTheReferences(kind: RowValues?) throws {
        let seed = TestSeed.drawn()
        for models in kind == .ties ? [0, 1, 3] : [2] {
            let rules = [0.4, 1, 0.03, 0].map { MergeRule.sce(share: $0) }
            let merge = try PlannedMerge(
                Self.tensors(models, rules, kind), modelCount: models, seed: seed)
            try expectReferencesBytes(merge, "\(models) models, \(String(describing: kind))")
        }
    }

    /// Logarithms and exponentials are the reference's but for their last places, so a difference at the threshold may
    /// be on its other side.
    @Test(arguments: kinds)
    func whatMattersMostIsTheReferences(kind: RowValues?) throws {
        let seed = TestSeed.drawn()
        let merge = try PlannedMerge(Self.tensors(1, [.fusion], kind), modelCount: 1, seed: seed)
        let expected = try merge.reference()
        let first = try merge.merge(into: "out", memory: 1 << 30)
        for tensor in merge.plan.shards[0].tensors {
            let range = Int(tensor.offset)..<Int(tensor.offset + tensor.byteCount)
            let others = zip(first[0][range], expected[0][range]).count { $0 != $1 }
            #expect(
                others * 500 <= range.count,
                "\(tensor.name): \(others) bytes, \(String(describing: kind)), seed \(seed)")
        }
        try expectBytes(first, merge, "\(String(describing: kind))")
    }

    /// In every phase: the tensor is larger than the budget.
    @Test(arguments: [FloatFormat.bfloat16, .float32])
    func aSelectionStoppedAtAnyMomentGoesOnToTheSameBytes(format: FloatFormat) throws {
        let seed = TestSeed.drawn()
        var random = SeededRandom(seed: seed)
        let rules = Self.rules(2) { density, model in
            model == 0 ? .largest(density: density) : .band(density: density, gamma: 0.02)
        }
        var large = PlannedMerge.Tensor(
            name: "large", shape: [2300, 128], types: Array(repeating: format.elementType, count: 3),
            format: format, densities: [1, 1])
        large.rule = rules[0]
        large.values = .ties
        var varied = large
        (varied.name, varied.rule) = ("varied", .sce(share: 0.3))
        let merge = try PlannedMerge(
            [large, varied] + Self.tensors(2, rules, .ties), modelCount: 2, seed: seed, shardBytes: 300_000)
        let expected = try merge.merge(into: "undisturbed", memory: 1 << 30)
        for round in 0..<6 {
            var moments = StopMoments(most: 40_000_000)
            while true {
                try #require(moments.runs < 200, "seed \(seed): no end")
                let (progress, stop) = moments.next(using: &random)
                let memory = [UInt64(3 << 20), 4 << 20, 1 << 30].randomElement(using: &random)!
                do {
                    let output = try merge.merge(
                        into: "out-\(round)", memory: memory, progress: progress, stop: stop)
                    #expect(output == expected, "seed \(seed), round \(round), \(moments.runs) runs")
                    break
                } catch let failure as MergeFailure {
                    #expect(failure.kind == .stopped)
                }
            }
        }
    }
}
