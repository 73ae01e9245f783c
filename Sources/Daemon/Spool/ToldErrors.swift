import Synchronization

/// The errors that were told of since the last look through `incoming`, so that one that comes back at every turn
/// is one line of the log.
final class ToldErrors: Sendable {
    /// More different ones are forgotten, and told of again.
    private static let limit = 1000

    private let texts = Mutex(Set<String>())

    /// Whether the error is to be told of.
    func isNew(_ text: String) -> Bool {
        texts.withLock { texts in
            if texts.count >= Self.limit { texts.removeAll() }
            return texts.insert(text).inserted
        }
    }

    func forget() { texts.withLock { $0.removeAll() } }
}
