import StreamIO
import SystemPackage

/// The journal of one merge, `.NAME.journal` beside the output: what is durable, one line a record.
///
/// Append-only; each record is synced before it counts. A tail that a crash tore is cut off when the merge goes on.
/// Whoever holds one has its merge alone: the file is locked, and nobody else may read it, as whoever may read a file
/// may lock it.
final class MergeJournal {
    /// A journal grows by a few hundred bytes every few seconds and by ten for each constant of a tensor; one this
    /// large is not a journal, and none gets larger.
    static let sizeLimit = 64 << 20
    /// Runs that a journal books, at most.
    static let resumptionLimit = 1_000_000
    /// A journal that was opened may have been removed by the process that had it, and another created.
    private static let openLimit = 4

    private let file: OpenFile

    private init(_ file: consuming OpenFile) { self.file = file }

    /// What a journal says.
    struct Content: Hashable, Sendable {
        var identity: MergeIdentity?
        var point = ResumePoint()
        var isComplete = false
        /// What an audit found wrong with what was written.
        var auditDifference: String?
        /// What a part did, once its shards are whole.
        var built: BuiltParts?
        /// Whether there is nothing in it: its merge was not begun.
        var isEmpty = false
        /// Bytes of the records that are whole.
        var validBytes = 0
    }

    /// Begins a journal. The name is durable once the folder is synced.
    ///
    /// - Throws: `EAGAIN` of the operation `lock` where another process has begun one.
    static func create(_ path: FilePath, for identity: MergeIdentity) throws(IOError) -> MergeJournal {
        do throws(IOError) {
            let file = try OpenFile.creating(path, direct: false, permissions: 0o600)
            try file.lock()
            let journal = MergeJournal(file)
            do throws(IOError) {
                try journal.append(.began(identity))
            } catch {
                // A disk is full: what is empty says nothing to whoever comes next.
                try? FileSystem.remove(path)
                throw error
            }
            return journal
        } catch  where error.errno == .fileExists {
            throw IOError("lock", path, .resourceTemporarilyUnavailable)
        }
    }

    /// Writes a journal of a merge that others have made, whole and synced. The name is durable once the folder is synced.
    static func write(
        _ path: FilePath, for identity: MergeIdentity, _ records: [WrittenRecord]
    ) throws(IOError) {
        var bytes = Array(JournalRecord.began(identity).line.utf8)
        for record in records { bytes += JournalRecord.written(record).line.utf8 }
        guard bytes.count <= sizeLimit else {
            throw IOError("write (the journal is too large)", path, .fileTooLarge)
        }
        try FileSystem.replaceAtomically(path, with: bytes)
    }

    /// Opens the journal of a merge that nobody else is at; `nil` where there is none.
    ///
    /// - Throws: `EAGAIN` of the operation `lock` where another process has it.
    static func open(_ path: FilePath) throws(IOError) -> MergeJournal? {
        for _ in 0..<openLimit {
            guard try FileSystem.status(path, followLinks: false) != nil else { return nil }
            do {
                let file = try OpenFile.forUpdating(path, direct: false)
                try file.lock()
                // Earlier versions let everybody read it.
                try file.keepPrivate()
                if try file.isInPlace() { return MergeJournal(file) }
            } catch  where error.errno == .noSuchFileOrDirectory {
                return nil
            }
        }
        throw IOError("lock", path, .resourceTemporarilyUnavailable)
    }

    /// What it says.
    func read() throws(IOError) -> Content { try Self.read(file.path) ?? Content() }

    /// Cuts off what `content` left out, and books another run.
    func resume(after content: Content) throws(IOError) {
        try file.truncate(to: UInt64(content.validBytes))
        try append(.resumed)
    }

    /// Appends a record and waits until it is on the disk.
    func append(_ record: JournalRecord) throws(IOError) {
        let line = Array(record.line.utf8)
        guard try file.status().size.addingSaturated(UInt64(line.count)) <= UInt64(Self.sizeLimit) else {
            throw IOError("append (the journal is full)", file.path, .fileTooLarge)
        }
        try file.append(line)
        try file.sync()
    }

    /// Reads a journal that may be another process's; `nil` where there is none.
    static func read(_ path: FilePath) throws(IOError) -> Content? {
        guard try FileSystem.status(path, followLinks: false) != nil else { return nil }
        let bytes = try FileSystem.readWhole(path, limit: sizeLimit, followLinks: false)
        var content = Content()
        content.isEmpty = bytes.isEmpty
        var rest = bytes[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")),
            let record = JournalRecord(line: rest[..<end]),
            content.add(record)
        {
            rest = rest[(end + 1)...]
            content.validBytes = rest.startIndex
        }
        return content
    }
}

extension MergeJournal.Content {
    /// Takes a record in; false where it cannot follow what came before.
    fileprivate mutating func add(_ record: JournalRecord) -> Bool {
        switch record {
        case .began(let identity):
            guard self.identity == nil else { return false }
            self.identity = identity
        case .resumed:
            guard point.resumptions < MergeJournal.resumptionLimit else { return false }
            point.resumptions += 1
        case .built(let built):
            guard point.offset == 0 else { return false }
            self.built = built
        case .complete:
            // A part may have no shard.
            guard !point.finished.isEmpty || built != nil, point.offset == 0 else { return false }
            isComplete = true
        case .auditFailed(let difference):
            auditDifference = difference
        case .written(let written):
            guard !isComplete, written.shard == point.shard, written.through >= point.offset else {
                return false
            }
            var checksums = point.checksums
            checksums.extend(written)
            guard checksums.byteCount == written.through else { return false }
            for (index, constants) in written.finished.sorted(by: { $0.key < $1.key }) {
                point.finishedTensors.note(constants, at: TensorPlace(shard: written.shard, index: index))
            }
            point.findings.add(written.findings)
            point.statistics = written.statistics
            point.checksums = checksums
            if written.isWhole {
                point.finished.append(point.checksums)
                point.checksums = ChunkChecksums()
                (point.offset, point.tensor, point.constants) = (0, nil, [])
            } else {
                (point.offset, point.tensor, point.constants) =
                    (written.through, written.tensor, written.constants)
            }
        }
        return identity != nil
    }
}
