/// How often the fetch of a model has failed, and when it is tried again.
///
/// Ten seconds after the first failure, doubled each time, at most five minutes: `limit` attempts in which nothing new
/// came take an hour and a half.
struct FetchAttempts {
    /// Attempts in a row that bring nothing new.
    static let limit = 20
    /// Attempts that bring something else than the hub lists.
    static let damagedLimit = 3

    /// Since something new came.
    private(set) var count: Int
    private var damaged = 0
    /// The most bytes that were there at a time.
    private var most: UInt64 = 0
    private var isNew = false

    init(count: Int = 0) { self.count = count }

    /// Takes note of how much is there.
    mutating func came(_ bytes: UInt64) {
        guard bytes > most else { return }
        isNew = isNew || most > 0
        most = bytes
    }

    /// How long to wait after a failure before the next attempt; `nil` for no other.
    mutating func delay(after failure: FetchFailure) -> Duration? {
        switch failure.kind {
        case .permanent, .full, .stopped: return nil
        case .damaged:
            damaged += 1
            return damaged < Self.damagedLimit ? .zero : nil
        case .passing:
            count = isNew ? 1 : count + 1
            isNew = false
            return count < Self.limit ? RetryDelay.after(attempt: count) : nil
        }
    }
}
