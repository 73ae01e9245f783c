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
        /// The stage of a recipe that is under way, whose other stages are in all figures; `nil` for other merges.
        public var stage: Stage?

        public init() {}

        /// Done, from 0 to 1.
        public var fraction: Double {
            bytesTotal == 0
                ? 0 : min(1, Double(bytesRead + bytesWritten + bytesResumed) / Double(bytesTotal))
        }
    }

    /// One of the merges of a recipe.
    public struct Stage: Sendable, Hashable {
        /// As the recipe calls it; empty for a result without a name.
        public var name: String
        /// From 1.
        public var number: Int
        /// Of how many.
        public var count: Int

        public init(name: String, number: Int, count: Int) {
            (self.name, self.number, self.count) = (name, number, count)
        }
    }

    /// What a merge has to do.
    struct Work: Sendable, Hashable {
        var tensors = 0
        /// To be read and written.
        var bytes: UInt64 = 0
    }

    /// The merge under way, and of the other stages of its recipe what they have done and will.
    private struct Figures {
        var own = Snapshot()
        var earlier = Snapshot()
        /// Of this stage, as far as it has not said so itself.
        var expected = Work()
        /// Of later stages.
        var ahead = Work()

        var all: Snapshot {
            guard own.stage != nil else { return own }
            var all = own
            let isBegun = own.bytesTotal > 0
            all.tensorsDone += earlier.tensorsDone
            all.tensorsTotal += earlier.tensorsTotal + ahead.tensors + (isBegun ? 0 : expected.tensors)
            all.bytesRead += earlier.bytesRead
            all.bytesWritten += earlier.bytesWritten
            all.bytesTotal += earlier.bytesTotal + ahead.bytes + (isBegun ? 0 : expected.bytes)
            all.bytesResumed += earlier.bytesResumed
            all.tensorsAudited = own.tensorsAudited.map { $0 + earlier.tensorsDone }
            return all
        }
    }

    private let state = Mutex(Figures())
    private let beats = Atomic<UInt64>(0)
    private let observer = Mutex<(@Sendable (Snapshot) -> Void)?>(nil)
    private let warningList = Mutex((earlier: [String](), own: [String]()))

    private let reportLines = Mutex([String]())

    public init() {}

    /// What the report of the merged model says in a few lines, once it is made: it is not lost where the last steps
    /// fail.
    public var report: [String] { reportLines.withLock { $0 } }

    func note(report lines: [String]) { reportLines.withLock { $0 = lines } }

    /// The figures now.
    public var snapshot: Snapshot { state.withLock { $0.all } }

    /// What was found while merging, a line each: no more for a merge of many tensors than for one of few.
    public var warnings: [String] { warningList.withLock { $0.earlier + $0.own } }

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
            change(&figures.own)
            return figures.all
        }
        observer.withLock { $0 }?(now)
    }

    /// Another stage of a recipe begins.
    ///
    /// - Parameters:
    ///   - expected: what it has to do, until it says so itself.
    ///   - ahead: what the stages after it have to do.
    ///   - isMade: whether an earlier run did it.
    func begin(_ stage: Stage, expected: Work, ahead: Work, isMade: Bool = false) {
        let now = state.withLock { figures in
            let last = figures.own
            figures.earlier.tensorsDone += last.tensorsDone
            figures.earlier.tensorsTotal += last.tensorsTotal
            figures.earlier.bytesRead += last.bytesRead
            figures.earlier.bytesWritten += last.bytesWritten
            figures.earlier.bytesTotal += last.bytesTotal
            figures.earlier.bytesResumed += last.bytesResumed
            figures.own = Snapshot()
            figures.own.stage = stage
            (figures.expected, figures.ahead) = (expected, ahead)
            if isMade {
                (figures.own.tensorsDone, figures.own.tensorsTotal) = (expected.tensors, expected.tensors)
                (figures.own.bytesTotal, figures.own.bytesResumed) = (expected.bytes, expected.bytes)
            }
            return figures.all
        }
        warningList.withLock { $0 = ($0.earlier + $0.own, []) }
        observer.withLock { $0 }?(now)
    }

    /// Called after each change, on the merge's thread; for tests that act at a certain moment.
    func onUpdate(_ action: (@Sendable (Snapshot) -> Void)?) { observer.withLock { $0 = action } }

    /// Says what was found until now.
    func warn(_ all: [String]) { warningList.withLock { $0.own = all } }
}
