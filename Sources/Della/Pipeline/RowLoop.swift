import StreamIO

/// What workers do with the rows of a chunk. Allocates nothing per row.
struct RowLoop: Sendable {
    let kernels: RowKernels

    /// Converts the inputs to the format computed in, where they are stored in another.
    func decode(_ work: ChunkWork) {
        guard let merge = work.task.merge else { return }
        let count = work.rows.count * work.layout.tensor.rowLength
        for (index, input) in work.layout.inputs.enumerated()
        where work.layout.isConverted[index] {
            kernels.decode(
                input.type, UnsafeRawPointer(work.stored[index]), to: merge.format, work.values[index],
                count: count)
        }
    }

    /// The first phase: counts, draws, ranks and decides, and leaves `kept ? x : b` in the models' rows. Row
    /// sums go to `work.sums` where that is set.
    func prune(_ work: ChunkWork, scratch: UnsafeMutableRawPointer) {
        guard let merge = work.task.merge, !work.isPruned else { return }
        decode(work)
        let length = work.layout.tensor.rowLength
        let rowBytes = work.layout.workRowBytes
        let rowCount = work.rows.count
        let firstElement = UInt64(work.rows.lowerBound) * UInt64(length)
        for row in 0..<rowCount {
            let base = UnsafeRawPointer(work.values[0] + row * rowBytes)
            // Pruning notices what is not finite by itself, in a row that it reads anyway.
            var countsBase = work.countsInputs && merge.terms.isEmpty
            for term in 0..<merge.terms.count {
                let model = work.values[term + 1] + row * rowBytes
                guard let probabilities = work.task.probabilities[term] else {
                    guard work.countsInputs else { continue }
                    countsBase = true
                    work.found[term + 1] += kernels.countNonfinite(
                        merge.format, UnsafeRawPointer(model), count: length)
                    continue
                }
                let sums = kernels.prune(
                    PruneRow(
                        format: merge.format, base: base, model: model, count: length,
                        firstElement: firstElement + UInt64(row * length),
                        firstProbability: probabilities.first, probabilityStep: probabilities.step,
                        seed: work.task.seed, stream: work.task.streams[term]), scratch: scratch)
                work.sums?[term * rowCount + row] = RowSums(total: sums.total, kept: sums.kept)
                if sums.sawNonfinite, work.countsInputs {
                    countsBase = true
                    work.found[term + 1] += sums.nonfinite
                }
            }
            if countsBase {
                work.found[0] += kernels.countNonfinite(merge.format, base, count: length)
            }
        }
        if let rows = work.sums {
            for term in merge.terms.indices where !merge.terms[term].isPruned {
                (rows + term * rowCount).update(repeating: RowSums(), count: rowCount)
            }
        }
        work.isPruned = true
    }

    /// The second phase: the output's rows, into their blocks.
    func emit(_ work: ChunkWork, scratch: UnsafeMutableRawPointer, scratchBytes: Int) {
        guard let window = work.window else { preconditionFailure("emitted without a window") }
        guard let merge = work.task.merge, let output = FloatFormat(work.layout.tensor.type) else {
            window.copy(
                work.stored[0], count: work.rows.count, at: work.layout.outputRange(work.rows).lowerBound)
            return
        }
        let outputRowBytes = work.layout.outputRowBytes
        let rowBytes = work.layout.workRowBytes
        let start = work.layout.outputRange(work.rows).lowerBound
        // The end of the scratch holds a row that straddles blocks; the kernel has the rest.
        let straddling = scratch + (scratchBytes - outputRowBytes) / 64 * 64
        let length = work.layout.tensor.rowLength
        let lambda = Float(merge.lambda)
        withUnsafeTemporaryAllocation(of: UnsafeRawPointer.self, capacity: merge.terms.count + 1) { models in
            work.task.terms.withUnsafeBufferPointer { terms in
                // A merge without terms still needs addresses that nobody follows.
                models[0] = UnsafeRawPointer(work.values[0])
                guard let firstModel = models.baseAddress else { return }
                let firstTerm = terms.baseAddress ?? UnsafePointer(bitPattern: 64).unsafelyUnwrapped
                for row in 0..<work.rows.count {
                    for term in 0..<terms.count {
                        models[term] = UnsafeRawPointer(work.values[term + 1] + row * rowBytes)
                    }
                    let offset = start + UInt64(row * outputRowBytes)
                    let direct = window.destination(at: offset, count: outputRowBytes)
                    let destination = direct ?? straddling
                    let isNonfinite = kernels.combine(
                        CombineRow(
                            format: merge.format, output: output,
                            base: UnsafeRawPointer(work.values[0] + row * rowBytes), models: firstModel,
                            terms: firstTerm, termCount: terms.count, count: length,
                            electsSigns: work.task.electsSigns, normalizes: merge.normalize, lambda: lambda,
                            destination: destination, scratch: scratch))
                    if isNonfinite {
                        let count = kernels.countNonfinite(
                            output, UnsafeRawPointer(destination), count: length)
                        work.found[work.found.count - 1] += count
                    }
                    if direct == nil { window.copy(destination, count: outputRowBytes, at: offset) }
                }
            }
        }
    }
}
