import StreamIO

@testable import Della

/// A tensor merged by `RowKernels` as a pipeline would, from memory of a given misalignment.
struct KernelMerge {
    let kernels: RowKernels
    var misalignment = 0

    /// The merged tensor's bytes, and whether the kernels met NaN or infinity in input or output.
    func run(_ merge: ReferenceMerge) -> (bytes: [UInt8], sawNonfinite: Bool) {
        let width = merge.format.byteWidth
        let rows = merge.count == 0 ? 0 : merge.count / merge.rowLength
        let base = Memory(merge.count * width, misalignment)
        let models = merge.models.map { _ in Memory(merge.count * width, misalignment + 1) }
        decode(merge.baseType, merge.base, merge.format, base, merge.count)
        let scratch = Memory(
            max(
                RowKernels.scratchByteCount(rowLength: merge.rowLength, format: merge.format),
                RowKernels.combineScratchByteCount(termCount: merge.models.count)), 0)
        var sawNonfinite = false
        var terms: [CombineTerm] = []
        for (model, memory) in zip(merge.models, models) {
            decode(model.type, model.values, merge.format, memory, merge.count)
            var term = CombineTerm(
                factor: 1, weight: Float(model.weight), lambda: Float(model.lambda),
                dropped: model.density <= 0, isPruned: model.density > 0 && model.density < 1)
            if term.isPruned {
                let sums = prune(merge, model, base, memory, rows, scratch)
                sawNonfinite = sawNonfinite || sums.sawNonfinite
                if merge.rescale { term.factor = RescaleFactor.factor(total: sums.total, kept: sums.kept) }
            }
            terms.append(term)
        }
        let outputWidth = merge.output.byteWidth
        let output = Memory(merge.count * outputWidth, misalignment + 1)
        for row in 0..<rows {
            let offset = row * merge.rowLength
            let pointers = models.map { UnsafeRawPointer($0.start + offset * width) }
            sawNonfinite =
                kernels.combine(
                    CombineRow(
                        format: merge.format, output: merge.output, base: base.start + offset * width,
                        models: pointers, terms: terms, termCount: terms.count, count: merge.rowLength,
                        electsSigns: merge.electsSigns, normalizes: merge.normalize,
                        lambda: Float(merge.lambda), destination: output.start + offset * outputWidth,
                        scratch: scratch.start)) || sawNonfinite
        }
        return (output.bytes, sawNonfinite)
    }

    private func prune(
        _ merge: ReferenceMerge, _ model: ReferenceMerge.Model, _ base: Memory, _ memory: Memory, _ rows: Int,
        _ scratch: Memory
    ) -> PruneSums {
        let width = merge.format.byteWidth
        let line = PruneProbabilities(
            density: model.density, epsilon: model.epsilon, rowLength: merge.rowLength)
        var sums = PruneSums(total: 0, kept: 0, sawNonfinite: false)
        for row in 0..<rows {
            let offset = row * merge.rowLength
            // What a row leaves behind in scratch must not matter to the next.
            scratch.scribble(UInt8(truncatingIfNeeded: row &* 37 &+ 11))
            let found = kernels.prune(
                PruneRow(
                    format: merge.format, base: base.start + offset * width,
                    model: memory.start + offset * width, count: merge.rowLength,
                    firstElement: UInt64(offset), firstProbability: line.first, probabilityStep: line.step,
                    seed: merge.seed,
                    stream: RandomStream.identifier(tensor: merge.name, ordinal: model.ordinal)),
                scratch: scratch.start)
            sums.total += found.total
            sums.kept += found.kept
            sums.sawNonfinite = sums.sawNonfinite || found.sawNonfinite
        }
        return sums
    }

    private func decode(
        _ type: ElementType, _ bytes: [UInt8], _ format: FloatFormat, _ memory: Memory, _ count: Int
    ) {
        bytes.withUnsafeBytes { source in
            guard let start = source.baseAddress, count > 0 else { return }
            kernels.decode(type, start, to: format, memory.start, count: count)
        }
    }
}
