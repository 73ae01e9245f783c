import Synchronization

/// Asks a merge to stop at the next safe moment, leaving it resumable. From any thread, not from a signal
/// handler.
public final class StopRequest: Sendable {
    private let requested = Atomic(false)
    private let wake = Mutex<(@Sendable () -> Void)?>(nil)

    public init() {}

    public var isRequested: Bool { requested.load(ordering: .acquiring) }

    /// Asks; further calls change nothing.
    public func request() {
        requested.store(true, ordering: .releasing)
        wake.withLock { $0 }?()
    }

    /// What ends the wait of the merge under way.
    func onRequest(_ action: (@Sendable () -> Void)?) { wake.withLock { $0 = action } }
}
