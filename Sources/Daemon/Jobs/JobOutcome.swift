import Della

/// How one run of a job ended.
enum JobOutcome: Hashable, Sendable {
    /// The model is in its place and the config in `done`.
    case done(JobReport)
    /// As asked; what was done is kept.
    case stopped
    case failed(JobFailure)
    /// These models are missing and nothing else is wrong; the failure that it is where they cannot be fetched.
    case missing([HubModel], JobFailure)
}
