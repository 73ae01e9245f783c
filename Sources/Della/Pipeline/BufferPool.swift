/// Equal buffers of the arena, handed out by index. Confined to the merge's thread.
struct BufferPool {
    private let base: UnsafeMutableRawPointer
    let bufferBytes: Int
    private var free: [Int]
    private(set) var count: Int

    init(_ base: UnsafeMutableRawPointer, bufferBytes: Int, count: Int) {
        self.base = base
        self.bufferBytes = bufferBytes
        self.count = count
        free = (0..<count).reversed()
    }

    var available: Int { free.count }

    /// Adds buffers behind the last, to have `count` in all.
    mutating func grow(to count: Int) {
        guard count > self.count else { return }
        free.insert(contentsOf: (self.count..<count).reversed(), at: 0)
        self.count = count
    }

    /// A buffer's memory; valid while the arena lives.
    subscript(index: Int) -> UnsafeMutableRawPointer { base + index * bufferBytes }

    /// Takes a buffer, `nil` where none is free.
    mutating func take() -> Int? { free.popLast() }

    mutating func release(_ index: Int) {
        assert(!free.contains(index), "released twice")
        free.append(index)
    }
}
