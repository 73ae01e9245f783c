import StreamIO

/// Rules that score the differences of all inputs together, or by what their rows tell.
extension RowLoop {
    // MARK: sce

    /// The keys of the variances of a stretch.
    func spreadKeys(
        _ work: ChunkWork, _ merge: TensorMerge, from start: Int, count: Int, _ keys: UnsafeMutableRawPointer
    ) -> KeyStretch {
        withSpread(work, merge, from: start, count: count, band: nil) { kernels.spreadKeys($0, keys) }
    }

    /// Σδ² of what is kept of each input's differences, by row.
    func weigh(
        _ work: ChunkWork, _ merge: TensorMerge, share: Double, scratch: UnsafeMutableRawPointer
    ) {
        guard let sums = work.sums else { preconditionFailure("nowhere to put sums") }
        let length = work.layout.tensor.rowLength
        let band = share < 1 ? work.task.band ?? KeyBand.none : nil
        if work.countsInputs {
            forEachStretch(work) { countInputs(work, merge.format, from: $0, count: $1) }
        }
        scratch.initializeMemory(
            as: UInt64.self, repeating: 0,
            count: RowKernels.spreadScratchByteCount(inputCount: merge.inputs.count) / 8)
        for row in 0..<work.rows.count {
            withSpread(work, merge, from: row * length, count: length, band: band) {
                kernels.sumSquares($0, sums + row, stride: work.rows.count, scratch: scratch)
            }
        }
    }

    /// The output: the weighted mean of the kept differences of the elected sign.
    func combineSpread(_ work: ChunkWork, _ merge: TensorMerge, share: Double, _ tiles: OutputTiles) {
        let band = share < 1 ? work.task.band ?? KeyBand.none : nil
        work.task.coefficients.withUnsafeBufferPointer { weights in
            tiles.forEach(kernels) { start, count, destination in
                if work.countsInputs { countInputs(work, merge.format, from: start, count: count) }
                guard let first = weights.baseAddress, !merge.inputs.isEmpty else {
                    return convert(work, merge, from: start, count: count, tiles, destination)
                }
                return withSpread(work, merge, from: start, count: count, band: band, output: tiles.format) {
                    kernels.combineSpread($0, weights: first, destination)
                }
            }
        }
    }

    /// The base as it is, in the type that is written.
    private func convert(
        _ work: ChunkWork, _ merge: TensorMerge, from start: Int, count: Int, _ tiles: OutputTiles,
        _ destination: UnsafeMutableRawPointer
    ) -> Bool {
        var base = UnsafeRawPointer(work.values[0] + start * merge.format.byteWidth)
        return withUnsafePointer(to: &base) { models in
            kernels.combine(
                CombineRow(
                    format: merge.format, output: tiles.format, base: models.pointee, models: models,
                    terms: UnsafePointer(bitPattern: 64).unsafelyUnwrapped, termCount: 0, count: count,
                    electsSigns: false, normalizes: false, lambda: 1, destination: destination))
        }
    }

    /// A stretch of all inputs.
    @inline(__always)
    private func withSpread<Result>(
        _ work: ChunkWork, _ merge: TensorMerge, from start: Int, count: Int, band: KeyBand?,
        output: FloatFormat = .float32, _ body: (SpreadRow) -> Result
    ) -> Result {
        let offset = start * merge.format.byteWidth
        let inputCount = merge.inputs.count
        return withUnsafeTemporaryAllocation(of: UnsafeRawPointer.self, capacity: inputCount) { inputs in
            for index in 0..<inputCount {
                inputs.initializeElement(at: index, to: UnsafeRawPointer(work.values[index + 1] + offset))
            }
            guard let first = inputs.baseAddress else { preconditionFailure("room for an address") }
            return body(
                SpreadRow(
                    format: merge.format, output: output, inputs: first, inputCount: inputCount,
                    base: UnsafeRawPointer(work.values[0] + offset), count: count,
                    firstElement: work.firstElement + UInt64(start), band: band))
        }
    }

    // MARK: arcee_fusion

    /// Every row in stretches, with the factor of its scores: kept from an earlier phase where there is room.
    func forEachScoredStretch(
        _ work: ChunkWork, _ merge: TensorMerge, scratch: UnsafeMutableRawPointer,
        _ body: (_ start: Int, _ count: Int, _ factor: Float) -> Void
    ) {
        let length = work.layout.tensor.rowLength
        for row in 0..<work.rows.count {
            let factor = factor(work, merge, row: row, scratch: scratch)
            var done = 0
            while done < length {
                let count = min(MergeLayout.tileLength, length - done)
                body(row * length + done, count, factor)
                done += count
            }
        }
    }

    /// The divergence of a row of the chunk.
    private func factor(
        _ work: ChunkWork, _ merge: TensorMerge, row: Int, scratch: UnsafeMutableRawPointer
    ) -> Float {
        let number = work.rows.lowerBound + row
        let kept = work.task.rowFactors
        let isKept = number < kept?.count ?? 0
        if isKept, let kept, work.layout.phases[work.phase] != .count { return kept[number] }
        let length = work.layout.tensor.rowLength
        let factor = kernels.divergence(
            score(work, merge, from: row * length, count: length, factor: 1), scratch: scratch)
        if isKept, let kept { kept[number] = factor }
        return factor
    }

    /// The keys of a stretch of scores.
    func scoreKeys(
        _ work: ChunkWork, _ merge: TensorMerge, from start: Int, count: Int, factor: Float,
        _ keys: UnsafeMutableRawPointer
    ) -> KeyStretch {
        kernels.scoreKeys(score(work, merge, from: start, count: count, factor: factor), keys)
    }

    /// The output: differences whose score reaches the threshold are added.
    func combineScored(_ work: ChunkWork, _ merge: TensorMerge, _ tiles: OutputTiles) {
        let threshold = work.task.constants.factor(0)
        let length = work.layout.tensor.rowLength
        var row = -1
        var factor: Float = 0
        tiles.forEach(kernels, rowLength: length) { start, count, destination in
            if work.countsInputs { countInputs(work, merge.format, from: start, count: count) }
            if start / length != row {
                row = start / length
                factor = self.factor(work, merge, row: row, scratch: tiles.scratch)
            }
            return kernels.combineScored(
                score(work, merge, from: start, count: count, factor: factor), threshold: threshold,
                to: tiles.format, destination)
        }
    }

    private func score(
        _ work: ChunkWork, _ merge: TensorMerge, from start: Int, count: Int, factor: Float
    ) -> ScoreRow {
        let offset = start * merge.format.byteWidth
        return ScoreRow(
            format: merge.format, base: UnsafeRawPointer(work.values[0] + offset),
            model: UnsafeRawPointer(work.values[1] + offset), count: count, factor: factor)
    }
}
