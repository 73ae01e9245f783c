import StreamIO
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Where a merge stands: written by the merge, read by whoever shows it, from any thread.
public final class MergeProgress: Sendable {
    /// A consistent-enough copy of the figures; bytes are bytes.
    public struct Snapshot: Sendable, Hashable {
        public var tensorsDone = 0
        public var tensorsTotal = 0
        public var bytesRead: UInt64 = 0
        public var bytesWritten: UInt64 = 0
        /// Bytes that the whole merge reads and writes.
        public var bytesTotal: UInt64 = 0
        /// Bytes already done when the merge was resumed, as part of `bytesTotal`.
        public var bytesResumed: UInt64 = 0
        /// Tensors that were looked at again since all were written; `nil` until then.
        public var tensorsAudited: Int?

        public init() {}

        /// Done, from 0 to 1.
        public var fraction: Double {
            bytesTotal == 0 ? 0 : min(1, Double(bytesRead + bytesWritten + bytesResumed) / Double(bytesTotal))
        }
    }

    private let state = Mutex(Snapshot())
    private let beats = Atomic<UInt64>(0)
    private let observer = Mutex<(@Sendable (Snapshot) -> Void)?>(nil)
    private let warningList = Mutex([String]())

    public init() {}

    /// The figures now.
    public var snapshot: Snapshot { state.withLock { $0 } }

    /// What was found while merging, a line each: no more for a merge of many tensors than for one of few.
    public var warnings: [String] { warningList.withLock { $0 } }

    /// When planning, the kernel or a worker last finished something, in nanoseconds of the monotonic clock; 0 before
    /// the first. A watchdog asks this: it stands still when the ring or a worker is stuck.
    public var lastBeat: UInt64 { beats.load(ordering: .relaxed) }

    /// Notes that something was finished now.
    func beat() {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        beats.store(UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec), ordering: .relaxed)
    }

    func update(_ change: (inout Snapshot) -> Void) {
        let now = state.withLock { figures in
            change(&figures)
            return figures
        }
        observer.withLock { $0 }?(now)
    }

    /// Called after each change, on the merge's thread; for tests that act at a certain moment.
    func onUpdate(_ action: (@Sendable (Snapshot) -> Void)?) { observer.withLock { $0 = action } }

    /// Says what was found until now.
    func warn(_ all: [String]) { warningList.withLock { $0 = all } }
}
