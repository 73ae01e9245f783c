/// What is on the disk of one name that is neither active nor waiting, with its times in nanoseconds since the epoch.
struct Remains: Hashable {
    /// When the status or the reason of a failure was written last, which is when the job ended; `nil` where neither
    /// is there to tell.
    var ended: Int64?
    /// When the config was written last: it may have been put right since the job failed.
    var configured: Int64?
    /// Whether the config lies in `failed`, so that a retry would go on with the partial output.
    var isRetryable = false
    /// When the partial output was written last, by its journal where it has one.
    var partial: Int64?

    /// When all that goes with the config in `done` or `failed` was last of use; `nil` where that is not known.
    var entryTime: Int64? {
        ended.map { max($0, configured ?? $0, isRetryable ? partial ?? $0 : $0) }
    }

    func isEntryOlder(than time: Int64) -> Bool { entryTime.map { $0 < time } ?? false }

    /// The partial output of a failed job goes with its config, any other by its own time.
    func isPartialOlder(than time: Int64) -> Bool {
        guard let partial else { return false }
        return isRetryable ? isEntryOlder(than: time) : partial < time
    }
}
