/// The errors that were told of lately, so that one that comes back at every turn is one line of the log. Confined to
/// the loop.
final class ToldErrors {
    /// More different ones are forgotten, and told of again.
    private static let limit = 1000

    private var texts: Set<String> = []
    private var since: ContinuousClock.Instant?

    /// Whether the error is to be told of.
    func isNew(_ text: String) -> Bool {
        if texts.count >= Self.limit { texts.removeAll() }
        return texts.insert(text).inserted
    }

    /// `incoming` is looked through now. What was told of before the last scan that was due is told of again.
    func scanBegins(_ now: ContinuousClock.Instant) {
        if let since, now - since < IncomingWatch.scanInterval { return }
        texts.removeAll()
        since = now
    }
}
