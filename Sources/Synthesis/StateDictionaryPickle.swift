/// The pickle of a dictionary of bfloat16 tensors, one storage each, as `torch.save` writes it in protocol 2.
struct StateDictionaryPickle {
    private(set) var bytes: [UInt8] = [0x80, 2]
    /// Numbers of what was kept, by what it is.
    private var memo: [String: Int] = [:]
    private var kept = 0

    init(_ tensors: [CheckpointShape.Tensor]) {
        orderedDictionary()
        // A thousand members at a time, as the pickler writes them.
        for start in stride(from: 0, to: tensors.count, by: 1000) {
            bytes.append(UInt8(ascii: "("))
            for number in start..<min(start + 1000, tensors.count) {
                text(tensors[number].name)
                add(tensors[number], storage: number)
            }
            bytes.append(UInt8(ascii: "u"))
        }
        bytes.append(UInt8(ascii: "."))
    }

    /// `_rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())`.
    private mutating func add(_ tensor: CheckpointShape.Tensor, storage: Int) {
        global("torch._utils", "_rebuild_tensor_v2")
        bytes += Array("((".utf8)
        text("storage")
        global("torch", "BFloat16Storage")
        text("\(storage)")
        text("cpu")
        number(tensor.shape.reduce(1, *))
        bytes.append(UInt8(ascii: "t"))
        keep()
        bytes.append(UInt8(ascii: "Q"))
        number(0)
        tuple(tensor.shape)
        tuple(tensor.shape.indices.map { tensor.shape[($0 + 1)...].reduce(1, *) })
        bytes.append(0x89)
        orderedDictionary()
        bytes.append(UInt8(ascii: "t"))
        keep()
        bytes.append(UInt8(ascii: "R"))
        keep()
    }

    private mutating func keep() {
        bytes += kept < 256 ? [UInt8(ascii: "q"), UInt8(kept)] : [UInt8(ascii: "r")] + Self.little(kept, 4)
        kept += 1
    }

    /// Takes what was kept, or says that it will be.
    private mutating func recall(_ key: String) -> Bool {
        guard let number = memo[key] else {
            memo[key] = kept
            return false
        }
        bytes +=
            number < 256 ? [UInt8(ascii: "h"), UInt8(number)] : [UInt8(ascii: "j")] + Self.little(number, 4)
        return true
    }

    private mutating func text(_ text: String) {
        if recall("'" + text) { return }
        bytes += [UInt8(ascii: "X")] + Self.little(text.utf8.count, 4) + Array(text.utf8)
        keep()
    }

    private mutating func global(_ module: String, _ name: String) {
        if recall(module + "." + name) { return }
        bytes += Array("c\(module)\n\(name)\n".utf8)
        keep()
    }

    private mutating func orderedDictionary() {
        global("collections", "OrderedDict")
        bytes += Array(")R".utf8)
        keep()
    }

    private mutating func number(_ value: Int) {
        switch value {
        case 0..<256: bytes += [UInt8(ascii: "K"), UInt8(value)]
        case 0..<65536: bytes += [UInt8(ascii: "M")] + Self.little(value, 2)
        case 0...Int(Int32.max): bytes += [UInt8(ascii: "J")] + Self.little(value, 4)
        default: bytes += [0x8A, 8] + Self.little(value, 8)
        }
    }

    /// Of one or two numbers.
    private mutating func tuple(_ values: [Int]) {
        precondition((1...2).contains(values.count), "the shapes have vectors and matrices")
        for value in values { number(value) }
        bytes.append(values.count == 1 ? 0x85 : 0x86)
        keep()
    }

    /// The last bytes of a number, the last first.
    static func little(_ value: Int, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
}
