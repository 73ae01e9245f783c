import StreamIO
import SystemPackage

/// The figures of a merge's tensors, `.NAME.statistics` beside the output: records in the plan's order, appended and synced
/// before the journal says that they are there. What is behind is cut off when the merge goes on.
///
/// Confined to the merge's thread.
final class StatisticsLog {
    /// Bytes of a log, at most: a million tensors of two models. What is beyond is left out, and there is no report.
    static let sizeLimit: UInt64 = 512 << 20
    /// Bytes read at a time.
    fileprivate static let readBytes = 1 << 20

    fileprivate let file: OpenFile
    private(set) var byteCount: UInt64
    /// Whether something was left out.
    private(set) var isCut = false

    private init(_ file: consuming OpenFile, byteCount: UInt64) {
        self.file = file
        self.byteCount = byteCount
    }

    /// Begins a log, in place of what an earlier merge left.
    static func create(_ path: FilePath) throws(IOError) -> StatisticsLog {
        if try FileSystem.status(path, followLinks: false) != nil { try FileSystem.remove(path) }
        return StatisticsLog(
            try OpenFile.creating(path, direct: false, permissions: 0o600), byteCount: 0)
    }

    /// Goes on with a log of which `byteCount` bytes count; `nil` where there are not as many.
    static func open(_ path: FilePath, byteCount: UInt64) throws(IOError) -> StatisticsLog? {
        guard let status = try FileSystem.status(path, followLinks: false), status.isRegular,
            status.size >= byteCount
        else { return nil }
        let file = try OpenFile.forUpdating(path, direct: false)
        try file.truncate(to: byteCount)
        return StatisticsLog(file, byteCount: byteCount)
    }

    /// Appends records, and waits until they are on the disk.
    /// - Returns: the bytes of the log.
    func append(_ records: [UInt8]) throws(IOError) -> UInt64 {
        guard !records.isEmpty, !isCut else { return byteCount }
        guard byteCount + UInt64(records.count) <= Self.sizeLimit else {
            isCut = true
            return byteCount
        }
        try file.append(records)
        try file.sync()
        byteCount += UInt64(records.count)
        return byteCount
    }

    /// `append`, for who keeps it.
    var appending: ([UInt8]) throws(IOError) -> UInt64 {
        { (records: [UInt8]) throws(IOError) -> UInt64 in try self.append(records) }
    }

    /// Reads every record in order.
    /// - Returns: false where the log is damaged; what came before was handed out.
    func forEach(_ body: (StatisticsRecord) throws -> Void) throws -> Bool {
        var reader = Reader(self)
        while let record = try reader.next() { try body(record) }
        return !reader.isDamaged
    }
}

extension StatisticsLog {
    /// Reads the records of a log one after the other.
    struct Reader {
        private let log: StatisticsLog
        private var buffer: [UInt8] = []
        /// What was taken of the buffer.
        private var start = 0
        /// Bytes of the log that are behind the buffer.
        private var read: UInt64
        /// Whether the log ended where no record does.
        private(set) var isDamaged = false

        /// Begins where a record does.
        init(_ log: StatisticsLog, from offset: UInt64 = 0) {
            self.log = log
            read = offset
        }

        /// Bytes of the log before the record that is next.
        var offset: UInt64 { read - UInt64(buffer.count - start) }

        /// The next record; `nil` at the end, and where the log is damaged.
        mutating func next() throws(IOError) -> StatisticsRecord? {
            guard !isDamaged, offset < log.byteCount else { return nil }
            isDamaged = true
            guard try fill(StatisticsRecord.headByteCount) else { return nil }
            let head = Array(buffer[start..<start + StatisticsRecord.headByteCount])
            start += StatisticsRecord.headByteCount
            guard let (words, checksum) = StatisticsRecord.head(head), try fill(8 * words),
                let record = StatisticsRecord(
                    body: Array(buffer[start..<start + 8 * words]), checksum: checksum)
            else { return nil }
            start += 8 * words
            isDamaged = false
            return record
        }

        /// Has `count` bytes from `start` on in the buffer, if there are as many.
        private mutating func fill(_ count: Int) throws(IOError) -> Bool {
            while buffer.count - start < count, read < log.byteCount {
                buffer.removeFirst(start)
                start = 0
                let step = Int(min(UInt64(max(StatisticsLog.readBytes, count)), log.byteCount - read))
                let more = try log.file.read(upTo: step, at: read)
                guard !more.isEmpty else { return false }
                buffer += more
                read += UInt64(more.count)
            }
            return buffer.count - start >= count
        }
    }
}
