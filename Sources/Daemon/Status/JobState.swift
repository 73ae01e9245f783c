/// What a job is at; the words of `status/NAME.json`.
enum JobState: String, Sendable, CaseIterable {
    case queued, fetching, merging, done, failed, cancelled

    /// Whether nothing will happen any more by itself.
    var isFinal: Bool { self == .done || self == .failed || self == .cancelled }
}
