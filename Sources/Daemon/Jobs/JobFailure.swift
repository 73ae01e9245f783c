/// Why a run of a job failed.
struct JobFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong (what to do); one line each problem.
    var message: String
    /// What `dellad merge` would have ended with; 1 where it has no code for it.
    var exitCode: Int32 = 1
    /// Whether the same may work later: a full disk, an I/O error.
    var isRetryable = false
    /// How often the config wants that tried.
    var retries = 0

    var description: String { message }
}
