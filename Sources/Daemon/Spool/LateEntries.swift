/// What could not be written of jobs, the spool's disk being full as a rule, and is tried again at each scan. Confined to
/// the loop.
final class LateEntries {
    /// Entries of each kind; what comes later is in the log alone.
    static let limit = 1000

    /// Why jobs failed.
    private(set) var reasons: [JobName: String] = [:]
    /// How they ended that were done.
    private(set) var done: [JobName: JobStatus] = [:]
    /// How the others ended; one of the same name may have been done before.
    private(set) var statuses: [JobName: JobStatus] = [:]
    /// Jobs that have not ended, and whose status says what was.
    private(set) var stale: Set<JobName> = []

    func add(_ reason: String, of name: JobName) {
        if reasons.count < Self.limit { reasons[name] = reason }
    }

    func add(_ status: JobStatus) {
        if !status.state.isFinal {
            stale.insert(status.job)
        } else if status.state == .done {
            if done.count < Self.limit { done[status.job] = status }
        } else if statuses.count < Self.limit {
            statuses[status.job] = status
        }
    }

    /// The job has its reason, or is another one by now.
    func forgetReason(of name: JobName) { reasons[name] = nil }

    /// The job has its status, or is another one by now.
    func forgetStatus(of name: JobName) {
        done[name] = nil
        statuses[name] = nil
        forgetStale(of: name)
    }

    /// The job has ended.
    func forgetStale(of name: JobName) { stale.remove(name) }

    /// The job's config is no more in that folder.
    func forgetStatus(of name: JobName, from folder: Spool.Folder) {
        if folder == .done { done[name] = nil } else { statuses[name] = nil }
    }
}
