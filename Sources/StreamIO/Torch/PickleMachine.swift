/// Runs a checkpoint's pickle: a machine that knows the opcodes and globals that tensors need, builds values of a
/// `PickleStore`, and calls nothing.
///
/// One step an opcode, each O(1) or in proportion to its bytes; nothing recurses. Source: CPython's `pickletools` and
/// `torch.serialization`.
struct PickleMachine: ~Copyable {
    /// The most bytes of a pickle.
    static let byteLimit: UInt64 = 100_000_000
    /// The most opcodes: a tensor takes some 40.
    static let opcodeLimit = 50_000_000
    /// The most values on the stack; a thousand members of a dictionary are two thousand.
    static let stackLimit = 1 << 17
    /// The most marks that are open at once.
    static let markLimit = 1 << 10
    /// The most entries of the memo: a tensor takes some 10.
    static let memoLimit = 8_000_000
    /// The longest text that is kept, in bytes.
    static let textLimit = 1 << 16
    /// The longest name of a module, class or function, in bytes.
    static let globalLimit = 256
    /// The latest protocol there is.
    private static let protocolLimit: UInt8 = 5

    var window: ByteWindow
    var store: PickleStore
    /// The bytes of the archive's entry of that key.
    let storageData: ([UInt8]) -> Range<UInt64>?
    private var stack: [PickleValue] = []
    /// Where the stack stood at each open mark.
    private var marks: [Int] = []
    private var memo: [PickleValue] = []
    private var opcodes = 0
    /// Stack that was taken.
    private var stackPeak = 0

    /// - Parameters:
    ///   - room: the most bytes of memory that it may take.
    ///   - storageData: where the data of a storage lie, by its key; `nil` where there are none.
    init(_ window: consuming ByteWindow, room: UInt64, storageData: @escaping ([UInt8]) -> Range<UInt64>?) {
        self.window = window
        self.storageData = storageData
        store = PickleStore(room: room)
    }

    /// Runs the pickle and returns what it has built.
    ///
    /// - Throws: `TorchFileError`, and what the file throws.
    mutating func run() throws -> PickleValue {
        while true {
            guard let byte = try window.byte() else { throw invalid("it ends without a stop") }
            opcodes += 1
            guard opcodes <= Self.opcodeLimit else {
                throw TorchFileError.tooMuch("opcodes in the pickle", limit: Self.opcodeLimit)
            }
            guard let opcode = PickleOpcode(rawValue: byte) else { throw try foreign(byte) }
            if opcode == .stop { break }
            try step(opcode)
        }
        guard marks.isEmpty, stack.count == 1 else {
            throw invalid("it stops with \(stack.count) values in hand")
        }
        guard window.remaining == 0 else { throw invalid("\(window.remaining) bytes after its stop") }
        return stack[0]
    }

