import Collections
import StreamIO

/// One merge in motion: reads ahead, computes on all threads, writes behind.
///
/// One thread owns all of this and does nothing that takes long; workers get whole chunks, the engine whole
/// transfers. Reads follow one order through the plan, so do sums, and so does output: whoever is first in
/// an order always has, or will get, the buffers it waits for, which is why nothing here can deadlock.
///
/// The methods that read, compute and write are extensions in files of their own.
final class MergePipeline {
    /// Bytes of output and time after which what is written is synced and journalled. Below the promised
    /// 256 MiB and 5 s, as writing goes on while a sync is under way.
    static let syncEveryBytes: UInt64 = 128 << 20
    static let syncEveryNanoseconds: UInt64 = 2_500_000_000
    /// Transfers kept free for writes and syncs.
    static let writeReserve = 16
    /// The longest wait for something to happen, in nanoseconds; then stop requests are looked for.
    private static let longestWait: UInt64 = 500_000_000
    /// Waits in a row that may fail while a merge that has failed waits for its buffers.
    static let failedWaitLimit = 16

    let plan: MergePlan
    let layout: MergeLayout
    let engine: any IOEngine
    let kernels: RowKernels
    let progress: MergeProgress
    let stop: StopRequest
    let environment: PipelineEnvironment
    let inputs: InputFiles
    /// The same files, for what is read of them at once and through the page cache.
    let bufferedInputs: InputFiles
    let workers: WorkerPool<WorkItem, WorkItem>
    let trace: MergeTrace?

    // Buffers
    var supply: SlotSupply
    var slots: BufferPool
    var blocks: BufferPool
    var sums: BufferPool
    var tables: BufferPool

    // Reading
    var schedule: ReadSchedule
    var unsubmittedReads: Deque<PendingRead> = []
    var transfers: [UInt64: TransferUnderWay] = [:]
    var nextToken: UInt64 = 1
    var readsUnderWay = 0
    var bytesUnderWay = 0
    /// Slots of chunks that no worker has had yet.
    var slotsAhead = 0

    // Computing
    /// Tensors with chunks to be measured, in their order.
    var measuring: Deque<TensorTask> = []
    var toEmit: Deque<EmitItem> = []
    /// The one header that is in memory, if one is being written.
    var headerUnderWay: (shard: Int, bytes: [UInt8])?
    var itemsUnderWay = 0

    // Writing
    var outputs: Deque<ShardOutput> = []
    var unsubmittedWrites: Deque<BlockWork> = []
    var durability: Durability
    /// In the weights, by this run and those before.
    var findings: WeightFindings
    var finished: [ChunkChecksums]

    private var completions: [IOCompletion] = []
    private var results: [WorkItem] = []

    init(
        _ plan: MergePlan, layout: MergeLayout, arena: UnsafeMutableRawPointer, engine: any IOEngine,
        kernels: RowKernels, resume: ResumePoint, progress: MergeProgress, stop: StopRequest,
        environment: PipelineEnvironment, trace: MergeTrace?
    ) throws(IOError) {
        self.plan = plan
        self.layout = layout
        self.engine = engine
        self.kernels = kernels
        self.progress = progress
        self.stop = stop
        self.environment = environment
        self.trace = trace
        inputs = InputFiles(plan.inputs, readable: environment.readable)
        bufferedInputs = InputFiles(plan.inputs, readable: environment.readable, direct: false)
        // The threads that compute before those that only help.
        workers = try Self.startWorkers(layout, arena: arena, engine: engine, kernels: kernels, trace: trace)
        let waker = EngineWaker(engine)
        supply = SlotSupply(
            arena, slotBytes: layout.slotBytes, count: layout.slotCount, inputs: layout.mostInputs,
            isQuick: environment.isMemoryQuick, notify: { waker.wake() })
        slots = BufferPool(arena, bufferBytes: layout.slotBytes, count: supply.given)
        blocks = BufferPool(
            arena + layout.blocksOffset, bufferBytes: layout.blockBytes, count: layout.blockCount)
        sums = BufferPool(arena + layout.sumsOffset, bufferBytes: layout.sumsBytes, count: layout.sumsCount)
        tables = BufferPool(
            arena + layout.tablesOffset, bufferBytes: layout.tableBytes, count: layout.tableSetCount)
        schedule = ReadSchedule(
            plan, in: layout, from: resume,
            statistics: environment.takesFigures ? StatisticsRequest(base: plan.base) : nil,
            writes: environment.measured == nil)
        durability = Durability(resume)
        findings = resume.findings
        finished = resume.finished
        completions.reserveCapacity(engine.queueDepth + 1)
    }

