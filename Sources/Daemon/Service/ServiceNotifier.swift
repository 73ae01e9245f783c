import CSystemd

/// Tells the service manager what the daemon is doing, as sd_notify(3) has it. Nothing happens where none
/// asked.
struct ServiceNotifier: Sendable {
    /// Sends lines of NAME=VALUE.
    private let send: @Sendable (String) -> Void
    private let status = LastStatus()

    /// - Parameter send: takes lines of NAME=VALUE; by default they go to the service manager.
    init(send: @escaping @Sendable (String) -> Void = { _ = dellad_notify($0) }) {
        self.send = send
    }

    /// The spool is scanned and what happens to interrupted jobs is decided.
    func ready() { send("READY=1") }

    /// The configuration is being read again.
    ///
    /// - Parameter now: microseconds of the monotonic clock, by which systemd 253 and later match the
    ///   `READY=1` that follows.
    func reloading(now: UInt64) { send("RELOADING=1\nMONOTONIC_USEC=\(now)") }

    func stopping() { send("STOPPING=1") }

    /// The daemon works.
    func alive() { send("WATCHDOG=1") }

    /// The start, stop or reload under way may take this much longer.
    func needs(_ time: Duration) {
        send("EXTEND_TIMEOUT_USEC=\(time.components.seconds * 1_000_000)")
    }

    /// One line for `systemctl status`; repeats are not sent.
    func says(_ text: String) {
        guard status.replace(with: text) else { return }
        // A line end would begin another assignment.
        send("STATUS=" + text.split(whereSeparator: \.isNewline).joined(separator: " "))
    }

    /// How long the service manager waits for a sign of life; `nil` where it does not.
    static var watchdogInterval: Duration? {
        let nanoseconds = dellad_watchdog_interval()
        return nanoseconds > 0 ? .nanoseconds(Int64(clamping: nanoseconds)) : nil
    }
}
