import Synchronization

/// The status line that was sent last.
final class LastStatus: Sendable {
    private let text = Mutex("")

    /// False where it is the same.
    func replace(with new: String) -> Bool {
        text.withLock { old in
            guard old != new else { return false }
            old = new
            return true
        }
    }
}
