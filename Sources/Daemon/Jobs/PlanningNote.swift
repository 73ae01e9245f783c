import StreamIO
import Synchronization
import SystemPackage

/// A note on the disk that a job is being planned, for as long as that lasts. What ends the daemon meanwhile and leaves
/// no word, the OOM killer or the watchdog, leaves the note, and the next start counts it.
///
/// Written by the daemon's loop, removed by the thread that plans.
final class PlanningNote: Sendable {
    /// A job whose planning ended the daemon as often, and never came through between, fails.
    static let limit = 3
    /// Planning that takes no longer leaves no note: it has no time to take much memory.
    static let patience = Duration.milliseconds(200)

    private enum State {
        case due, written, over
    }

    private let path: FilePath
    private let boot: String
    private let state = Mutex(State.due)

    /// - Parameter boot: which start of the host this is. A host that went down says nothing against a job.
    init(_ path: FilePath, boot: String) {
        self.path = path
        self.boot = boot
    }

    /// Whether it is still to be written.
    var isDue: Bool { state.withLock { $0 == .due } }

    /// Writes it, unless planning is over.
    func write() throws(IOError) {
        let result = state.withLock { state in
            Result { () throws(IOError) in
                guard state == .due else { return }
                state = .written
                let count = Self.count(at: path, boot: boot).addingSaturated(1)
                try FileSystem.remove(path)
                try FileSystem.writeWhole(
                    Array("\(count) \(boot)\n".utf8), to: path, sync: false, permissions: 0o600)
            }
        }
        try result.get()
    }

    /// Planning is over, however it ended; the daemon outlived it.
    func end() {
        state.withLock { state in
            // One of an earlier run goes, too.
            if state != .over, ((try? FileSystem.status(path, followLinks: false)) ?? nil) != nil {
                try? FileSystem.remove(path)
            }
            state = .over
        }
    }

    /// How often planning ended the daemon, by what is on the disk.
    static func count(at path: FilePath, boot: String) -> Int {
        guard let bytes = try? FileSystem.readWhole(path, limit: 256, followLinks: false) else { return 0 }
        let words = String(decoding: bytes, as: UTF8.self).split { $0 == " " || $0 == "\n" }
        guard let count = words.first.flatMap({ Int($0) }), count > 0 else { return 0 }
        return words.count > 1 && words[1] == boot ? count : count - 1
    }

    /// What the error of a job says that ended the daemon too often.
    static let reason =
        "planning it ended dellad \(limit) times, for lack of memory or by the watchdog (give the daemon more memory, or "
        + "merge fewer and smaller models)"
}
