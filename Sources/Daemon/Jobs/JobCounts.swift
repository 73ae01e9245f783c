import Synchronization

/// The tally of a daemon, which whatever ends a job adds to.
final class JobCounts: Sendable {
    private let counts = Mutex(JobTally())

    var tally: JobTally { counts.withLock { $0 } }

    func count(_ change: (inout JobTally) -> Void) { counts.withLock { change(&$0) } }
}
