import CKernel
import KernelBaseline

/// How many elements of a tensor have each value of some bits of their keys: a table of the arena.
struct KeyCounts: @unchecked Sendable {
    /// Entries of 32 bits, then `KERNEL_COUNT_NOTES` words: how many entries overflowed, and which, each time.
    let entries: UnsafeMutablePointer<UInt32>
    let length: Int

    /// Entries of a table of keys of 15 bits, and of what of longer ones is counted first.
    static let shortLength = 1 << 15
    static let longLength = Int(KERNEL_COUNT_TABLE)
    /// Bits of longer keys that are counted first and last.
    static let upperBits = 16
    static let lowerBits = 15

    /// Bytes of a table.
    static func byteCount(length: Int) -> Int { (length + Int(KERNEL_COUNT_NOTES)) * 4 }

    /// The slot that the element of a rank fell into, the elements before the slot and those in it.
    ///
    /// - Parameter below: elements that come before all of the table.
    func slot(ofRank rank: UInt64, below: UInt64) -> (slot: Int, below: UInt64, count: UInt64) {
        var arguments = KernelSlot(
            entries: entries, length: Int64(length), rank: rank, below: below, found: 0, slot: 0)
        KernelBaseline.findSlot(&arguments)
        precondition(arguments.slot < length, "fewer elements counted than there are")
        return (Int(arguments.slot), arguments.below, arguments.found)
    }
}