    private static func startWorkers(
        _ layout: MergeLayout, arena: UnsafeMutableRawPointer, engine: any IOEngine, kernels: RowKernels,
        trace: MergeTrace?
    ) throws(IOError) -> WorkerPool<WorkItem, WorkItem> {
        let loop = RowLoop(kernels: kernels)
        let scratch = ArenaStretches(base: arena + layout.scratchOffset, byteCount: layout.scratchBytes)
        let waker = EngineWaker(engine)
        return try WorkerPool(count: layout.threads, notify: { waker.wake() }) { item, worker in
            let start = trace?.now() ?? 0
            defer { trace?.add(item.stage, lane: .worker(worker), from: start) }
            return loop.perform(item, scratch: scratch.start(of: worker), scratchBytes: scratch.byteCount)
        }
    }

    /// Merges to the end.
    /// - Returns: the checksums of every shard, in order.
    /// - Throws: `MergeFailure`; nothing is under way any more when it does, and what was written is in the
    ///   journal as far as it could be made durable.
    func run() throws(MergeFailure) -> [ChunkChecksums] {
        let engine = EngineWaker(engine)
        stop.onRequest { engine.wake() }
        defer {
            stop.onRequest(nil)
            supply.close()
            workers.close()
        }
        do throws(MergeFailure) {
            try loop()
            try inputs.checkUnchanged()
            try bufferedInputs.checkUnchanged()
        } catch {
            drain()
            if error.kind == .stopped { try makeDurableBeforeStopping() }
            throw error
        }
        return finished
    }

    private func loop() throws(MergeFailure) {
        try openFirstOutput()
        while true {
            if stop.isRequested { throw MergeFailure.stopped }
            try startReads()
            try dispatch()
            try startWrites()
            try startSync()
            if isFinished { return }
            try waitForSomething()
        }
    }

    /// What was found of whole tensors, those of earlier runs included.
    var constants: FoundConstants { durability.found }

    private var isFinished: Bool {
        schedule.isFinished && toEmit.isEmpty && outputs.isEmpty && itemsUnderWay == 0 && transfers.isEmpty
    }

    /// Waits for the kernel or a worker, then books what they finished.
    private func waitForSomething() throws(MergeFailure) {
        let start = trace?.now() ?? 0
        let cause = waitCause
        do {
            try engine.wait(&completions, timeout: Self.longestWait)
        } catch {
            throw .io(error)
        }
        trace?.add(cause, lane: .merge, from: start)
        trace?.count(reads: readsUnderWay, transfers: engine.pending)
        if !completions.isEmpty { progress.beat() }
        for completion in completions { try book(completion) }
        completions.removeAll(keepingCapacity: true)
        if supply.update() {
            progress.beat()
            slots.grow(to: supply.given)
        }
        workers.collect(into: &results)
        if !results.isEmpty { progress.beat() }
        for result in results { book(result) }
        results.removeAll(keepingCapacity: true)
    }

    /// What a wait that begins now is for.
    private var waitCause: MergeTrace.Stage {
        itemsUnderWay > 0 ? .waitForCompute : readsUnderWay > 0 ? .waitForReads : .waitForWrites
    }

    private func book(_ completion: IOCompletion) throws(MergeFailure) {
        guard let ended = transfers.removeValue(forKey: completion.token) else {
            preconditionFailure("a completion nobody asked for")
        }
        trace?.add(ended.transfer.kind, token: completion.token, from: ended.start)
        switch ended.transfer {
        case .read(let read):
            readsUnderWay -= 1
            bytesUnderWay -= read.buffer.count
            try book(read, completion)
        case .write(let block): try book(block, completion)
        case .sync(let target): try book(target, completion)
        }
    }

    /// Waits until the kernel and the workers let go of every buffer. Errors no longer matter, unless there is nothing
    /// but errors: then closing the workers and the engine waits for what is left, as far as that can be waited for.
    private func drain() {
        unsubmittedReads.removeAll()
        unsubmittedWrites.removeAll()
        var failures = 0
        while engine.pending > 0 || itemsUnderWay > 0 {
            completions.removeAll(keepingCapacity: true)
            do {
                try engine.wait(&completions, timeout: Self.longestWait)
                failures = 0
            } catch {
                failures += 1
                if failures == Self.failedWaitLimit { break }
            }
            for completion in completions {
                guard case .write(let block) = transfers.removeValue(forKey: completion.token)?.transfer
                else {
                    continue
                }
                if completion.errorNumber == 0, completion.bytes >= block.bytes.count { noteWritten(block) }
            }
            workers.collect(into: &results)
            for result in results {
                // What is hashed and written counts as written; the rest is computed again by the next run.
                if case .hash = result { book(result) } else { itemsUnderWay -= 1 }
            }
            results.removeAll(keepingCapacity: true)
        }
        transfers.removeAll()
    }

    func token(for transfer: Transfer) -> UInt64 {
        defer { nextToken += 1 }
        transfers[nextToken] = TransferUnderWay(transfer: transfer, start: trace?.now() ?? 0)
        return nextToken
    }
}
