import StreamIO
import Synchronization
import SystemPackage

/// Where the time of a merge goes, in the Chrome trace event format (chrome://tracing, Perfetto).
///
/// Holds at most `limit` events; later ones are counted and dropped.
final class MergeTrace: Sendable {
    /// What a stretch of time was spent on.
    enum Stage: String, Sendable {
        case sum, emit, checksum, wait
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
        case depth(reads: Int, transfers: Int, at: UInt64)
    }

    private struct Events {
        var list: [Event] = []
        var dropped = 0
    }

    private static let limit = 1 << 18
    private let events = Mutex(Events())
    private let begin = ContinuousClock.now

    /// Nanoseconds since the trace began.
    func now() -> UInt64 {
        let parts = begin.duration(to: .now).components
        return UInt64(parts.seconds) * 1_000_000_000 + UInt64(parts.attoseconds / 1_000_000_000)
    }

    /// Notes a stretch of time that ends now.
    func add(_ stage: Stage, lane: Lane, from start: UInt64) {
        record(.stage(stage, lane: lane.number, start: start, end: now()))
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
        var text =
            "{\"displayTimeUnit\": \"ms\", \"otherData\": {\"dropped\": \(dropped)}, \"traceEvents\": [\n"
        text += #"{"ph":"M","pid":1,"tid":0,"name":"thread_name","args":{"name":"merge"}}"#
        for event in list {
            text += ",\n"
            switch event {
            case .stage(let stage, let lane, let start, let end):
                text +=
                    #"{"ph":"X","pid":1,"tid":\#(lane),"name":"\#(stage.rawValue)","ts":\#(microseconds(start)),"#
                    + #""dur":\#(microseconds(end - start))}"#
            case .depth(let reads, let transfers, let time):
                text +=
                    #"{"ph":"C","pid":1,"name":"queue","ts":\#(microseconds(time)),"#
                    + #""args":{"reads":\#(reads),"others":\#(transfers - reads)}}"#
            }
        }
        text += "\n]}\n"
        try FileSystem.replaceAtomically(path, with: Array(text.utf8), sync: false)
    }

    private func microseconds(_ nanoseconds: UInt64) -> String {
        let thousandths = String(nanoseconds % 1000)
        return "\(nanoseconds / 1000)." + String(repeating: "0", count: 3 - thousandths.count) + thousandths
    }
}
