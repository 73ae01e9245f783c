import StreamIO

/// What workers do with the rows of a chunk. Allocates nothing per row.
struct RowLoop: Sendable {
    let kernels: RowKernels

    /// Brings the inputs into the format computed in, where they are stored in another or are more than what is stored.
    func decode(_ work: ChunkWork) {
        guard !work.isDecoded, let merge = work.task.merge else { return }
        work.isDecoded = true
        let rows = work.layout.inputRows
        // Who lends its stored bytes may be converted where they lie: after those that borrow them.
        for index in rows.indices where rows[index].mayBorrow { decode(work, index, merge.format) }
        for index in rows.indices where !rows[index].mayBorrow && work.layout.isConverted[index] {
            decode(work, index, merge.format)
        }
    }

    private func decode(_ work: ChunkWork, _ index: Int, _ format: FloatFormat) {
        let rows = work.layout.inputRows[index]
        let tensor = work.layout.tensor
        guard rows.isAssembled, let prepared = work.task.prepared[index] else {
            kernels.decode(
                rows.range.type, UnsafeRawPointer(work.stored[index]), to: format, work.values[index],
                count: work.rows.count * tensor.rowLength)
            return
        }
        let assembly = RowAssembly(
            kernels: kernels, format: format, slots: work.starts, target: work.values[index],
            overlaps: rows.lender == nil && !rows.isScattered
                && work.layout.inputRowBytes[index] != work.layout.workRowBytes,
            unitLength: tensor.rowLength / tensor.unitsPerRow,
            factors: prepared.rows.factors, scales: prepared.rows.scales)
        if let staged = work.staged[index] {
            assembly.assemble(staged.pieces, padding: prepared.padding)
        } else {
            let start = work.stored[index] - work.starts[index]
            assembly.assemble(work.rows, of: rows, in: index, from: start)
        }
    }

    /// A phase that measures: what it finds of the chunk is in `work.sums`.
    func measure(_ work: ChunkWork, scratch: UnsafeMutableRawPointer, scratchBytes: Int) {
        guard let merge = work.task.merge else { return }
        decode(work)
        if work.phase == 0 { measureInputs(work, merge) }
        switch (work.layout.phases[work.phase], merge.rule) {
        case (.count, _):
            count(work, merge, scratch: scratch, table: ownTable(scratch, scratchBytes))
        case (.countLow, _):
            countLow(work, merge, scratch: scratch, table: ownTable(scratch, scratchBytes))
        case (.locate, _): countEqual(work, merge, scratch: scratch)
        case (.weigh, .sce(let share)): weigh(work, merge, share: share, scratch: scratch)
        case (.select, .deltas(let rule)): select(work, rule, merge.format, scratch: scratch)
        case (.gram, .blend(let rule)): takeGram(work, merge, rule, scratch: scratch)
        case (.columns, _): addColumns(work, merge)
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
        guard let statistics = work.task.statistics else {
            let tiles = OutputTiles(work, window, output, scratch: scratch, scratchBytes: scratchBytes)
            emit(work, merge, tiles, scratch: scratch)
            return
        }
        // A chunk that was kept says still that it is in an earlier phase.
        if work.layout.phases.count == 1 { measureInputs(work, merge) }
        statistics.withChunk { chunk in
            let measurement = OutputMeasurement(
                segments: RowSegments(rowLength: work.layout.tensor.rowLength), statistics: chunk,
                reference: UnsafeRawPointer(work.values[statistics.reference]), format: merge.format)
            let tiles = OutputTiles(
                work, window, output, scratch: scratch, scratchBytes: scratchBytes, measurement: measurement)
            emit(work, merge, tiles, scratch: scratch)
        }
    }

    private func emit(
        _ work: ChunkWork, _ merge: TensorMerge, _ tiles: OutputTiles, scratch: UnsafeMutableRawPointer
    ) {
        switch merge.rule {
        case .deltas(let rule):
            if !work.isPruned, work.task.choices.contains(where: \.isRanked) {
                select(work, rule, merge.format, scratch: scratch)
            }
            combine(work, rule, merge.format, tiles)
        case .blend(.nuslerp(_, .columns)): blendByColumn(work, merge, tiles)
        case .blend(let rule) where rule.takesGramByRow: blendByRow(work, merge, rule, tiles)
        case .blend(let rule): blend(work, merge, rule, tiles)
        case .nearswap: blend(work, merge, kind: .near, divisor: 1, tiles)
        case .ram(let rule): reinforce(work, merge, rule, tiles)
        case .sce(let share): combineSpread(work, merge, share: share, tiles)
        case .fusion: combineScored(work, merge, tiles)
        }
    }

    /// The stored values as they are, the payloads of NaNs too.
    private func copy(_ work: ChunkWork, _ window: OutputWindow) {
        let (count, type) = (work.rows.count, work.layout.tensor.type)
        window.copy(
            work.stored[0], count: count * work.layout.outputRowBytes,
            at: work.layout.outputRange(work.rows).lowerBound)
        guard let format = FloatFormat(type), format.elementType == type else { return }
        measureCopy(work, format)
        guard work.countsInputs else { return }
        work.found[0] += kernels.countNonfinite(format, UnsafeRawPointer(work.stored[0]), count: count)
    }
}
