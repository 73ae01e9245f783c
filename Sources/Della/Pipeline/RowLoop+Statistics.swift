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
