import StreamIO
import Testing

@testable import Della
@testable import MergeReference

/// The kernels against the reference, byte for byte, at every level of this machine.
@Suite struct RowKernelsTests {
    static let shapes: [[Int]] = [
        [], [0], [1], [2], [3], [5, 1], [7, 2], [9, 3], [3, 63], [3, 64], [3, 65], [2, 3, 31], [2, 2, 5],
        [4, 0], [129], [2, 5120], [6, 257],
    ]

    struct Case: CustomTestStringConvertible {
        var shape: [Int]
        var type: FloatFormat
        var testDescription: String { "\(shape) \(type)" }
    }

    static let cases = shapes.flatMap { shape in FloatFormat.allCases.map { Case(shape: shape, type: $0) } }

    @Test(arguments: cases)
    func everyLevelGivesTheReferencesBytes(_ test: Case) throws {
        let seed = TestSeed.drawn()
        var random = SeededRandom(seed: seed)
        let rounds = test.shape.reduce(1, *) > 5000 ? 1 : 4
        for kind in RowValues.allCases {
            for _ in 0..<rounds {
                let merge = Self.randomMerge(test, kind, &random)
                let expected = merge.bytes()
                for level in RowKernels.availableLevels {
                    let kernels = try RowKernels.select(level: level)
                    let misalignment = Int.random(in: 0..<64, using: &random)
                    let found = KernelMerge(kernels: kernels, misalignment: misalignment).run(merge).bytes
                    let difference = zip(found, expected).enumerated().first { $1.0 != $1.1 }?.offset
                    #expect(
                        found == expected,
                        "\(kind) at \(level), seed \(seed), first at byte \(difference ?? -1): \(Self.words(merge))"
                    )
                }
            }
        }
    }

    /// A row longer than 16-bit ranks reach.
    @Test(arguments: FloatFormat.allCases, [RowValues.weights, .ties, .specials])
    func rowsBeyondSixteenBitRanksAgree(_ format: FloatFormat, _ kind: RowValues) throws {
        let seed = TestSeed.drawn()
        var random = SeededRandom(seed: seed)
        let merge = Self.randomMerge(Case(shape: [66_001], type: format), kind, &random)
        let expected = merge.bytes()
        for level in RowKernels.availableLevels {
            let found = KernelMerge(kernels: try RowKernels.select(level: level)).run(merge).bytes
            #expect(found == expected, "\(kind) at \(level), seed \(seed)")
        }
    }

    @Test func aKeptInfinityBesideAnEqualBaseIsNaNAndADroppedOneIsTheBase() throws {
        for level in RowKernels.availableLevels {
            let kernels = try RowKernels.select(level: level)
            let infinities = ReferenceFormat.encode(Array(repeating: .infinity, count: 64), as: .bfloat16)
            let merge = ReferenceMerge(
                shape: [64], base: infinities, baseType: .bf16,
                models: [
                    .init(
                        values: infinities, type: .bf16, ordinal: 0, density: 0.5, epsilon: 0.1, weight: 1,
                        lambda: 1)
                ], format: .bfloat16, output: .bfloat16, electsSigns: true, rescale: true, normalize: false,
                lambda: 1, seed: 7)
            let (bytes, sawNonfinite) = KernelMerge(kernels: kernels).run(merge)
            let values = ReferenceFormat.decode(ElementType.bf16, bytes)
            #expect(sawNonfinite)
            #expect(values.contains { $0.isNaN } && values.contains { $0 == .infinity })
            #expect(bytes == merge.bytes())
        }
    }

    @Test func anUnprunedInfinityBesideAnEqualBaseIsNaN() throws {
        for level in RowKernels.availableLevels {
            let kernels = try RowKernels.select(level: level)
            var values: [Float] = [.infinity, -.infinity, 2]
            let bytes = ReferenceFormat.encode(values, as: .float32)
            let terms = [CombineTerm(factor: 1, weight: 1, isPruned: false)]
            let saw = bytes.withUnsafeBytes { memory in
                values.withUnsafeMutableBytes { output in
                    kernels.combine(
                        CombineRow(
                            format: .float32, output: .float32, base: memory.baseAddress!,
                            models: [memory.baseAddress!], terms: terms, termCount: 1, count: 3,
                            electsSigns: false, normalizes: false, lambda: 1,
                            destination: output.baseAddress!))
                }
            }
            #expect(saw)
            #expect(values.map(\.bitPattern) == [0x7FC0_0000, 0x7FC0_0000, Float(2).bitPattern])
        }
    }

    @Test func finiteRowsReportNothingNonfinite() throws {
        var random = SeededRandom(seed: 5)
        for level in RowKernels.availableLevels {
            for format in FloatFormat.allCases {
                var merge = Self.randomMerge(Case(shape: [3, 77], type: format), .weights, &random)
                merge.output = format
                merge.lambda = 1
                let kernels = try RowKernels.select(level: level)
                #expect(!KernelMerge(kernels: kernels).run(merge).sawNonfinite)
            }
        }
    }

    static func randomMerge(
        _ test: Case, _ kind: RowValues, _ random: inout SeededRandom
    ) -> ReferenceMerge {
        let sources: [ElementType] = [test.type.elementType, test.type.elementType, .bf16, .f16, .f32, .f64]
        let source = sources.randomElement(using: &random)!
        let count = test.shape.reduce(1, *)
        let modelCount = Int.random(in: 0...4, using: &random)
        let (base, values) = kind.tensors(source, count: count, models: modelCount, using: &random)
        let models = values.enumerated().map { ordinal, values in
            ReferenceMerge.Model(
                values: values, type: source, ordinal: ordinal,
                density: [0, -0.5, 1, 1.5, 0.45, 0.5, 0.55, 0.31].randomElement(using: &random)!,
                epsilon: [0.1, 0.25, 0.05, 0].randomElement(using: &random)!,
                weight: [1, 0.55, -0.4, 0, 1e-9, 0.3, 2].randomElement(using: &random)!,
                lambda: [1, 1, 0.85, -1, 0].randomElement(using: &random)!)
        }
        return ReferenceMerge(
            name: "model.layers.\(Int.random(in: 0..<40, using: &random)).weight", shape: test.shape,
            base: base, baseType: source, models: models, format: test.type,
            output: (FloatFormat.allCases + [test.type, test.type]).randomElement(using: &random)!,
            electsSigns: Bool.random(using: &random), rescale: Bool.random(using: &random),
            normalize: Bool.random(using: &random),
            lambda: [1, 0.85, -0.5, 0].randomElement(using: &random)!,
            seed: random.next())
    }

    /// A failing case in one line, values left out.
    static func words(_ merge: ReferenceMerge) -> String {
        let models = merge.models.map {
            "(\($0.density) ±\($0.epsilon) ×\($0.weight) λ\($0.lambda))"
        }
        return "\(merge.shape) \(merge.baseType) in \(merge.format) to \(merge.output), elects "
            + "\(merge.electsSigns), rescale \(merge.rescale), normalize \(merge.normalize), "
            + "λ\(merge.lambda), \(models)"
    }
}
