import Glibc

/// Time that no clock setting changes.
enum MonotonicClock {
    /// Nanoseconds since some moment.
    static var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// The moment that is `timeout` nanoseconds away; `nil` for never.
    static func deadline(_ timeout: UInt64?) -> UInt64? {
        timeout.map { now.addingReportingOverflow($0) }.map { $0.overflow ? .max : $0.partialValue }
    }
}
