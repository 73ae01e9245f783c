import StreamIO
import SystemPackage

/// Turns the journals and figures of parts that are whole into those of one merge all of whose shards are written.
struct PartTranscript {
    let plan: MergePlan
    /// Of the whole merge.
    let identity: MergeIdentity
    let division: PartDivision
    let places: PartPlaces

    /// Which part wrote a shard, and its number there.
    private struct Origin {
        var part: Int
        var shard: Int
    }

    /// Writes them, in place of what an earlier run left that did not end.
    ///
    /// - Parameter withStatistics: whether a report is wanted.
    func write(withStatistics: Bool) throws(IOError) {
        // The journal goes first and comes last: by it the rest is found.
        try FileSystem.remove(places.whole.journal)
        try FileSystem.remove(places.whole.statistics)
        do throws(IOError) {
            try writeAnew(withStatistics: withStatistics)
        } catch {
            // A disk that is full gets its space back: all of it can be made again.
            try? FileSystem.remove(places.whole.statistics)
            try? FileSystem.remove(places.whole.journal)
            throw error
        }
    }

    private func writeAnew(withStatistics: Bool) throws(IOError) {
        let origins = origins
        var journals: [PartJournal] = []
        var byteCount = 0
        for (part, share) in division.shares.enumerated() {
            // One without a shard need not have been started.
            guard !share.shards.isEmpty else {
                journals.append(PartJournal())
                continue
            }
            let journal = try PartJournal(reading: places.part(part, of: division.shares.count).journal)
            byteCount += journal.byteCount
            guard byteCount <= MergeJournal.sizeLimit else {
                throw IOError("read (the parts' journals are too large)", places.journals, .fileTooLarge)
            }
            journals.append(journal)
        }
        let statistics = withStatistics ? try writeStatistics(journals, origins) : nil
        var records: [WrittenRecord] = []
        for (shard, origin) in origins.enumerated() {
            for var record in journals[origin.part].records where record.shard == origin.shard {
                record.shard = shard
                record.statistics = statistics
                records.append(record)
            }
        }
        try MergeJournal.write(places.whole.journal, for: identity, records)
        try FileSystem.syncFolder(places.whole.parent)
    }

    private var origins: [Origin] {
        var origins = [Origin](repeating: Origin(part: 0, shard: 0), count: plan.shards.count)
        for (part, share) in division.shares.enumerated() {
            for (number, shard) in share.shards.enumerated() {
                origins[shard] = Origin(part: part, shard: number)
            }
        }
        return origins
    }

    /// Writes the figures of all parts in the plan's order. Their length, whether or not they are all there; `nil`
    /// where a part took none.
    private func writeStatistics(
        _ journals: [PartJournal], _ origins: [Origin]
    ) throws(IOError) -> UInt64? {
        var length: UInt64 = 0
        for (part, share) in division.shares.enumerated() where !share.shards.isEmpty {
            guard let byteCount = journals[part].statistics else { return nil }
            length = length.addingSaturated(byteCount)
        }
        let log = try StatisticsLog.create(places.whole.statistics)
        var offsets = [UInt64](repeating: 0, count: journals.count)
        var isWhole = true
        for (shard, origin) in origins.enumerated() where isWhole {
            let part = places.part(origin.part, of: journals.count)
            guard let byteCount = journals[origin.part].statistics,
                let own = try StatisticsLog.open(part.statistics, byteCount: byteCount)
            else {
                isWhole = false
                break
            }
            var reader = StatisticsLog.Reader(own, from: offsets[origin.part])
            var bytes: [UInt8] = []
            while let record = try reader.next(), record.place.shard == origin.shard {
                offsets[origin.part] = reader.offset
                let place = TensorPlace(shard: shard, index: record.place.index)
                bytes += StatisticsRecord(place: place, statistics: record.statistics).bytes
                guard bytes.count >= Self.pieceBytes else { continue }
                _ = try log.append(bytes)
                bytes.removeAll(keepingCapacity: true)
            }
            _ = try log.append(bytes)
            // `make` of the report says so.
            if reader.isDamaged { isWhole = false }
        }
        guard isWhole, !log.isCut else {
            try FileSystem.remove(places.whole.statistics)
            return length
        }
        return log.byteCount
    }

    /// Figures that are written at a time, in bytes.
    private static let pieceBytes = 1 << 20
}

/// What a part's journal says was written, in order.
private struct PartJournal {
    private(set) var records: [WrittenRecord] = []
    private(set) var byteCount = 0
    /// Bytes of its figures; `nil` where they are not whole.
    var statistics: UInt64? { records.last?.statistics }

    /// Of a part without a shard.
    init() {}

    init(reading path: FilePath) throws(IOError) {
        let bytes = try FileSystem.readWhole(path, limit: MergeJournal.sizeLimit, followLinks: false)
        byteCount = bytes.count
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            // What a process appends that was thought lost is behind the end.
            guard let record = JournalRecord(line: line), record != .complete else { break }
            if case .written(let written) = record { records.append(written) }
        }
    }
}

extension PartPlaces {
    /// Of a part that there is.
    func part(_ index: Int, of count: Int) -> PartialFolder {
        guard let part = MergePart(index: index, count: count) else {
            preconditionFailure("there is no part \(index) of \(count)")
        }
        return self.part(part)
    }
}

extension BuiltParts {
    /// What parts did together.
    ///
    /// - Parameters:
    ///   - parts: of a division, in order.
    ///   - seed: of their audits.
    init(_ parts: [BuiltParts], of division: PartDivision, seed: UInt64) {
        self.init(seconds: parts.map(\.seconds).max() ?? 0, audit: nil)
        let audits = zip(parts, division.shares).filter { !$1.shards.isEmpty }
        guard !audits.isEmpty, audits.allSatisfy({ $0.0.audit != nil }) else { return }
        var all = Audit(
            seed: seed, share: 0, tensors: 0, rows: 0, bytes: 0, tensorsWithoutReference: 0, seconds: 0)
        for case (let part, let share) in audits {
            guard let audit = part.audit else { continue }
            all.share += audit.share * Double(share.bytes) / Double(max(1, division.bytes))
            all.tensors += audit.tensors
            all.rows += audit.rows
            all.bytes += audit.bytes
            all.tensorsWithoutReference += audit.tensorsWithoutReference
            all.seconds = max(all.seconds, audit.seconds)
        }
        all.share = min(1, all.share)
        audit = all
    }
}

extension BuiltParts.Audit {
    /// What is kept of an audit that found no difference.
    init(_ report: AuditReport) {
        self.init(
            seed: report.seed, share: report.share, tensors: report.tensors, rows: report.rows,
            bytes: report.bytes, tensorsWithoutReference: report.tensorsWithoutReference,
            seconds: report.seconds)
    }
}
