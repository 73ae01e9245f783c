/// The one order in which a merge reads: tensor by tensor; of a tensor all chunks, then those that were not kept
/// once more for each further phase.
struct ReadSchedule {
    /// A step of the schedule.
    enum Step {
        /// A shard begins: its header is due.
        case shard(Int)
        /// A chunk is to be read for the phase of that index.
        case chunk(TensorTask, Int, phase: Int)
    }

    private let plan: MergePlan
    private let buffers: MergeLayout
    private let resume: ResumePoint
    private let statistics: StatisticsRequest?
    private var nextShard: Int
    /// The tensor that is read: its shard and its place there; past the last shard at the end.
    private var shard: Int
    private var index = 0
    /// Its layout; made when its turn comes, as a plan may have very many.
    private var current: TensorLayout?
    private var task: TensorTask?
    private var chunk = 0
    private var phase = 0

    /// Bytes that the whole merge reads and, unless models are only compared, writes.
    let bytesTotal: UInt64
    /// Of these, what earlier runs have done.
    let bytesDone: UInt64
    /// Tensors that are done already.
    let tensorsDone: Int

    /// - Parameter statistics: where figures are taken, of whole tensors: one that an earlier run was stopped in is read
    ///   from its first row.
    init(
        _ plan: MergePlan, in layout: MergeLayout, from resume: ResumePoint,
        statistics: StatisticsRequest? = nil, writes: Bool = true
    ) {
        self.plan = plan
        self.statistics = statistics
        buffers = layout
        self.resume = resume
        nextShard = resume.shard
        shard = resume.shard
        var whole: UInt64 = 0
        var ahead: UInt64 = 0
        var done = 0
        for (number, shard) in plan.shards.enumerated() {
            let header = writes ? UInt64(shard.headerByteCount) : 0
            whole += header
            if number > resume.shard || number == resume.shard && resume.offset == 0 { ahead += header }
            for (index, tensor) in shard.tensors.enumerated() {
                let all = TensorLayout(tensor, shard: number, index: index, in: layout)
                whole += all.readBytes + (writes ? all.writeBytes : 0)
                let left = Self.layout(
                    tensor, shard: number, index: index, in: layout, from: resume,
                    isWhole: statistics != nil)
                ahead += left.map { $0.readBytes + (writes ? $0.writeBytes : 0) } ?? 0
                if left.map({ $0.chunkCount == 0 }) ?? true { done += 1 }
            }
        }
        tensorsDone = done
        bytesTotal = max(whole, ahead)
        bytesDone = bytesTotal - ahead
        findTensor()
    }

    /// What is still to be done of a tensor; `nil` where an earlier run has done it.
    private static func layout(
        _ tensor: OutputTensor, shard: Int, index: Int, in layout: MergeLayout, from resume: ResumePoint,
        isWhole: Bool
    ) -> TensorLayout? {
        guard shard >= resume.shard else { return nil }
        let offset = shard == resume.shard ? resume.offset : 0
        guard tensor.offset + tensor.byteCount > offset || tensor.byteCount == 0 && offset == 0 else {
            return nil
        }
        if isWhole, tensor.arithmetic != nil || tensor.copiedFormat != nil {
            return TensorLayout(tensor, shard: shard, index: index, in: layout)
        }
        let shape = RowShape(tensor)
        let isUnderWay = offset > tensor.offset
        let firstRow = isUnderWay ? Int(offset - tensor.offset) / max(1, shape.outputRowBytes) : 0
        let constants = constants(resume, of: tensor, index: isUnderWay ? index : nil)
        return TensorLayout(
            tensor, shard: shard, index: index, in: layout,
            firstRow: constants == nil && shape.phases.count > 1 ? 0 : firstRow, knownConstants: constants)
    }

    /// Goes on to the next tensor of which something is to be done, where none is under way.
    private mutating func findTensor() {
        while current == nil, shard < plan.shards.count {
            guard index < plan.shards[shard].tensors.count else {
                (shard, index) = (shard + 1, 0)
                continue
            }
            current = Self.layout(
                plan.shards[shard].tensors[index], shard: shard, index: index, in: buffers, from: resume,
                isWhole: statistics != nil)
            if current == nil { index += 1 }
        }
    }

    /// What the journal knows of the tensor that a merge was stopped in.
    private static func constants(
        _ resume: ResumePoint, of tensor: OutputTensor, index: Int?
    ) -> TensorConstants? {
        guard let index, resume.tensor == index, let merge = tensor.arithmetic else { return nil }
        return TensorConstants(resume.constants, of: merge)
    }

    /// Whether every step has been taken.
    var isFinished: Bool { current == nil && nextShard == plan.shards.count }

    /// The next step, without taking it.
    mutating func peek() -> Step? {
        while true {
            guard let layout = current else {
                return nextShard < plan.shards.count ? .shard(nextShard) : nil
            }
            if nextShard <= layout.shard { return .shard(nextShard) }
            let underWay = task ?? TensorTask(layout, seed: plan.seed, statistics: statistics)
            task = underWay
            if chunk < layout.chunkCount { return .chunk(underWay, chunk, phase: phase) }
            if phase + 1 < layout.phases.count, underWay.keptChunks < layout.chunkCount {
                phase += 1
                chunk = underWay.keptChunks
                continue
            }
            (current, task, chunk, phase) = (nil, nil, 0, 0)
            index += 1
            findTensor()
        }
    }

    /// Takes the step that `peek` returned.
    mutating func advance() {
        switch peek() {
        case .shard: nextShard += 1
        case .chunk: chunk += 1
        case nil: break
        }
    }
}
