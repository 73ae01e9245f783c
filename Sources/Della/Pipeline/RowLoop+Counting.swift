import StreamIO

/// Finding the cuts of a tensor's scores, which are the magnitudes of an input's differences.
extension RowLoop {
    /// Where a thread counts: before the room for output that straddles blocks. Empty between chunks.
    func ownTable(_ scratch: UnsafeMutableRawPointer, _ scratchBytes: Int) -> UnsafeMutablePointer<UInt32> {
        (scratch + (scratchBytes - MergeLayout.tileBytes - RowKernels.countTableByteCount))
            .assumingMemoryBound(to: UInt32.self)
    }

    /// Counts the keys of every score, of long ones the upper bits, and what is not finite.
    func count(
        _ work: ChunkWork, _ merge: TensorMerge, scratch: UnsafeMutableRawPointer,
        table: UnsafeMutablePointer<UInt32>
    ) {
        // How many scores are zero matters to SCE alone.
        let countsZeros = if case .sce = merge.rule { true } else { false }
        if work.countsInputs {
            forEachStretch(work) { countInputs(work, merge.format, from: $0, count: $1) }
        }
        var zeros = 0
        for score in 0..<merge.scoreCount where merge.isCounted(score) {
            forEachKeys(work, merge, score, scratch) { keys in
                kernels.count(keys, in: table)
                if countsZeros { zeros += kernels.countEqual(keys, to: 0) }
            }
            add(table, to: work.task.counts(score), of: work.task, isTwofold: !merge.hasLongKeys)
        }
        work.sums?.pointee = Double(zeros)
    }

    /// Counts the lower bits of keys that have a cut's upper bits.
    func countLow(
        _ work: ChunkWork, _ merge: TensorMerge, scratch: UnsafeMutableRawPointer,
        table: UnsafeMutablePointer<UInt32>
    ) {
        for score in work.task.cuts.indices {
            for cut in work.task.cuts[score].indices {
                let upper = work.task.cuts[score][cut].key
                forEachKeys(work, merge, score, scratch) { kernels.countLow($0, upper: upper, in: table) }
                add(table, to: work.task.counts(score, cut: cut), of: work.task, isTwofold: false)
            }
        }
    }

    /// Counts the elements that have a cut's key: two sums a score.
    func countEqual(_ work: ChunkWork, _ merge: TensorMerge, scratch: UnsafeMutableRawPointer) {
        guard let sums = work.sums else { preconditionFailure("nowhere to put sums") }
        sums.update(repeating: 0, count: merge.sumCount(.locate))
        let cuts = work.task.cuts
        for score in cuts.indices where cuts[score].contains(where: \.isWithin) {
            forEachKeys(work, merge, score, scratch) { keys in
                for cut in cuts[score].indices where cuts[score][cut].isWithin {
                    sums[2 * score + cut] += Double(kernels.countEqual(keys, to: cuts[score][cut].key))
                }
            }
        }
    }

    /// The position in the tensor behind the element of the chunk that is the `number`-th with a key, from 1.
    func position(_ work: ChunkWork, score: Int, key: UInt32, number: UInt64) -> UInt64 {
        guard let merge = work.task.merge else { preconditionFailure("a copy has no scores") }
        return withUnsafeTemporaryAllocation(byteCount: KeyStretch.byteCount, alignment: 64) { memory in
            guard let scratch = memory.baseAddress else { preconditionFailure("room for a stretch") }
            var left = number
            var start = 0
            let total = elementCount(work)
            while start < total {
                let count = min(MergeLayout.tileLength, total - start)
                let keys = keys(work, merge, score, from: start, count: count, scratch)
                let found = UInt64(kernels.countEqual(keys, to: key))
                if found >= left {
                    var index = 0
                    while true {
                        if keys.key(index) == key { left -= 1 }
                        index += 1
                        if left == 0 { return work.firstElement + UInt64(start + index) }
                    }
                }
                left -= found
                start += count
            }
            preconditionFailure("fewer elements of a key than were counted")
        }
    }

    // MARK: Stretches

    /// The keys of a stretch of elements.
    private func keys(
        _ work: ChunkWork, _ merge: TensorMerge, _ score: Int, from start: Int, count: Int,
        _ scratch: UnsafeMutableRawPointer
    ) -> KeyStretch {
        if case .sce = merge.rule {
            return spreadKeys(work, merge, from: start, count: count, scratch)
        }
        let offset = start * merge.format.byteWidth
        return kernels.writeKeys(
            merge.format, base: UnsafeRawPointer(work.values[0] + offset),
            model: UnsafeRawPointer(work.values[score + 1] + offset), count: count, scratch)
    }

    /// The keys of all elements, a stretch at a time.
    private func forEachKeys(
        _ work: ChunkWork, _ merge: TensorMerge, _ score: Int, _ scratch: UnsafeMutableRawPointer,
        _ body: (KeyStretch) -> Void
    ) {
        if case .fusion = merge.rule {
            forEachScoredStretch(work, merge, scratch: scratch) { start, count, factor in
                body(scoreKeys(work, merge, from: start, count: count, factor: factor, scratch))
            }
        } else {
            forEachStretch(work) { start, count in
                body(keys(work, merge, score, from: start, count: count, scratch))
            }
        }
    }

    @inline(__always)
    func forEachStretch(_ work: ChunkWork, _ body: (_ start: Int, _ count: Int) -> Void) {
        let total = elementCount(work)
        var start = 0
        while start < total {
            let count = min(MergeLayout.tileLength, total - start)
            body(start, count)
            start += count
        }
    }

    private func elementCount(_ work: ChunkWork) -> Int { work.rows.count * work.layout.tensor.rowLength }

    private func add(
        _ table: UnsafeMutablePointer<UInt32>, to counts: KeyCounts, of task: TensorTask, isTwofold: Bool
    ) {
        task.tablesLock.withLock { _ in kernels.add(table, to: counts, isTwofold: isTwofold) }
    }
}

extension TensorMerge {
    /// Whether there are cuts to be found of a score.
    fileprivate func isCounted(_ score: Int) -> Bool { deltas?.terms[score].isCut ?? true }
}
