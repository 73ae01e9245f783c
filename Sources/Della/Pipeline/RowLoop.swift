import StreamIO

/// What workers do with the rows of a chunk. Allocates nothing per row.
struct RowLoop: Sendable {
    let kernels: RowKernels

    /// Converts the inputs to the format computed in, where they are stored in another.
    func decode(_ work: ChunkWork) {
        guard !work.isDecoded, let merge = work.task.merge else { return }
        work.isDecoded = true
        let count = work.rows.count * work.layout.tensor.rowLength
        for (index, input) in work.layout.inputs.enumerated()
        where work.layout.isConverted[index] {
            kernels.decode(
                input.type, UnsafeRawPointer(work.stored[index]), to: merge.format, work.values[index],
                count: count)
        }
    }

    /// A phase that measures: what it finds of the chunk is in `work.sums`.
    func measure(_ work: ChunkWork, scratch: UnsafeMutableRawPointer) {
        guard let merge = work.task.merge else { return }
        decode(work)
        switch (work.layout.phases[work.phase], merge.rule) {
        case (.draw, .deltas(let rule)): prune(work, rule, merge.format, scratch: scratch)
        case (.gram, .blend(let rule)): takeGram(work, merge, rule, scratch: scratch)
        case (.tally, .ram(let rule)): tally(work, merge, rule)
        default: preconditionFailure("a phase that measures nothing")
        }
    }

    /// The last phase: the output's rows, into their blocks.
    func emit(_ work: ChunkWork, scratch: UnsafeMutableRawPointer, scratchBytes: Int) {
        guard let window = work.window else { preconditionFailure("emitted without a window") }
        guard let merge = work.task.merge, let output = FloatFormat(work.layout.tensor.type) else {
            copy(work, window)
            return
        }
        decode(work)
        let tiles = OutputTiles(work, window, output, scratch: scratch, scratchBytes: scratchBytes)
        switch merge.rule {
        case .deltas(let rule):
            if !work.isPruned { prune(work, rule, merge.format, scratch: scratch) }
            combine(work, rule, merge.format, tiles)
        case .blend(let rule) where rule.takesGramByRow: blendByRow(work, merge, rule, tiles)
        case .blend(let rule): blend(work, merge, rule, tiles)
        case .nearswap: blend(work, merge, kind: .near, divisor: 1, tiles)
        case .ram(let rule): reinforce(work, merge, rule, tiles)
        case .sce, .fusion: preconditionFailure("a rule without arithmetic")
        }
    }

    /// The stored values as they are, the payloads of NaNs too.
    private func copy(_ work: ChunkWork, _ window: OutputWindow) {
        let (count, type) = (work.rows.count, work.layout.tensor.type)
        window.copy(
            work.stored[0], count: count * work.layout.outputRowBytes,
            at: work.layout.outputRange(work.rows).lowerBound)
        guard work.countsInputs, let format = FloatFormat(type), format.elementType == type else { return }
        work.found[0] += kernels.countNonfinite(format, UnsafeRawPointer(work.stored[0]), count: count)
    }

    /// Counts, draws, ranks and decides, and leaves `kept ? x : b` in the models' rows. Row sums go to `work.sums`
    /// where that is set.
    private func prune(
        _ work: ChunkWork, _ rule: DeltaRule, _ format: FloatFormat, scratch: UnsafeMutableRawPointer
    ) {
        let length = work.layout.tensor.rowLength
        let rowBytes = work.layout.workRowBytes
        let rowCount = work.rows.count
        let firstElement = UInt64(work.rows.lowerBound) * UInt64(length)
        for row in 0..<rowCount {
            let base = UnsafeRawPointer(work.values[0] + row * rowBytes)
            // Pruning notices what is not finite by itself, in a row that it reads anyway.
            var countsBase = work.countsInputs && rule.terms.isEmpty
            for term in 0..<rule.terms.count {
                let model = work.values[term + 1] + row * rowBytes
                guard let probabilities = work.task.probabilities[term] else {
                    guard work.countsInputs else { continue }
                    countsBase = true
                    work.found[term + 1] += kernels.countNonfinite(
                        format, UnsafeRawPointer(model), count: length)
                    continue
                }
                let sums = kernels.prune(
                    PruneRow(
                        format: format, base: base, model: model, count: length,
                        firstElement: firstElement + UInt64(row * length),
                        firstProbability: probabilities.first, probabilityStep: probabilities.step,
                        seed: work.task.seed, stream: work.task.streams[term]), scratch: scratch)
                if let rows = work.sums {
                    rows[2 * term * rowCount + row] = sums.total
                    rows[(2 * term + 1) * rowCount + row] = sums.kept
                }
                if sums.sawNonfinite, work.countsInputs {
                    countsBase = true
                    work.found[term + 1] += sums.nonfinite
                }
            }
            if countsBase {
                work.found[0] += kernels.countNonfinite(format, base, count: length)
            }
        }
        if let rows = work.sums {
            for term in rule.terms.indices where !rule.terms[term].isPruned {
                (rows + 2 * term * rowCount).update(repeating: 0, count: 2 * rowCount)
            }
        }
        work.isPruned = true
    }

    /// The weighted sum of differences.
    private func combine(
        _ work: ChunkWork, _ rule: DeltaRule, _ format: FloatFormat, _ tiles: OutputTiles
    ) {
        let lambda = Float(rule.lambda)
        withUnsafeTemporaryAllocation(of: UnsafeRawPointer.self, capacity: rule.terms.count + 1) { models in
            work.task.terms.withUnsafeBufferPointer { terms in
                // A merge without terms still needs addresses that nobody follows.
                models[0] = UnsafeRawPointer(work.values[0])
                guard let firstModel = models.baseAddress else { return }
                let firstTerm = terms.baseAddress ?? UnsafePointer(bitPattern: 64).unsafelyUnwrapped
                tiles.forEach(kernels) { start, count, destination in
                    let offset = start * format.byteWidth
                    for term in 0..<terms.count {
                        models[term] = UnsafeRawPointer(work.values[term + 1] + offset)
                    }
                    return kernels.combine(
                        CombineRow(
                            format: format, output: tiles.format,
                            base: UnsafeRawPointer(work.values[0] + offset), models: firstModel,
                            terms: firstTerm, termCount: terms.count, count: count,
                            electsSigns: rule.electsSigns, normalizes: rule.normalize, lambda: lambda,
                            destination: destination, scratch: tiles.scratch))
                }
            }
        }
    }
}
