/// What has happened since the daemon started, counted.
struct JobTally: Hashable, Sendable {
    var done = 0
    var failed = 0
    var cancelled = 0
    /// Bytes that ended runs read and wrote.
    var bytesRead: UInt64 = 0
    var bytesWritten: UInt64 = 0
    /// Errors of the disk: of merges that failed by one, and of the spool's own steps.
    var ioErrors = 0
    /// When a job was last done, in seconds since the epoch; `nil` where none is known.
    var lastSuccess: Int64?

    /// Counts a job that ended now.
    mutating func ended(_ state: JobState, at time: Timestamp) {
        switch state {
        case .done:
            done += 1
            lastSuccess = time.seconds
        case .failed: failed += 1
        case .cancelled: cancelled += 1
        case .queued, .fetching, .merging: break
        }
    }
}
