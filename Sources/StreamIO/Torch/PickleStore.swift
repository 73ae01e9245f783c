/// What a pickle builds, in flat arrays, within a stated memory.
struct PickleStore {
    /// One member of a dictionary.
    struct Member {
        var dictionary: UInt32
        var key: PickleValue
        var value: PickleValue
    }

    /// Data of one entry of the archive.
    struct Storage {
        /// `nil` for bytes without a type.
        var type: ElementType?
        /// Where its data lie in the file.
        var data: Range<UInt64>
    }

    /// A tensor as the pickle has it, not yet checked.
    struct Tensor {
        var storage: UInt32
        /// `nil` for the storage's.
        var type: ElementType?
        /// Where it begins in the storage, in elements.
        var offset: Int
        var shape: PickleValue.Stretch
        /// Of each dimension, in elements.
        var strides: PickleValue.Stretch
    }

    /// The most bytes that a pickle may take, whatever there is for it.
    static let byteLimit: UInt64 = 256 << 20
    /// The most tensors of a pickle.
    static let tensorLimit = 1_000_000
    /// Arrays grow by doubling, and while one does both it and its copy are there.
    private static let growth = 3

    private(set) var texts: [UInt8] = []
    private(set) var cells: [PickleValue] = []
    private(set) var members: [Member] = []
    /// Members by dictionary.
    private(set) var memberCounts: [UInt32] = []
    private(set) var storages: [Storage] = []
    private(set) var tensors: [Tensor] = []
    /// What was taken, in bytes.
    private(set) var taken: UInt64 = 0
    /// The most bytes that may be taken.
    let room: UInt64

    init(room: UInt64) { self.room = min(room, Self.byteLimit) }

    /// Takes memory for so many elements of an array; `false` where there is no room for it.
    mutating func take<Element>(_ count: Int, _: Element.Type) -> Bool {
        let bytes = UInt64(count).multipliedSaturated(by: UInt64(Self.growth * MemoryLayout<Element>.stride))
        guard bytes <= room - taken else { return false }
        taken += bytes
        return true
    }

    /// Adds a text whose bytes were taken.
    mutating func addText(_ bytes: [UInt8]) -> PickleValue {
        let start = texts.count
        texts.append(contentsOf: bytes)
        return .text(PickleValue.Stretch(start: UInt32(start), count: UInt32(bytes.count)))
    }

    /// Adds values that were taken, as a tuple.
    mutating func addTuple(_ values: ArraySlice<PickleValue>) -> PickleValue {
        let start = cells.count
        cells.append(contentsOf: values)
        return .tuple(PickleValue.Stretch(start: UInt32(start), count: UInt32(values.count)))
    }

    mutating func addDictionary() -> PickleValue {
        memberCounts.append(0)
        return .dictionary(UInt32(memberCounts.count - 1))
    }

    mutating func set(_ key: PickleValue, to value: PickleValue, in dictionary: UInt32) {
        members.append(Member(dictionary: dictionary, key: key, value: value))
        memberCounts[Int(dictionary)] += 1
    }

    mutating func addStorage(_ storage: Storage) -> PickleValue {
        storages.append(storage)
        return .storage(UInt32(storages.count - 1))
    }

    mutating func addTensor(_ tensor: Tensor) -> PickleValue {
        tensors.append(tensor)
        return .tensor(UInt32(tensors.count - 1))
    }

    // MARK: Looking

    func bytes(_ text: PickleValue.Stretch) -> ArraySlice<UInt8> { texts[text.range] }

    /// For messages.
    func text(_ text: PickleValue.Stretch) -> String { String(decoding: bytes(text), as: UTF8.self) }

    func values(_ tuple: PickleValue.Stretch) -> ArraySlice<PickleValue> { cells[tuple.range] }

    /// The members of a dictionary, in order. O(all members).
    func members(of dictionary: UInt32) -> some Sequence<Member> {
        members.lazy.filter { $0.dictionary == dictionary }
    }
}
