import Della
import StreamIO

/// A row of random weights N(0, 0.02) and two fine-tunes N(0, 0.002) away, with memory for every stage.
final class SyntheticRow {
    private let kernels: RowKernels
    private let format: FloatFormat
    private let length: Int
    private let base: UnsafeMutableRawPointer
    private let models: [UnsafeMutableRawPointer]
    private let originals: [UnsafeMutableRawPointer]
    private let stored: UnsafeMutableRawPointer
    private let destination: UnsafeMutableRawPointer
    private let scratch: UnsafeMutableRawPointer
    private let sums = UnsafeMutablePointer<Double>.allocate(capacity: 3)
    private var random: UInt64 = 42

    init(level: SIMDLevel, format: FloatFormat, length: Int) throws {
        kernels = try RowKernels.select(level: level)
        self.format = format
        self.length = length
        let byteCount = length * 4
        let allocate = { UnsafeMutableRawPointer.allocate(byteCount: $0, alignment: 64) }
        base = allocate(byteCount)
        models = [allocate(byteCount), allocate(byteCount)]
        originals = [allocate(byteCount), allocate(byteCount)]
        stored = allocate(byteCount)
        destination = allocate(byteCount)
        scratch = allocate(
            max(
                RowKernels.scratchByteCount(rowLength: length, format: format),
                RowKernels.combineScratchByteCount(termCount: 2),
                RowKernels.gramScratchByteCount(inputCount: 2)))
        let weights = (0..<length).map { _ in 0.02 * normal() }
        encode(weights, base)
        for original in originals { encode(weights.map { $0 + 0.002 * normal() }, original) }
        stored.copyMemory(from: weights, byteCount: byteCount)
    }

    deinit {
        for memory in models + originals + [base, stored, destination, scratch] { memory.deallocate() }
        sums.deallocate()
    }

    /// Makes the models what they were before the first phase rewrote them.
    func reset() {
        for (model, original) in zip(models, originals) {
            model.copyMemory(from: original, byteCount: length * format.byteWidth)
        }
    }

    func run(_ stage: Stage) {
        switch stage {
        case .decode:
            let source: ElementType = format == .float32 ? .bf16 : .f32
            kernels.decode(source, stored, to: format, destination, count: length)
        case .prune:
            let line = PruneProbabilities(density: 0.45, epsilon: 0.1, rowLength: length)
            _ = kernels.prune(
                PruneRow(
                    format: format, base: base, model: models[0], count: length, firstElement: 0,
                    firstProbability: line.first, probabilityStep: line.step, seed: 1, stream: 0x1234_5678),
                scratch: scratch)
        case .combine: combine(termCount: 1)
        case .combineTwo: combine(termCount: 2)
        case .combineAll: combine(termCount: 1, isPruned: false)
        case .gram:
            withAddresses { inputs in
                kernels.gram(
                    format, inputs: inputs, inputCount: 2, base: nil, count: length,
                    sums: sums, stride: 1, scratch: scratch)
            }
        case .blend:
            withAddresses { inputs in
                _ = kernels.blend(
                    BlendRow(
                        kind: .sum, format: format, output: format, inputs: inputs, inputCount: 2,
                        coefficients: [0.55, 0.45], base: base, count: length, destination: destination))
            }
        }
    }

    private func withAddresses(_ body: (UnsafePointer<UnsafeRawPointer>) -> Void) {
        models.map { UnsafeRawPointer($0) }.withUnsafeBufferPointer { body($0.baseAddress!) }
    }

    private func combine(termCount: Int, isPruned: Bool = true) {
        let terms = [
            CombineTerm(factor: 1.9, weight: 0.55, isPruned: isPruned),
            CombineTerm(factor: 2.1, weight: 0.45, isPruned: isPruned),
        ]
        _ = kernels.combine(
            CombineRow(
                format: format, output: format, base: base, models: models.map { UnsafeRawPointer($0) },
                terms: terms, termCount: termCount, count: length, electsSigns: true,
                normalizes: termCount == 2, lambda: 0.85, destination: destination, scratch: scratch))
    }

    private func encode(_ weights: [Float], _ memory: UnsafeMutableRawPointer) {
        weights.withUnsafeBytes { values in
            guard let start = values.baseAddress else { return }
            kernels.decode(.f32, start, to: format, memory, count: length)
        }
    }

    /// About normal: the sum of twelve uniforms less six.
    private func normal() -> Float {
        var sum: Float = -6
        for _ in 0..<12 {
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            sum += Float(random >> 40) * 0x1p-24
        }
        return sum
    }
}
