import StreamIO

extension MergePipeline {
    /// Gives workers what is ready, output before measuring: output frees buffers.
    func dispatch() throws(MergeFailure) {
        // Two items a thread keep it busy; a longer queue would only delay what matters more.
        while itemsUnderWay < 2 * layout.threads {
            if try dispatchOutput() { continue }
            guard dispatchMeasuring() else { return }
        }
    }

    private func dispatchOutput() throws(MergeFailure) -> Bool {
        guard let item = toEmit.first else { return false }
        switch item {
        case .header(let shard, let range):
            let output = try output(of: shard)
            let place = UInt64(range.lowerBound)..<UInt64(range.upperBound)
            guard let window = output.window(for: place, from: &blocks) else { return false }
            header(of: shard)[range].withUnsafeBytes { bytes in
                guard let start = bytes.baseAddress else { return }
                window.copy(start, count: range.count, at: place.lowerBound)
            }
            if range.upperBound == plan.shards[shard].headerByteCount { headerUnderWay = nil }
            toEmit.removeFirst()
            noteFilled(place, of: output)
        case .rows(let work):
            // Once the tensor is settled no worker has the chunk any more: it may be looked at.
            guard work.task.isSettled, work.readsPending == 0 else { return false }
            guard environment.measured == nil else {
                toEmit.removeFirst()
                noteNotAhead(work)
                submit(.look(work))
                return true
            }
            let output = try output(of: work.layout.shard)
            let place = work.layout.outputRange(work.rows)
            guard let window = output.window(for: place, from: &blocks) else { return false }
            work.window = window
            toEmit.removeFirst()
            durability.noteConstants(of: work.task)
            noteNotAhead(work)
            submit(.emit(work))
        }
        return true
    }

    /// Starts the first chunk that can be measured: of the first tensor, unless its phase waits for another's end.
    private func dispatchMeasuring() -> Bool {
        for task in measuring {
            // In the order of the tensors: who is first has tables, or will get them.
            guard takeTables(task) else { continue }
            guard let work = task.nextToMeasure, work.readsPending == 0, let buffer = sums.take() else {
                continue
            }
            task.removeNextToMeasure()
            work.sumsBuffer = buffer
            work.sums = sums[buffer].bindMemory(
                to: Double.self, capacity: layout.sumsBytes / MemoryLayout<Double>.stride)
            noteNotAhead(work)
            submit(.measure(work))
            return true
        }
        return false
    }

    /// Gives a tensor the tables that its phase counts in; false where there are none left.
    private func takeTables(_ task: TensorTask) -> Bool {
        guard task.takesTables, task.tables == nil else { return true }
        guard let buffer = tables.take() else { return false }
        task.tablesBuffer = buffer
        task.tables = tables[buffer]
        task.clearTables()
        return true
    }

    private func noteNotAhead(_ work: ChunkWork) {
        guard work.isAhead else { return }
        work.isAhead = false
        slotsAhead -= work.slots.count
    }

    /// The header that is written: made for its shard, and kept until it is out.
    private func header(of shard: Int) -> [UInt8] {
        if let headerUnderWay, headerUnderWay.shard == shard { return headerUnderWay.bytes }
        headerUnderWay = nil
        let bytes = plan.shards[shard].header
        headerUnderWay = (shard, bytes)
        return bytes
    }

    private func submit(_ item: WorkItem, isUrgent: Bool = false) {
        itemsUnderWay += 1
        workers.submit(item, isUrgent: isUrgent)
    }

    /// Books what a worker has finished.
    func book(_ result: WorkItem) {
        itemsUnderWay -= 1
        switch result {
        case .measure(let work): bookMeasured(work)
        case .emit(let work): bookOutput(work)
        case .look(let work): bookLookedAt(work)
        case .checksum(let block): unsubmittedWrites.append(block)
        case .hash(let block, let hash): bookHash(block, hash)
        }
    }

