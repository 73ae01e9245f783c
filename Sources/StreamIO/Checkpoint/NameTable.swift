/// Names, each once, in one buffer of bytes, and found by their bytes.
///
/// Takes the bytes of the names and at most `bytesPerName` for each, if it was made with the right capacity.
struct NameTable: Hashable, Sendable {
    /// What a name takes beside its bytes, at most.
    static let bytesPerName = 4 + 3 * 4
    /// More would not fit the offsets, which are 32 bits wide.
    static let byteLimit = Int(UInt32.max)

    private var bytes: [UInt8] = []
    /// Where each name ends in `bytes`.
    private var ends: [UInt32] = []
    /// An open hash table of a power of two: the number of a name and one, or 0.
    private var slots: [UInt32]

    /// A table for so many names, of so many bytes together. It grows beyond.
    init(capacity: Int = 0, byteCapacity: Int = 0) {
        bytes.reserveCapacity(byteCapacity)
        ends.reserveCapacity(capacity)
        slots = Array(repeating: 0, count: Self.slotCount(for: capacity))
    }

    /// Slots that leave a third free.
    private static func slotCount(for names: Int) -> Int {
        var count = 4
        while count * 2 < names * 3 { count *= 2 }
        return count
    }

    /// The number of names.
    var count: Int { ends.count }

    /// Of all names together.
    var byteCount: Int { bytes.count }

    /// The name of that number.
    subscript(number: Int) -> String { String(decoding: bytes[range(number)], as: UTF8.self) }

    /// The bytes of the name of that number.
    func bytes(of number: Int) -> ArraySlice<UInt8> { bytes[range(number)] }

    private func range(_ number: Int) -> Range<Int> {
        (number == 0 ? 0 : Int(ends[number - 1]))..<Int(ends[number])
    }

    /// The number of a name; `nil` where it is not there. O(1).
    func number(of name: String) -> Int? {
        var name = name
        return name.withUTF8 { number(of: $0) }
    }

    /// The number of a name; `nil` where it is not there. O(1).
    func number(of name: UnsafeBufferPointer<UInt8>) -> Int? {
        let slot = slots[slot(of: name)]
        return slot == 0 ? nil : Int(slot) - 1
    }

    /// Adds a name, whose number is `count` where it is new. O(1) on average.
    mutating func insert(_ name: UnsafeBufferPointer<UInt8>) -> (number: Int, isNew: Bool) {
        var place = slot(of: name)
        if slots[place] != 0 { return (Int(slots[place]) - 1, false) }
        precondition(bytes.count + name.count <= Self.byteLimit, "too many names")
        bytes.append(contentsOf: name)
        ends.append(UInt32(bytes.count))
        if slots.count * 2 < ends.count * 3 {
            grow()
        } else {
            place = place & (slots.count - 1)
            slots[place] = UInt32(ends.count)
        }
        return (ends.count - 1, true)
    }

    private mutating func grow() {
        slots = Array(repeating: 0, count: 2 * slots.count)
        for number in ends.indices {
            let place = bytes.withUnsafeBufferPointer { all in
                slot(of: UnsafeBufferPointer(rebasing: all[range(number)]))
            }
            slots[place] = UInt32(number + 1)
        }
    }

    /// The slot that holds a name, or where it would go.
    private func slot(of name: UnsafeBufferPointer<UInt8>) -> Int {
        var hasher = Hasher()
        hasher.combine(bytes: UnsafeRawBufferPointer(name))
        let mask = slots.count - 1
        var place = hasher.finalize() & mask
        while slots[place] != 0, !isName(Int(slots[place]) - 1, name) { place = (place + 1) & mask }
        return place
    }

    private func isName(_ number: Int, _ name: UnsafeBufferPointer<UInt8>) -> Bool {
        let range = range(number)
        guard range.count == name.count else { return false }
        return bytes.withUnsafeBufferPointer { all in
            UnsafeBufferPointer(rebasing: all[range]).elementsEqual(name)
        }
    }

    /// Whether the names and their order are equal.
    static func == (left: Self, right: Self) -> Bool { left.bytes == right.bytes && left.ends == right.ends }

    /// Of the names, in order.
    func hash(into hasher: inout Hasher) {
        hasher.combine(bytes)
        hasher.combine(ends)
    }
}
