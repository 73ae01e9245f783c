import StreamIO

/// What the report says of a tensor, taken while its rows pass.
extension RowLoop {
    /// Measures the differences of a chunk's inputs: before its rows are changed.
    func measureInputs(_ work: ChunkWork, _ merge: TensorMerge) {
        guard let running = work.task.statistics else { return }
        let shape = running.shape
        let segments = RowSegments(rowLength: work.layout.tensor.rowLength)
        let total = work.rows.count * work.layout.tensor.rowLength
        let base = UnsafeRawPointer(work.values[running.reference])
        running.withChunk { statistics in
            withRoom(for: shape) { inputs, sums, equal in
                var start = 0
                while start < total {
                    let count = segments.tile(from: start, of: total)
                    segments.forEach(from: start, count: count) { start, count in
                        let offset = start * merge.format.byteWidth
                        for index in 0..<shape.inputCount {
                            inputs[index] = UnsafeRawPointer(work.values[running.inputs[index]] + offset)
                        }
                        kernels.moments(
                            merge.format, inputs: UnsafePointer(inputs), inputCount: shape.inputCount,
                            base: base + offset, count: count, hasProducts: shape.hasProducts,
                            sums: sums, equal: equal)
                        for index in 0..<shape.momentCount { statistics.add(sums[index], toSum: index) }
                        for index in 0..<shape.inputCount {
                            statistics.add(Int(equal[index]), at: shape.equal(index))
                        }
                    }
                    start += count
                }
            }
        }
    }

    /// Takes the figures of what is copied: it is its own reference.
    func measureCopy(_ work: ChunkWork, _ format: FloatFormat) {
        guard let running = work.task.statistics else { return }
        let values = UnsafeRawPointer(work.stored[0])
        running.withChunk { statistics in
            withRoom(for: running.shape) { inputs, sums, equal in
                for start in stride(from: 0, to: work.rows.count, by: MergeLayout.tileLength) {
                    let place = values + start * format.byteWidth
                    let count = min(MergeLayout.tileLength, work.rows.count - start)
                    kernels.moments(
                        format, inputs: UnsafePointer(inputs), inputCount: 0, base: place, count: count,
                        hasProducts: false, sums: sums, equal: equal)
                    statistics.add(sums[0], toSum: 0)
                    statistics.raisePeak(
                        to: kernels.change(place, format, from: place, format, count: count).peak)
                }
            }
        }
    }

    /// Takes the figures of a chunk of models that are only compared.
    func look(_ work: ChunkWork) {
        guard let merge = work.task.merge else {
            if let format = work.layout.tensor.copiedFormat {
                measureCopy(work, format)
                work.found[0] += kernels.countNonfinite(
                    format, UnsafeRawPointer(work.stored[0]), count: work.rows.count)
            }
            return
        }
        decode(work)
        measureInputs(work, merge)
        let total = work.rows.count * work.layout.tensor.rowLength
        countInputs(work, merge.format, from: 0, count: total)
        guard let running = work.task.statistics, let rule = merge.deltas, rule.terms.count > 1 else {
            return
        }
        running.withChunk { statistics in
            withUnsafeTemporaryAllocation(of: UnsafeRawPointer.self, capacity: rule.terms.count) { models in
                guard let first = models.baseAddress else { return }
                for start in stride(from: 0, to: total, by: MergeLayout.tileLength) {
                    let offset = start * merge.format.byteWidth
                    for term in models.indices {
                        models[term] = UnsafeRawPointer(work.values[term + 1] + offset)
                    }
                    measureTerms(
                        work, rule, merge.format, models: UnsafePointer(first),
                        base: UnsafeRawPointer(work.values[0] + offset),
                        count: min(MergeLayout.tileLength, total - start), statistics)
                }
            }
        }
    }

    private func withRoom(
        for shape: StatisticsShape,
        _ body: (
            _ inputs: UnsafeMutablePointer<UnsafeRawPointer>, _ sums: UnsafeMutablePointer<Double>,
            _ equal: UnsafeMutablePointer<Int64>
        ) -> Void
    ) {
        withUnsafeTemporaryAllocation(of: UnsafeRawPointer.self, capacity: shape.inputCount + 1) { inputs in
            withUnsafeTemporaryAllocation(of: Double.self, capacity: shape.momentCount) { sums in
                withUnsafeTemporaryAllocation(of: Int64.self, capacity: shape.inputCount + 1) { equal in
                    guard let inputs = inputs.baseAddress, let sums = sums.baseAddress,
                        let equal = equal.baseAddress
                    else { preconditionFailure("room for sums") }
                    body(inputs, sums, equal)
                }
            }
        }
    }

    /// Counts what is kept of a stretch of the models' differences, and where they have both signs; once the models' rows
    /// hold `kept ? x : b`.
    ///
    /// - Parameter models: where the stretch begins, by term.
    func measureTerms(
        _ work: ChunkWork, _ rule: DeltaRule, _ format: FloatFormat,
        models: UnsafePointer<UnsafeRawPointer>, base: UnsafeRawPointer, count: Int,
        _ statistics: ChunkStatistics
    ) {
        guard let running = work.task.statistics, !rule.terms.isEmpty else { return }
        let terms = rule.terms.count
        withUnsafeTemporaryAllocation(of: UnsafeRawPointer.self, capacity: terms) { places in
            withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 2 * terms) { words in
                withUnsafeTemporaryAllocation(of: Int64.self, capacity: terms) { kept in
                    guard let place = places.baseAddress, let masks = words.baseAddress,
                        let counts = kept.baseAddress
                    else { preconditionFailure("room for a term") }
                    for index in 0..<terms {
                        let term = rule.terms[index]
                        // What is dropped whole is left as it was: it differs nowhere.
                        place[index] = term.isDropped ? base : models[index]
                        masks[index] = term.weight == 0 ? 0 : .max
                        masks[terms + index] = term.weight < 0 ? 0x8000_0000 : 0
                        counts[index] = 0
                    }
                    let conflicts = kernels.signs(
                        format, models: UnsafePointer(place), masks: UnsafePointer(masks),
                        flips: UnsafePointer(masks + terms), modelCount: terms, base: base, count: count,
                        kept: counts)
                    statistics.add(conflicts, at: statistics.shape.conflicts)
                    for index in 0..<running.inputs.count {
                        statistics.add(
                            Int(counts[running.inputs[index] - 1]), at: statistics.shape.kept(index))
                    }
                }
            }
        }
    }
}
