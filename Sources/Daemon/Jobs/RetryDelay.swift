/// How long a failed run waits before the next: 10 s, doubled each time, at most five minutes.
enum RetryDelay {
    static let longest = Duration.seconds(300)

    static func after(attempt: Int) -> Duration {
        min(longest, .seconds(10) * (1 << min(max(attempt - 1, 0), 16)))
    }
}
