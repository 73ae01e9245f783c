import Synchronization

/// Something that a test turns on and off while other code looks at it.
final class Switch: Sendable {
    private let value: Atomic<Bool>

    init(_ isOn: Bool) { value = Atomic(isOn) }

    var isOn: Bool {
        get { value.load(ordering: .acquiring) }
        set { value.store(newValue, ordering: .releasing) }
    }
}
