/// A value that a pickle has built. All that is larger than a number lies in the `PickleStore`, so that nothing is
/// nested in memory, however deep the pickle nests it.
enum PickleValue {
    /// A stretch of the store's bytes or values.
    struct Stretch: Hashable {
        var start: UInt32
        var count: UInt32

        var range: Range<Int> { Int(start)..<Int(start) + Int(count) }
    }

    case none
    case flag(Bool)
    case integer(Int)
    case text(Stretch)
    case tuple(Stretch)
    /// Number of a dictionary in the store.
    case dictionary(UInt32)
    /// What is in it, no tensor needs.
    case list
    case global(PickleGlobal)
    /// Number of a storage in the store.
    case storage(UInt32)
    /// Number of a tensor in the store.
    case tensor(UInt32)
    /// A fraction, bytes, or a number of more than 63 bits, which no tensor needs.
    case other

    /// Whether it is a mere value: nothing that could hold a tensor.
    var isPlain: Bool {
        switch self {
        case .none, .flag, .integer, .text, .other: true
        case .tuple, .dictionary, .list, .global, .storage, .tensor: false
        }
    }

    /// For messages.
    var kind: String {
        switch self {
        case .none: "None"
        case .flag: "a truth value"
        case .integer: "a number"
        case .text: "a string"
        case .tuple: "a tuple"
        case .dictionary: "a dictionary"
        case .list: "a list"
        case .global: "a class or function"
        case .storage: "a storage"
        case .tensor: "a tensor"
        case .other: "a number or bytes"
        }
    }
}
