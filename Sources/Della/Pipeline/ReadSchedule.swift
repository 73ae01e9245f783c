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

    private let seed: UInt64
    private let layouts: [TensorLayout]
    private let shardCount: Int
    private var nextShard: Int
    private var position = 0
    private var task: TensorTask?
    private var chunk = 0
    private var phase = 0

    /// Bytes that the whole merge reads and writes.
    let bytesTotal: UInt64
    /// Of these, what earlier runs have done.
    let bytesDone: UInt64
    /// Tensors that are done already.
    let tensorsDone: Int

    init(_ plan: MergePlan, in layout: MergeLayout, from resume: ResumePoint) {
        seed = plan.seed
        shardCount = plan.shards.count
        nextShard = resume.shard
        var layouts: [TensorLayout] = []
        var done = plan.shards.prefix(resume.shard).reduce(0) { $0 + $1.tensors.count }
        var headers: UInt64 = 0
        let whole = plan.shards.enumerated().reduce(UInt64(0)) { sum, shard in
            shard.element.tensors.enumerated().reduce(sum + UInt64(shard.element.header.count)) {
                sum, tensor in
                let tensor = TensorLayout(
                    tensor.element, shard: shard.offset, index: tensor.offset, in: layout)
                return sum + tensor.readBytes + tensor.writeBytes
            }
        }
        for (number, shard) in plan.shards.enumerated().dropFirst(resume.shard) {
            let offset = number == resume.shard ? resume.offset : 0
            headers += offset == 0 ? UInt64(shard.header.count) : 0
            for (index, tensor) in shard.tensors.enumerated() {
                guard tensor.offset + tensor.byteCount > offset || tensor.byteCount == 0 && offset == 0 else {
                    done += 1
                    continue
                }
                let shape = RowShape(tensor)
                let isUnderWay = offset > tensor.offset
                let firstRow =
                    isUnderWay ? Int(offset - tensor.offset) / max(1, shape.outputRowBytes) : 0
                let constants = Self.constants(resume, of: tensor, index: isUnderWay ? index : nil)
                layouts.append(
                    TensorLayout(
                        tensor, shard: number, index: index, in: layout,
                        firstRow: constants == nil && shape.phases.count > 1 ? 0 : firstRow,
                        knownConstants: constants))
            }
        }
        self.layouts = layouts
        tensorsDone = done + layouts.count { $0.chunkCount == 0 }
        let ahead = layouts.reduce(headers) { $0 + $1.readBytes + $1.writeBytes }
        bytesTotal = max(whole, ahead)
        bytesDone = bytesTotal - ahead
    }

    /// What the journal knows of the tensor that a merge was stopped in.
    private static func constants(
        _ resume: ResumePoint, of tensor: OutputTensor, index: Int?
    ) -> TensorConstants? {
        guard let index, resume.tensor == index, let merge = tensor.arithmetic else { return nil }
        return TensorConstants(resume.constants, of: merge)
    }

    /// Whether every step has been taken.
    var isFinished: Bool { position == layouts.count && nextShard == shardCount }

    /// The next step, without taking it.
    mutating func peek() -> Step? {
        while true {
            guard position < layouts.count else {
                return nextShard < shardCount ? .shard(nextShard) : nil
            }
            let layout = layouts[position]
            if nextShard <= layout.shard { return .shard(nextShard) }
            let current = task ?? TensorTask(layout, seed: seed)
            task = current
            if chunk < layout.chunkCount { return .chunk(current, chunk, phase: phase) }
            if phase + 1 < layout.phases.count, current.keptChunks < layout.chunkCount {
                phase += 1
                chunk = current.keptChunks
                continue
            }
            (task, chunk, phase) = (nil, 0, 0)
            position += 1
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
