import Glibc

/// Times of files: nanoseconds since the epoch, in 64 bits. What lies before 1677-09-21 or after 2262-04-11 counts as
/// the first or last moment that there is a number for.
package enum WallTime {
    /// Nanoseconds of a second.
    package static let second: Int64 = 1_000_000_000

    /// As the kernel says it.
    static func nanoseconds(_ time: timespec) -> Int64 {
        // The product of a second that is out of range is saturated, whatever its nanoseconds.
        let (seconds, rest) = (Int64(time.tv_sec), Int64(time.tv_nsec))
        return seconds < 0
            ? nanoseconds(seconds: seconds.addingSaturated(1)).addingSaturated(rest - second)
            : nanoseconds(seconds: seconds).addingSaturated(rest)
    }

    /// Of whole seconds.
    package static func nanoseconds(seconds: Int64) -> Int64 { seconds.multipliedSaturated(by: second) }

    /// As the kernel takes it.
    static func timespec(_ nanoseconds: Int64) -> Glibc.timespec {
        let (seconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: second)
        return rest < 0
            ? Glibc.timespec(tv_sec: Int(seconds - 1), tv_nsec: Int(rest + second))
            : Glibc.timespec(tv_sec: Int(seconds), tv_nsec: Int(rest))
    }
}
