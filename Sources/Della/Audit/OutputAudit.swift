import StreamIO
import SystemPackage

/// Checks a merged folder against its plan: computes a random sample of every tensor's rows anew from the inputs with
/// the plain reference, and compares bit for bit.
///
/// Reads what the disk holds, through the page cache, which it drops again. Of the folder it reads the shards alone:
/// whether they are whole is what checksums say. In memory is one shard's header, and what `TensorAudit` takes.
public struct OutputAudit {
    /// How much is looked at.
    public enum Extent: Hashable, Sendable {
        /// A row of every tensor, and that share of all rows.
        case share(Double)
        /// A row of every tensor, and as many of the rest as can be done in that many seconds since the start.
        case seconds(Double)
    }

    /// Of the time that is left, how much is planned for: rows differ in what they cost.
    private static let caution = 0.8

    private let plan: MergePlan
    private let folder: FilePath
    private let fileNames: [String]
    private let constants: (TensorPlace, OutputTensor) -> TensorConstants?
    private let seed: UInt64
    private let watch: AuditWatch
    private let files: PlainFiles

    /// - Parameters:
    ///   - readable: where the models' files may lie.
    ///   - fileNames: the shards, in order; they hold the plan's tensors in its order, wherever they are cut.
    ///   - constants: what the record has of a tensor.
    ///   - seed: selects the rows.
    init(
        _ plan: MergePlan, readable: ReadableFolders, folder: FilePath, fileNames: [String], seed: UInt64,
        progress: MergeProgress, stop: StopRequest,
        constants: @escaping (TensorPlace, OutputTensor) -> TensorConstants?
    ) {
        self.plan = plan
        self.folder = folder
        self.fileNames = fileNames
        self.constants = constants
        self.seed = seed
        watch = AuditWatch(progress: progress, stop: stop)
        files = PlainFiles(
            files: InputFiles(plan.inputs, readable: readable, direct: false), watch: watch)
    }

    /// Looks at the folder, to the end or the first difference.
    /// - Throws: `MergeFailure`: `stopped`, `inputChanged`, or an I/O error.
    public func perform(_ extent: Extent) throws(MergeFailure) -> AuditReport {
        let start = ContinuousClock.now
        var report = AuditReport(seed: seed, share: 0)
        switch extent {
        case .share(let share):
            report.share = share
            try walk(into: &report, drawsOneAlone: share < 1, share: share, until: nil)
        case .seconds(let seconds):
            try walk(into: &report, drawsOneAlone: true, share: 0, until: nil)
            let spent = start.duration(to: .now).seconds
            let left = (seconds - spent) * Self.caution
            let without = report.tensorsWithoutReference
            let all = Double(plan.shards.reduce(0) { $0 + $1.byteCount })
            if report.difference == nil, left > 0, spent > 0, all > 0 {
                report.share = min(1, left / spent * Double(report.bytes) / all)
                try walk(
                    into: &report, drawsOneAlone: false, share: report.share, until: start + .seconds(seconds)
                )
                report.tensorsWithoutReference = without
            }
        }
        // Of files that changed meanwhile nothing can be said.
        try files.checkUnchanged()
        report.seconds = start.duration(to: .now).seconds
        return report
    }

    /// Goes through the tensors once.
    private func walk(
        into report: inout AuditReport, drawsOneAlone: Bool, share: Double,
        until end: ContinuousClock.Instant?
    ) throws(MergeFailure) {
        var places = plan.places.makeIterator()
        var position = 0
        let count = plan.shards.reduce(0) { $0 + $1.tensors.count }
        watch.progress.update { figures in
            figures.tensorsTotal = count
            figures.tensorsAudited = figures.tensorsAudited ?? 0
        }
        for name in fileNames {
            let shard = try AuditedShard(folder.appending(name), watch: watch)
            for entry in shard.entries {
                if let end, ContinuousClock.now > end { return }
                guard let place = places.next() else {
                    report.difference = unexpected(entry, in: shard.path)
                    return
                }
                let tensor = plan.shards[place.shard].tensors[place.index]
                report.difference = misfit(entry, tensor, in: shard.path)
                if report.difference == nil {
                    let difference = try look(
                        at: tensor, place, position, shard, entry, drawsOneAlone: drawsOneAlone, share: share,
                        until: end, &report)
                    report.difference = difference
                }
                if report.difference != nil { return }
                position += 1
                report.tensors = max(report.tensors, position)
                // A second walk begins at the first tensor again.
                let audited = report.tensors
                watch.progress.update { $0.tensorsAudited = audited }
            }
        }
        if let place = places.next() {
            report.difference = AuditDifference(
                tensor: plan.shards[place.shard].tensors[place.index].name, file: folder,
                place: .layout(expected: "one", found: "no such tensor"))
        }
    }

    private func look(
        at tensor: OutputTensor, _ place: TensorPlace, _ position: Int, _ shard: borrowing AuditedShard,
        _ entry: AuditedShard.Entry, drawsOneAlone: Bool, share: Double, until end: ContinuousClock.Instant?,
        _ report: inout AuditReport
    ) throws(MergeFailure) -> AuditDifference? {
        let audit = TensorAudit(
            plan: plan, files: files, tensor: tensor, recorded: constants(place, tensor))
        let sample = AuditSample(
            rowCount: audit.rowCount, rowLength: audit.rowLength, position: position, seed: seed)
        return try audit.difference(
            in: shard, entry, sample.ranges(drawsOneAlone: drawsOneAlone, share: share), isWhole: share >= 1,
            until: end, into: &report)
    }

    // MARK: Layout

    private func misfit(
        _ entry: AuditedShard.Entry, _ tensor: OutputTensor, in file: FilePath
    ) -> AuditDifference? {
        let isFit = entry.name == tensor.name && entry.type == tensor.type && entry.shape == tensor.shape
        guard !isFit else { return nil }
        return AuditDifference(
            tensor: tensor.name, file: file,
            place: .layout(
                expected: Self.described(tensor.name, tensor.type, tensor.shape),
                found: Self.described(entry.name, entry.type, entry.shape)))
    }

    private func unexpected(_ entry: AuditedShard.Entry, in file: FilePath) -> AuditDifference {
        AuditDifference(
            tensor: entry.name, file: file,
            place: .layout(
                expected: "no such tensor", found: Self.described(entry.name, entry.type, entry.shape)))
    }

    private static func described(_ name: String, _ type: ElementType, _ shape: [Int]) -> String {
        "\(name), \(type.rawValue) \(shape)"
    }
}

extension MergePlan {
    /// Where its tensors are, in order.
    fileprivate var places: some Sequence<TensorPlace> {
        shards.indices.lazy.flatMap { shard in
            shards[shard].tensors.indices.lazy.map { TensorPlace(shard: shard, index: $0) }
        }
    }
}
