import Synchronization

/// Bytes written so far; from any thread.
package final class SynthesisCounter: Sendable {
    private let count = Atomic<UInt64>(0)

    package init() {}

    package var bytes: UInt64 { count.load(ordering: .relaxed) }

    func add(_ bytes: UInt64) { count.wrappingAdd(bytes, ordering: .relaxed) }
}
