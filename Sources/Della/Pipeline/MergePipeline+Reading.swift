import StreamIO
import SystemPackage

extension MergePipeline {
    /// Starts as many reads as there are buffers and places in the queue.
    func startReads() throws(MergeFailure) {
        while true {
            while let read = unsubmittedReads.first {
                guard
                    readsUnderWay < layout.readsUnderWayLimit
                        || bytesUnderWay + read.buffer.count <= layout.bytesUnderWayLimit,
                    engine.pending + Self.writeReserve < engine.queueDepth
                else { return }
                unsubmittedReads.removeFirst()
                let file = try inputs.reference(read.file)
                readsUnderWay += 1
                bytesUnderWay += read.buffer.count
                engine.submit(
                    IORequest(
                        .read, file: file, offset: read.offset, buffer: read.buffer,
                        token: token(for: .read(read))))
            }
            guard try scheduleNext() else { return }
        }
    }

    /// Takes the next step of the schedule; false where there is none or no room for it.
    private func scheduleNext() throws(MergeFailure) -> Bool {
        switch schedule.peek() {
        case nil: return false
        case .shard(let shard):
            schedule.advance()
            guard environment.measured == nil else { return true }
            let header = plan.shards[shard].headerByteCount
            for start in stride(from: 0, to: header, by: layout.blockBytes) {
                toEmit.append(
                    .header(shard: shard, range: start..<min(start + layout.blockBytes, header)))
            }
            return true
        case .chunk(let task, let chunk, let phase):
            let count = task.layout.inputs.count
            guard slotsAhead == 0 || slotsAhead + count <= layout.slotsAheadLimit else { return false }
            if phase == 0 { limitKept(task, before: chunk) }
            if slots.available < count {
                demand(min(slots.count + count, layout.slotsAheadLimit + 2 * count))
            }
            guard slots.available >= count else { return false }
            schedule.advance()
            if chunk == 0, phase == 0 {
                try prepare(task)
                try recountWritten(task)
            }
            add(task, chunk: chunk, phase: phase)
            return true
        }
    }

    /// Asks for the slots that keep a tensor from phase to phase. Where they are slow to come, what there are no slots
    /// for by now is not kept.
    private func limitKept(_ task: TensorTask, before chunk: Int) {
        guard chunk < task.keptChunks, slots.count < layout.slotCount else { return }
        let count = task.layout.inputs.count
        let streaming = layout.streamingChunks(of: slots.count / count)
        demand((task.keptChunks + streaming) * count)
        guard !supply.isQuick, (chunk + 1 + streaming) * count > slots.count else { return }
        let again = task.keepOnly(chunk)
        progress.update { $0.bytesTotal += again }
    }

    /// Asks for slots, and takes those that are given at once.
    private func demand(_ count: Int) {
        supply.demand(count)
        slots.grow(to: supply.given)
    }

    private func add(_ task: TensorTask, chunk: Int, phase: Int) {
        let layout = task.layout
        let rows = layout.rows(ofChunk: chunk)
        let taken = layout.inputs.map { _ in
            guard let slot = slots.take() else { preconditionFailure("slots were counted") }
            return slot
        }
        let starts = taken.map { slots[$0] }
        let places = InputPlace.of(layout, rows: rows, slots: starts)
        let work = ChunkWork(
            task, chunk: chunk, slots: taken, starts: starts, places: places, phase: phase)
        var reads: [PendingRead] = []
        for (input, place) in places.enumerated() {
            let booked = layout.inputRowBytes[input] * rows.count
            precondition(
                place.staged.map { $0.byteCount <= self.layout.slotBytes } ?? true,
                "rows that pass the end of their slot")
            if place.reads.isEmpty { progress.update { $0.bytesRead += UInt64(booked) } }
            for (index, read) in place.reads.enumerated() {
                reads.append(
                    PendingRead(
                        work: work, input: input, file: read.file, offset: read.offset,
                        buffer: UnsafeMutableRawBufferPointer(
                            start: starts[input] + read.start, count: read.byteCount),
                        needed: read.needed, booked: index == 0 ? booked : 0))
            }
        }
        work.readsPending = reads.count
        unsubmittedReads.append(contentsOf: reads)
        slotsAhead += taken.count
        let isKept = phase == 0 && chunk < task.keptChunks
        if isKept || layout.phases[phase] == .emit { toEmit.append(.rows(work)) }
        guard layout.phases[phase] != .emit else { return }
        task.addToMeasure(work)
        if measuring.last !== task { measuring.append(task) }
    }

    /// Books a read that has ended.
    func book(_ read: PendingRead, _ completion: IOCompletion) throws(MergeFailure) {
        if completion.errorNumber != 0 {
            throw .io(IOError("read", plan.inputs[read.file].path, Errno(rawValue: completion.errorNumber)))
        }
        guard completion.bytes >= read.needed else {
            throw inputs.truncated(read.file, tensor: read.work.layout.tensor.name)
        }
        read.work.readsPending -= 1
        progress.update { $0.bytesRead += UInt64(read.booked) }
    }
}