    private mutating func step(_ opcode: PickleOpcode) throws {
        switch opcode {
        case .proto:
            let version = try number(UInt8.self)
            guard version <= Self.protocolLimit else { throw invalid("protocol \(version)") }
        case .frame: _ = try number(UInt64.self)
        case .stop: break
        case .mark:
            guard marks.count < Self.markLimit else {
                throw TorchFileError.tooMuch("open marks in the pickle", limit: Self.markLimit)
            }
            marks.append(stack.count)
        case .pop: _ = try pop()
        case .popMark: stack.removeSubrange(try popMark()...)
        case .duplicate: try push(try top())
        case .none: try push(.none)
        case .newTrue: try push(.flag(true))
        case .newFalse: try push(.flag(false))
        case .binInt: try push(.integer(Int(Int32(bitPattern: try number(UInt32.self)))))
        case .binInt1: try push(.integer(Int(try number(UInt8.self))))
        case .binInt2: try push(.integer(Int(try number(UInt16.self))))
        case .long1: try pushLong(UInt64(try number(UInt8.self)))
        case .long4: try pushLong(UInt64(try number(UInt32.self)))
        case .binFloat: try pushOther(8)
        case .shortBinBytes: try pushOther(UInt64(try number(UInt8.self)))
        case .binBytes: try pushOther(UInt64(try number(UInt32.self)))
        case .binBytes8: try pushOther(try number(UInt64.self))
        case .shortBinUnicode, .shortBinString: try pushText(UInt64(try number(UInt8.self)))
        case .binUnicode, .binString: try pushText(UInt64(try number(UInt32.self)))
        case .binUnicode8: try pushText(try number(UInt64.self))
        case .emptyTuple: try pushTuple(from: stack.count)
        case .tuple: try pushTuple(from: try popMark())
        case .tuple1: try pushTuple(of: 1)
        case .tuple2: try pushTuple(of: 2)
        case .tuple3: try pushTuple(of: 3)
        case .emptyList: try push(.list)
        case .list:
            stack.removeSubrange(try popMark()...)
            try push(.list)
        case .append:
            _ = try pop()
            try expectList()
        case .appends:
            stack.removeSubrange(try popMark()...)
            try expectList()
        case .emptyDictionary: try pushDictionary()
        case .dictionary:
            let start = try popMark()
            let items = Array(stack[start...])
            stack.removeSubrange(start...)
            try pushDictionary()
            try setItems(items[...])
        case .setItem:
            let value = try pop()
            let key = try pop()
            try setItems([key, value])
        case .setItems:
            let start = try popMark()
            let items = Array(stack[start...])
            stack.removeSubrange(start...)
            try setItems(items[...])
        case .binGet: try get(Int(try number(UInt8.self)))
        case .longBinGet: try get(Int(try number(UInt32.self)))
        case .binPut: try put(Int(try number(UInt8.self)))
        case .longBinPut: try put(Int(try number(UInt32.self)))
        case .memoize: try put(memo.count)
        case .global: try push(try global(module: try line(), name: try line()))
        case .stackGlobal:
            let name = try pop()
            let module = try pop()
            guard case .text(let name) = name, case .text(let module) = module else {
                throw invalid("a global without a name")
            }
            try push(try global(module: store.text(module), name: store.text(name)))
        case .binPersID: try push(try storage(of: try pop()))
        case .reduce:
            let arguments = try pop()
            let callee = try pop()
            try push(try result(of: callee, arguments))
        case .build:
            let state = try pop()
            // Attributes of a dictionary, `_metadata` above all.
            guard case .dictionary = try top() else { throw invalid("attributes of \(try top().kind)") }
            guard case .dictionary = state else { throw invalid("attributes that are \(state.kind)") }
        }
    }

    func invalid(_ what: String) -> TorchFileError { .invalidPickle(what, offset: window.position) }

    /// What a byte that is no opcode of a checkpoint's says.
    private mutating func foreign(_ byte: UInt8) throws -> TorchFileError {
        // It names its class itself.
        if byte == 0x69 { return .foreignGlobal(Self.qualified(try line(), try line())) }
        return .foreignOpcode(PickleOpcode.name(of: byte), offset: window.position - 1)
    }

    // MARK: Memory

    /// Takes memory for elements that are about to be added.
    mutating func take<Element>(_ count: Int, _ type: Element.Type) throws {
        guard !store.take(count, type) else { return }
        guard store.room < PickleStore.byteLimit else {
            throw TorchFileError.tooMuch(
                "bytes of memory to read the pickle with", limit: Int(PickleStore.byteLimit))
        }
        // As much again for each byte that is left, and something for what grows in leaps.
        let whole = Double(window.position + window.remaining) / Double(max(1, window.position))
        let needed = UInt64(saturating: 2 * Double(store.taken) * whole + Double(1 << 20))
        throw TorchFileError.noRoom(needed: needed, tensors: max(1, store.tensors.count))
    }

    private mutating func push(_ value: PickleValue) throws {
        guard stack.count < Self.stackLimit else {
            throw TorchFileError.tooMuch("values on the pickle's stack", limit: Self.stackLimit)
        }
        if stack.count >= stackPeak {
            try take(1, PickleValue.self)
            stackPeak += 1
        }
        stack.append(value)
    }

    // MARK: Stack

    private mutating func pop() throws -> PickleValue {
        guard stack.count > marks.last ?? 0 else { throw invalid("a value is missing") }
        return stack.removeLast()
    }

