import StreamIO

/// Decides when output is synced, and what the journal says afterwards. Confined to the merge's thread.
struct Durability {
    let resume: ResumePoint
    private(set) var syncedThrough: UInt64
    private(set) var isSyncing = false
    /// What was found in tensors whose output is not durable yet, and where that ends: the next run would find it again.
    private var findings: [(shard: Int, end: UInt64, findings: WeightFindings)] = []
    /// Figures of such tensors, as they are kept.
    private var statistics: [(shard: Int, end: UInt64, bytes: [UInt8])] = []
    private var lastSync = ContinuousClock.now
    private var checksumsRecorded: Int
    /// Tensors whose output has begun: where they lie, and what their phases have found.
    private var underWay: [(shard: Int, index: Int, range: Range<UInt64>, constants: [UInt32])] = []
    /// What was found of tensors, for the record of the merge: a few words each.
    private(set) var found: FoundConstants

    init(_ resume: ResumePoint) {
        self.resume = resume
        syncedThrough = resume.offset
        checksumsRecorded = resume.checksums.complete.count
        found = resume.finishedTensors
    }

    /// Remembers a tensor's constants until its output is durable.
    mutating func noteConstants(of task: TensorTask) {
        let layout = task.layout
        guard underWay.last?.index != layout.index || underWay.last?.shard != layout.shard else { return }
        let tensor = layout.tensor
        underWay.append(
            (
                layout.shard, layout.index, tensor.offset..<tensor.offset + tensor.byteCount,
                task.constants.words
            ))
        if let constants = task.constantsToRecord {
            found.note(constants, at: TensorPlace(shard: layout.shard, index: layout.index))
        }
    }

    /// Remembers what was found in a tensor until its output is durable.
    mutating func note(_ findings: WeightFindings, in layout: TensorLayout) {
        self.findings.append((layout.shard, layout.tensor.offset + layout.tensor.byteCount, findings))
    }

    /// Remembers the figures of a tensor until its output is durable.
    mutating func note(_ statistics: TensorStatistics, of layout: TensorLayout) {
        let place = TensorPlace(shard: layout.shard, index: layout.index)
        self.statistics.append(
            (
                layout.shard, layout.tensor.offset + layout.tensor.byteCount,
                StatisticsRecord(place: place, statistics: statistics).bytes
            ))
    }

    /// The figures of the tensors that are durable with a target, in the plan's order.
    mutating func takeStatistics(_ target: SyncTarget) -> [UInt8] {
        var taken: [(end: UInt64, bytes: [UInt8])] = []
        statistics.removeAll { entry in
            let isDurable = entry.shard == target.shard && entry.end <= target.through
            if isDurable { taken.append((entry.end, entry.bytes)) }
            return isDurable
        }
        return taken.sorted { $0.end < $1.end }.flatMap(\.bytes)
    }

    /// What was found in the tensors that are durable with a target.
    private mutating func takeFindings(_ target: SyncTarget) -> WeightFindings {
        var taken = WeightFindings()
        findings.removeAll { entry in
            let isDurable =
                entry.shard < target.shard || entry.shard == target.shard && entry.end <= target.through
            if isDurable { taken.add(entry.findings) }
            return isDurable
        }
        return taken
    }

    /// Whether so much was written, or so long ago, that it is to be synced.
    func isDue(_ writtenThrough: UInt64) -> Bool {
        guard writtenThrough > syncedThrough else { return false }
        return writtenThrough - syncedThrough >= MergePipeline.syncEveryBytes
            || lastSync.duration(to: .now) >= .nanoseconds(MergePipeline.syncEveryNanoseconds)
    }

    /// Notes that what a shard has on disk is being synced.
    mutating func begin(_ output: ShardOutput) -> SyncTarget {
        isSyncing = true
        return SyncTarget(
            shard: output.index, through: output.writtenThrough, isWhole: output.isWritten,
            checksums: output.checksums)
    }

    /// Lets go of the tensors that are whole with this, and returns what was found of them.
    private mutating func takeFinished(_ target: SyncTarget) -> [Int: TensorConstants] {
        var finished: [Int: TensorConstants] = [:]
        underWay.removeAll { tensor in
            guard tensor.shard == target.shard, tensor.range.upperBound <= target.through else {
                return false
            }
            finished[tensor.index] = found[TensorPlace(shard: tensor.shard, index: tensor.index)]
            return true
        }
        return finished
    }

    /// The record that a completed sync allows.
    ///
    /// - Parameter statistics: bytes of figures that are durable with it; `nil` where none are taken.
    mutating func end(_ target: SyncTarget, statistics: UInt64?) -> JournalRecord {
        isSyncing = false
        lastSync = .now
        let current = underWay.last { $0.shard == target.shard && $0.range.contains(target.through) }
        let isWithin = current.map { $0.range.lowerBound < target.through } ?? false
        let record = WrittenRecord(
            shard: target.shard, through: target.through, isWhole: target.isWhole,
            newChecksums: Array(target.checksums.complete.dropFirst(checksumsRecorded)),
            partial: target.checksums.partial, partialBytes: target.checksums.partialBytes,
            sha256: target.checksums.sha256, tensor: isWithin ? current?.index : nil,
            constants: isWithin ? current?.constants ?? [] : [],
            finished: takeFinished(target), findings: takeFindings(target),
            statistics: statistics)
        syncedThrough = target.isWhole ? 0 : target.through
        checksumsRecorded = target.isWhole ? 0 : target.checksums.complete.count
        return .written(record)
    }
}
