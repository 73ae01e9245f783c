/// Decides when the service manager hears that the daemon is alive: an idle daemon by its loop's turning, one
/// that merges only while the merge moves. A stuck ring or worker silences it.
struct Watchdog: Hashable {
    /// What moves while a merge works. Equal twice: nothing has.
    struct Pulse: Hashable {
        /// Nanoseconds; when the kernel or a worker last finished something.
        var lastBeat: UInt64 = 0
        var bytesRead: UInt64 = 0
        var bytesWritten: UInt64 = 0
        /// Another job is other work.
        var job = ""
    }

    /// How long the service manager waits.
    let interval: Duration
    private var pulse: Pulse?
    private var moved: ContinuousClock.Instant
    private var fed: ContinuousClock.Instant?

    /// `nil` where nobody watches.
    init?(interval: Duration?, now: ContinuousClock.Instant) {
        guard let interval, interval > .zero else { return nil }
        self.interval = interval
        moved = now
    }

    /// How often the loop has to turn.
    var period: Duration { interval / 4 }

    /// Whether to feed the watchdog now.
    ///
    /// Work that stands still is fed for half an interval: a disk may take its time. With the interval that the service manager waits itself, a merge that is stuck ends after
    /// at most one and a half.
    ///
    /// - Parameter pulse: the merge's; `nil` where none is under way.
    mutating func isDue(pulse: Pulse?, now: ContinuousClock.Instant) -> Bool {
        if pulse != self.pulse || pulse == nil { moved = now }
        self.pulse = pulse
        guard now - moved <= interval / 2 else { return false }
        if let fed, now - fed < period { return false }
        fed = now
        return true
    }
}
