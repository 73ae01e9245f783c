/// What could not be written of jobs when they ended, the spool's disk being full as a rule, and is tried again at each
/// scan. Confined to the loop.
final class LateEntries {
    /// Entries of each kind; what comes later is in the log alone.
    static let limit = 1000

    /// Why jobs failed.
    private(set) var reasons: [JobName: String] = [:]
    /// How they ended.
    private(set) var statuses: [JobName: JobStatus] = [:]

    func add(_ reason: String, of name: JobName) {
        if reasons.count < Self.limit { reasons[name] = reason }
    }

    func add(_ status: JobStatus) {
        if status.state.isFinal, statuses.count < Self.limit { statuses[status.job] = status }
    }

    /// The job has its reason, or is another one by now.
    func forgetReason(of name: JobName) { reasons[name] = nil }

    /// The job has its status, or is another one by now.
    func forgetStatus(of name: JobName) { statuses[name] = nil }
}