    private func top() throws -> PickleValue {
        guard stack.count > marks.last ?? 0 else { throw invalid("a value is missing") }
        return stack[stack.count - 1]
    }

    private mutating func popMark() throws -> Int {
        guard let mark = marks.popLast() else { throw invalid("a mark is missing") }
        return mark
    }

    private func expectList() throws {
        guard case .list = try top() else { throw invalid("elements for \(try top().kind)") }
    }

    // MARK: Values

    private mutating func number<Number: FixedWidthInteger>(_ type: Number.Type) throws -> Number {
        guard let value = try window.number(type) else { throw invalid("it ends within a number") }
        return value
    }

    private mutating func pushLong(_ count: UInt64) throws {
        guard count <= 8 else { return try pushOther(count) }
        var value: UInt64 = 0
        var last: UInt8 = 0
        for place in 0..<count {
            last = try number(UInt8.self)
            value |= UInt64(last) << (8 * place)
        }
        // Two's complement.
        if last & 0x80 != 0, count < 8 { value |= UInt64.max << (8 * count) }
        try push(.integer(Int(bitPattern: UInt(value))))
    }

    private mutating func pushOther(_ count: UInt64) throws {
        guard try window.skip(count) else { throw invalid("it ends within a value") }
        try push(.other)
    }

    private mutating func pushText(_ count: UInt64) throws {
        guard count <= UInt64(Self.textLimit) else {
            throw TorchFileError.tooMuch("bytes in a string of the pickle", limit: Self.textLimit)
        }
        try take(Int(count), UInt8.self)
        var bytes: [UInt8] = []
        guard try window.read(Int(count), to: &bytes) else { throw invalid("it ends within a string") }
        try push(store.addText(bytes))
    }

    private mutating func pushTuple(of count: Int) throws {
        guard stack.count - count >= marks.last ?? 0 else { throw invalid("a value is missing") }
        try pushTuple(from: stack.count - count)
    }

    private mutating func pushTuple(from start: Int) throws {
        try take(stack.count - start, PickleValue.self)
        let tuple = store.addTuple(stack[start...])
        stack.removeSubrange(start...)
        try push(tuple)
    }

    private mutating func pushDictionary() throws { try push(try newDictionary()) }

    mutating func newDictionary() throws -> PickleValue {
        try take(1, UInt32.self)
        return store.addDictionary()
    }

    private mutating func setItems(_ items: ArraySlice<PickleValue>) throws {
        guard case .dictionary(let number) = try top() else { throw invalid("members of \(try top().kind)") }
        guard items.count % 2 == 0 else { throw invalid("a key without a value") }
        try take(items.count / 2, PickleStore.Member.self)
        for at in stride(from: 0, to: items.count, by: 2) {
            store.set(items[at], to: items[at + 1], in: number)
        }
    }

    // MARK: Memo

    private mutating func get(_ number: Int) throws {
        guard memo.indices.contains(number) else { throw invalid("nothing was kept as number \(number)") }
        try push(memo[number])
    }

    private mutating func put(_ number: Int) throws {
        let value = try top()
        guard number < Self.memoLimit else {
            throw TorchFileError.tooMuch("values kept by the pickle", limit: Self.memoLimit)
        }
        if number >= memo.count {
            let gap = number + 1 - memo.count
            try take(gap, PickleValue.self)
            memo.append(contentsOf: repeatElement(.none, count: gap))
        }
        memo[number] = value
    }

    // MARK: Globals

    private mutating func line() throws -> String {
        var bytes: [UInt8] = []
        while let byte = try window.byte() {
            if byte == 0x0A { return String(decoding: bytes, as: UTF8.self) }
            guard bytes.count < Self.globalLimit else {
                throw TorchFileError.tooMuch("bytes in a name of the pickle", limit: Self.globalLimit)
            }
            bytes.append(byte)
        }
        throw invalid("it ends within a name")
    }

    private static func qualified(_ module: String, _ name: String) -> String {
        "\(module).\(name)".printable(atMost: 200)
    }

    private func global(module: String, name: String) throws -> PickleValue {
        guard let global = PickleGlobal("\(module).\(name)") else {
            throw TorchFileError.foreignGlobal(Self.qualified(module, name))
        }
        return .global(global)
    }
}
