import StreamIO
import Synchronization
import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Where the time of a merge goes, in the Chrome trace event format (chrome://tracing, Perfetto): what each
/// thread did, every transfer from its submission to its completion, and how many were under way.
///
/// Holds at most `limit` events; later ones are counted and dropped.
final class MergeTrace: Sendable {
    /// What a stretch of time was spent on.
    enum Stage: String, Sendable {
        case measure, emit, checksum, hash
        /// What the merge's thread waits for: workers, or, where they have nothing to do, reads, or else writes.
        case waitForCompute = "compute wait"
        case waitForReads = "read wait"
        case waitForWrites = "write wait"
    }

    /// What a transfer does.
    enum TransferKind: String, Sendable {
        case read, write, sync
    }

    /// Whose time it was.
    enum Lane: Hashable, Sendable {
        case merge
        case worker(Int)

        fileprivate var number: Int {
            switch self {
            case .merge: 0
            case .worker(let index): index + 1
            }
        }
    }

    private enum Event {
        case stage(Stage, lane: Int, start: UInt64, end: UInt64)
        case transfer(TransferKind, token: UInt64, start: UInt64, end: UInt64)
        case depth(reads: Int, transfers: Int, at: UInt64)
    }

    private struct Events {
        var list: [Event] = []
        var dropped = 0
    }

    private static let limit = 1 << 18
    private let events = Mutex(Events())
    private let begin = MergeTrace.monotonicTime()

    /// Nanoseconds since the trace began.
    func now() -> UInt64 { Self.monotonicTime() - begin }

    /// Nanoseconds of CLOCK_MONOTONIC, by which other programs' measurements can be laid beside a trace.
    private static func monotonicTime() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// Notes a stretch of time that ends now.
    func add(_ stage: Stage, lane: Lane, from start: UInt64) {
        record(.stage(stage, lane: lane.number, start: start, end: now()))
    }

    /// Notes a transfer that ends now.
    func add(_ kind: TransferKind, token: UInt64, from start: UInt64) {
        record(.transfer(kind, token: token, start: start, end: now()))
    }

    /// Notes how many transfers are under way.
    func count(reads: Int, transfers: Int) {
        record(.depth(reads: reads, transfers: transfers, at: now()))
    }

    private func record(_ event: Event) {
        events.withLock { events in
            if events.list.count < Self.limit { events.list.append(event) } else { events.dropped += 1 }
        }
    }

    /// Writes the trace, replacing an older one.
    func write(to path: FilePath) throws(IOError) {
        let (list, dropped) = events.withLock { ($0.list, $0.dropped) }
        var text = #"{"displayTimeUnit":"ms","otherData":{"dropped":\#(dropped),"begin_ns":\#(begin)},"#
        text += "\"traceEvents\":[\n"
        text += #"{"ph":"M","pid":1,"tid":0,"name":"thread_name","args":{"name":"merge"}}"#
        for event in list {
            text += ",\n"
            switch event {
            case .stage(let stage, let lane, let start, let end):
                text +=
                    #"{"ph":"X","pid":1,"tid":\#(lane),"name":"\#(stage.rawValue)","ts":\#(microseconds(start)),"#
                    + #""dur":\#(microseconds(end - start))}"#
            case .transfer(let kind, let token, let start, let end):
                let common = #""cat":"io","pid":1,"tid":0,"id":\#(token),"name":"\#(kind.rawValue)""#
                text += #"{"ph":"b",\#(common),"ts":\#(microseconds(start))},"# + "\n"
                text += #"{"ph":"e",\#(common),"ts":\#(microseconds(end))}"#
            case .depth(let reads, let transfers, let time):
                text +=
                    #"{"ph":"C","pid":1,"name":"queue","ts":\#(microseconds(time)),"#
                    + #""args":{"reads":\#(reads),"others":\#(transfers - reads)}}"#
            }
        }
        text += "\n]}\n"
        try ResultTarget(path).write(Array(text.utf8))
    }

    private func microseconds(_ nanoseconds: UInt64) -> String {
        let thousandths = String(nanoseconds % 1000)
        return "\(nanoseconds / 1000)." + String(repeating: "0", count: 3 - thousandths.count) + thousandths
    }
}
