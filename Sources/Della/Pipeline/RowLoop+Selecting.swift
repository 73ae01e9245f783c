import StreamIO

/// Sums of differences of which some elements are kept.
extension RowLoop {
    /// Chooses what is kept of whole rows and leaves `kept ? x : b` in the models' rows. Row sums go to `work.sums`
    /// where that is set. Counts what is not finite before.
    func select(
        _ work: ChunkWork, _ rule: DeltaRule, _ format: FloatFormat, scratch: UnsafeMutableRawPointer
    ) {
        let length = work.layout.tensor.rowLength
        let rowCount = work.rows.count
        // As many rows at a time as stay in the nearest caches for all terms.
        let batch = max(1, MergeLayout.tileLength / max(1, length))
        var row = 0
        while row < rowCount {
            let count = min(batch, rowCount - row)
            select(work, rule, format, rows: row..<row + count, scratch: scratch)
            row += count
        }
        if let sums = work.sums {
            for term in rule.terms.indices where !rule.terms[term].isPruned {
                (sums + 2 * term * rowCount).update(repeating: 0, count: 2 * rowCount)
            }
        }
        work.isPruned = true
    }

    private func select(
        _ work: ChunkWork, _ rule: DeltaRule, _ format: FloatFormat, rows: Range<Int>,
        scratch: UnsafeMutableRawPointer
    ) {
        let length = work.layout.tensor.rowLength
        let first = rows.lowerBound * length
        // Pruning by rank notices what is not finite by itself, in a row that it reads anyway.
        var countsBase = work.countsInputs && rule.terms.isEmpty
        for term in 0..<rule.terms.count {
            let isRanked = work.task.choices[term].isRanked
            if work.countsInputs, !isRanked {
                countsBase = true
                countInput(work, term + 1, format, from: first, count: rows.count * length)
            }
            switch work.task.choices[term] {
            case .all, .nothing: break
            case .ranked(let probabilities):
                for row in rows {
                    let isNonfinite = prune(work, term, format, probabilities, row: row, scratch: scratch)
                    countsBase = countsBase || isNonfinite && work.countsInputs
                }
            case .selected(let choice):
                let start = UnsafeMutableRawPointer(work.values[term + 1] + first * format.byteWidth)
                kernels.select(
                    SelectRows(
                        choice: choice, format: format,
                        base: UnsafeRawPointer(work.values[0] + first * format.byteWidth), model: start,
                        rowLength: length, rowCount: rows.count,
                        firstElement: work.firstElement + UInt64(first), seed: work.task.seed,
                        stream: work.task.streams[term],
                        sums: work.sums.map { $0 + 2 * term * work.rows.count + rows.lowerBound },
                        stride: work.rows.count), scratch: scratch)
            }
        }
        if countsBase { countInput(work, 0, format, from: first, count: rows.count * length) }
    }

    /// MAGPRUNE of one row.
    /// - Returns: whether the base or the model holds NaN or infinity.
    private func prune(
        _ work: ChunkWork, _ term: Int, _ format: FloatFormat, _ probabilities: PruneProbabilities, row: Int,
        scratch: UnsafeMutableRawPointer
    ) -> Bool {
        let length = work.layout.tensor.rowLength
        let offset = row * work.layout.workRowBytes
        let sums = kernels.prune(
            PruneRow(
                format: format, base: UnsafeRawPointer(work.values[0] + offset),
                model: work.values[term + 1] + offset, count: length,
                firstElement: work.firstElement + UInt64(row * length),
                firstProbability: probabilities.first, probabilityStep: probabilities.step,
                seed: work.task.seed, stream: work.task.streams[term]), scratch: scratch)
        if let rows = work.sums {
            rows[2 * term * work.rows.count + row] = sums.total
            rows[(2 * term + 1) * work.rows.count + row] = sums.kept
        }
        if sums.sawNonfinite, work.countsInputs { work.found[term + 1] += sums.nonfinite }
        return sums.sawNonfinite
    }

    /// The weighted sum of differences, of which those that are not chosen yet and need no whole rows are now.
    func combine(
        _ work: ChunkWork, _ rule: DeltaRule, _ format: FloatFormat, _ tiles: OutputTiles
    ) {
        let selects = !work.isPruned
        // What is dropped does not show in the result.
        let countsFirst = work.countsInputs && selects && work.task.choices.contains { $0 != .all }
        let countsAfter = work.countsInputs && selects && !countsFirst
        let lambda = Float(rule.lambda)
        withUnsafeTemporaryAllocation(of: UnsafeRawPointer.self, capacity: rule.terms.count + 1) { models in
            work.task.terms.withUnsafeBufferPointer { terms in
                // A merge without terms still needs addresses that nobody follows.
                models[0] = UnsafeRawPointer(work.values[0])
                guard let firstModel = models.baseAddress else { return }
                let firstTerm = terms.baseAddress ?? UnsafePointer(bitPattern: 64).unsafelyUnwrapped
                tiles.forEach(kernels) { start, count, destination in
                    if countsFirst { countInputs(work, format, from: start, count: count) }
                    if selects { selectStretch(work, format, from: start, count: count, tiles.scratch) }
                    let offset = start * format.byteWidth
                    for term in 0..<terms.count {
                        models[term] = UnsafeRawPointer(work.values[term + 1] + offset)
                    }
                    if let measurement = tiles.measurement {
                        measureTerms(
                            work, rule, format, models: UnsafePointer(firstModel),
                            base: UnsafeRawPointer(work.values[0] + offset), count: count,
                            measurement.statistics)
                    }
                    let isNonfinite = kernels.combine(
                        CombineRow(
                            format: format, output: tiles.format,
                            base: UnsafeRawPointer(work.values[0] + offset), models: firstModel,
                            terms: firstTerm, termCount: terms.count, count: count,
                            electsSigns: rule.electsSigns, normalizes: rule.normalize, lambda: lambda,
                            destination: destination, scratch: tiles.scratch))
                    if isNonfinite, countsAfter { countInputs(work, format, from: start, count: count) }
                    return isNonfinite
                }
            }
        }
    }

    /// Chooses elements of a stretch, of the terms whose rows do not matter.
    private func selectStretch(
        _ work: ChunkWork, _ format: FloatFormat, from start: Int, count: Int,
        _ scratch: UnsafeMutableRawPointer
    ) {
        let offset = start * format.byteWidth
        for term in 0..<work.task.choices.count {
            guard case .selected(let choice) = work.task.choices[term] else { continue }
            kernels.select(
                SelectRows(
                    choice: choice, format: format, base: UnsafeRawPointer(work.values[0] + offset),
                    model: work.values[term + 1] + offset, rowLength: count, rowCount: 1,
                    firstElement: work.firstElement + UInt64(start), seed: work.task.seed,
                    stream: work.task.streams[term]), scratch: scratch)
        }
    }

    private func countInput(
        _ work: ChunkWork, _ input: Int, _ format: FloatFormat, from start: Int, count: Int
    ) {
        work.found[input] += kernels.countNonfinite(
            format, UnsafeRawPointer(work.values[input] + start * format.byteWidth), count: count)
    }
}
