/// Stretches of the arena, of equal length one after the other: the slots' memory, and the workers' scratch.
struct ArenaStretches: @unchecked Sendable {
    let base: UnsafeMutableRawPointer
    /// Of one stretch.
    let byteCount: Int

    func start(of index: Int) -> UnsafeMutableRawPointer { base + index * byteCount }

    subscript(index: Int) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: start(of: index), count: byteCount)
    }
}
