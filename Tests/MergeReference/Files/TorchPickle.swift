/// The bytes of a pickle, written as CPython's pickler writes them for `torch.save`: every string, tuple and object is
/// kept, and taken from the memo the second time.
struct TorchPickle {
    /// 2, as `torch.save` has it, or 4.
    let version: Int
    private(set) var bytes: [UInt8] = []
    private var memo: [String: Int] = [:]
    private var kept = 0

    init(version: Int = 2) {
        self.version = version
        bytes = [0x80, UInt8(version)]
        // A frame of any length is as good as one of the right length.
        if version >= 4 { add(0x95, Self.little(1 << 20, 8)) }
    }

    static func little(_ value: Int, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    mutating func add(_ opcode: UInt8, _ rest: [UInt8] = []) { bytes += [opcode] + rest }

    mutating func raw(_ more: [UInt8]) { bytes += more }

    mutating func keep() {
        if version >= 4 {
            add(0x94)
        } else if kept < 256 {
            add(0x71, [UInt8(kept)])
        } else {
            add(0x72, Self.little(kept, 4))
        }
        kept += 1
    }

    private mutating func get(_ number: Int) {
        if number < 256 { add(0x68, [UInt8(number)]) } else { add(0x6A, Self.little(number, 4)) }
    }

    /// Whether what is called that was kept; it is taken then, else kept by who adds it.
    private mutating func recall(_ key: String) -> Bool {
        if let number = memo[key] {
            get(number)
            return true
        }
        memo[key] = kept
        return false
    }

    mutating func text(_ text: String) {
        if recall("text \(text)") { return }
        let utf8 = Array(text.utf8)
        if version >= 4, utf8.count < 256 {
            add(0x8C, [UInt8(utf8.count)] + utf8)
        } else {
            add(0x58, Self.little(utf8.count, 4) + utf8)
        }
        keep()
    }

    mutating func global(_ module: String, _ name: String) {
        if recall("global \(module) \(name)") { return }
        if version >= 4 {
            memo["global \(module) \(name)"] = nil
            text(module)
            text(name)
            memo["global \(module) \(name)"] = kept
            add(0x93)
        } else {
            add(0x63, Array("\(module)\n\(name)\n".utf8))
        }
        keep()
    }

    mutating func integer(_ value: Int) {
        switch value {
        case 0..<256: add(0x4B, [UInt8(value)])
        case 0..<65536: add(0x4D, Self.little(value, 2))
        case Int(Int32.min)...Int(Int32.max): add(0x4A, Self.little(value, 4))
        default: add(0x8A, [8] + Self.little(value, 8))
        }
    }

    mutating func integers(_ values: [Int]) {
        if values.isEmpty { return add(0x29) }
        if values.count > 3 { add(0x28) }
        for value in values { integer(value) }
        add(values.count > 3 ? 0x74 : [0x85, 0x86, 0x87][values.count - 1])
        keep()
    }

    /// An empty `OrderedDict`.
    mutating func orderedDictionary() {
        global("collections", "OrderedDict")
        add(0x29)
        add(0x52)
        keep()
    }

    mutating func emptyDictionary() {
        add(0x7D)
        keep()
    }
}