    /// Adds what was measured in the order of the rows, which is not the order in which workers finish.
    private func bookMeasured(_ work: ChunkWork) {
        let task = work.task
        // A position is looked for once all chunks before are added.
        let isLocating = task.isLocating
        if !isLocating { releaseUnlessKept(work) }
        let loop = RowLoop(kernels: kernels)
        for next in task.addMeasured(work, position: loop.position) {
            if isLocating { releaseUnlessKept(next) }
            guard let buffer = next.sumsBuffer else { continue }
            sums.release(buffer)
            (next.sums, next.sumsBuffer) = (nil, nil)
        }
        if !task.takesTables, !task.keepsTables { releaseTables(of: task) }
        if task.isSettled { measuring.removeAll { $0 === task } }
    }

    private func releaseTables(of task: TensorTask) {
        guard let buffer = task.tablesBuffer else { return }
        tables.release(buffer)
        (task.tables, task.tablesBuffer) = (nil, nil)
    }

    private func releaseUnlessKept(_ work: ChunkWork) {
        if work.chunk >= work.task.keptChunks { releaseSlots(of: work) }
    }

    /// Of models that are only compared.
    private func bookLookedAt(_ work: ChunkWork) {
        releaseSlots(of: work)
        let task = work.task
        task.add(work.found)
        task.chunksEmitted += 1
        guard task.chunksEmitted == work.layout.chunkCount else { return }
        progress.update { $0.tensorsDone += 1 }
        environment.measured?(
            TensorPlace(shard: work.layout.shard, index: work.layout.index), task.finishedStatistics)
        findings.add(task.findings)
        progress.warn(findings.warnings(modelNames: plan.modelNames))
    }

    private func bookOutput(_ work: ChunkWork) {
        releaseSlots(of: work)
        let task = work.task
        task.add(work.found)
        guard let output = outputs.first(where: { $0.index == work.layout.shard }) else {
            preconditionFailure("a shard was closed before its rows were written")
        }
        noteFilled(work.layout.outputRange(work.rows), of: output)
        task.chunksEmitted += 1
        guard task.chunksEmitted == work.layout.chunkCount else { return }
        releaseTables(of: task)
        progress.update { $0.tensorsDone += 1 }
        if let statistics = task.finishedStatistics { durability.note(statistics, of: work.layout) }
        let found = task.findings
        guard !found.isEmpty else { return }
        findings.add(found)
        progress.warn(findings.warnings(modelNames: plan.modelNames))
        durability.note(found, in: work.layout)
    }

    private func releaseSlots(of work: ChunkWork) {
        for slot in work.slots { slots.release(slot) }
    }

    /// Notes that output is in its blocks; those that are full go to be summed, then written.
    private func noteFilled(_ range: Range<UInt64>, of output: ShardOutput) {
        for number in output.fill(range) {
            if let block = work(number, of: output) { submit(.checksum(block)) }
        }
        startHashing(output)
    }

    private func work(_ number: Int, of output: ShardOutput) -> BlockWork? {
        guard let block = output.blocks[number] else { return nil }
        let start = Int(block.range.lowerBound - UInt64(number * layout.blockBytes))
        let bytes = UnsafeMutableRawBufferPointer(
            start: blocks[block.buffer] + start, count: block.range.count)
        return BlockWork(shard: output.index, number: number, bytes: bytes)
    }

    /// Has the next block of a shard hashed if it is full: one at a time, as each goes on from the one before.
    ///
    /// A block is kept until then. It is never kept for good: what comes before it in the file got its buffer
    /// earlier, so it is filled without waiting for another, and hashed.
    private func startHashing(_ output: ShardOutput) {
        guard let next = output.startHashing(), let block = work(next.number, of: output) else { return }
        // Ahead of other work: only one worker can do this at a time, and all output goes through it.
        submit(.hash(block, next.hash), isUrgent: true)
    }

    /// Books a block that is hashed, and goes on with the next.
    func bookHash(_ block: BlockWork, _ hash: SHA256) {
        guard let output = outputs.first(where: { $0.index == block.shard }) else {
            preconditionFailure("a shard was closed before it was hashed")
        }
        if let buffer = output.hashed(block.number, hash) { blocks.release(buffer) }
        startHashing(output)
    }
}
