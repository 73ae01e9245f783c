import Della

/// A claimed job.
struct Job {
    /// Where it stands.
    enum Phase: Hashable {
        case queued
        case running
        /// Waits for models.
        case fetching
        /// Leaves `active` as soon as the disk lets it.
        case leaving(Departure)
    }

    /// How a job ends that has not been taken out of `active` with its merge.
    enum Departure: Hashable {
        /// Its model is published; what is left to do failed.
        case done
        case failed(JobFailure)
        case cancelled
    }

    let name: JobName
    /// The config's modification time, which orders the jobs; nanoseconds since the epoch.
    var modified: Int64
    /// Whose file the config is: a user's number.
    let owner: UInt32
    var phase = Phase.queued
    /// Not to be started before.
    var notBefore: ContinuousClock.Instant?
    /// Runs that failed and were tried again.
    var attempts = 0
    /// Models that it waits for, and after a start of the daemon, those that it waited for.
    var wants: Set<HubModel> = []
    /// Models that came for it.
    var fetched: Set<HubModel> = []
    /// The file of `incoming` that cancels it, while it runs.
    var cancel: String?
    var status: JobStatus
    /// As it was when the job was taken up: what is said of a merge of which nothing but its last steps was left.
    var earlier: JobStatus?

    init(name: JobName, modified: Int64, owner: UInt32, status: JobStatus) {
        self.name = name
        self.modified = modified
        self.owner = owner
        self.status = status
    }

    /// Oldest first, then by name.
    static func isBefore(_ left: Job, _ right: Job) -> Bool {
        (left.modified, left.name) < (right.modified, right.name)
    }
}
