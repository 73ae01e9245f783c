import CLinux
import Glibc
import Synchronization
import SystemPackage

/// A descriptor that becomes readable when any thread raises it.
struct WakeSignal: ~Copyable, Sendable {
    /// An eventfd.
    let descriptor: Int32
    private let isRaised = Atomic<Bool>(false)

    init() throws(IOError) {
        descriptor = try SystemCall.value("create eventfd", "") { dellad_eventfd() }
    }

    deinit { close(descriptor) }

    /// Makes the descriptor readable; one atomic operation where it is already.
    func raise() {
        if isRaised.exchange(true, ordering: .acquiringAndReleasing) { return }
        var one: UInt64 = 1
        write(descriptor, &one, 8)
    }

    /// Makes it unreadable again. Whatever raisers did before is visible to the caller.
    func lower() {
        // First emptied, then marked so: a raise between the two is told by this lowering.
        var count: UInt64 = 0
        read(descriptor, &count, 8)
        _ = isRaised.exchange(false, ordering: .acquiringAndReleasing)
    }
}
