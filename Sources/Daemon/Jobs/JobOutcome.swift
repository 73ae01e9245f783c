/// How one run of a job ended.
enum JobOutcome: Hashable, Sendable {
    /// The model is in its place and the config in `done`.
    case done(JobReport)
    /// As asked; what was done is kept.
    case stopped
    case failed(JobFailure)
}

/// What is said of a merged job.
struct JobReport: Hashable, Sendable {
    /// Bytes of the model's weights.
    var outputBytes: UInt64 = 0
    var seconds: Double = 0
    var resumed = false
}

/// Why a run of a job failed.
struct JobFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong (what to do); one line each problem.
    var message: String
    /// Whether the same may work later: a full disk, an I/O error.
    var isRetryable = false
    /// How often the config wants that tried.
    var retries = 0

    var description: String { message }
}
