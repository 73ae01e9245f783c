/// The slots' memory: a stretch of the arena each.
struct SlotMemory: @unchecked Sendable {
    let base: UnsafeMutableRawPointer
    /// Of one slot.
    let slotBytes: Int

    subscript(slot: Int) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: base + slot * slotBytes, count: slotBytes)
    }
}
