/// The crashes of the daemon during one job, as the handler of signals noted them.
///
/// Crashes without progress between them add up; SIGKILL, the OOM killer, reboots and the watchdog cannot be
/// noted and never count.
struct CrashNotes: Hashable {
    /// As many crashes without progress make a job fail.
    static let limit = 3

    /// Crashes since the job last got further.
    private(set) var count = 0
    /// The last one's signal.
    private(set) var signal: Int32 = 0

    /// Reads the notes: a line each, the signal's number and the bytes that were done when that run resumed,
    /// `-` where it crashed before that was known.
    init(_ text: String) {
        var furthest: UInt64 = 0
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count == 2, let signal = Int32(words[0]) else { continue }
            self.signal = signal
            if let resumed = UInt64(words[1]), resumed > furthest {
                furthest = resumed
                count = 1
            } else {
                count += 1
            }
        }
    }

    var isPoison: Bool { count >= Self.limit }

    /// What the job's error says.
    var reason: String {
        let names: [Int32: String] = [
            4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE", 11: "SIGSEGV",
        ]
        return "dellad crashed \(count) times at the same place of this merge, at last by "
            + "\(names[signal] ?? "signal \(signal)") (this is a defect of dellad: report it with the config)"
    }
}
