import StreamIO

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// How many slots of the arena a merge may use: those that the host has found memory for.
///
/// A host that lends memory to several guests takes back what a guest does not use, and may give a page more slowly
/// than a disk reads one. Slots that are touched as they come would then stall the reads. So another thread finds
/// their memory, when no other wants the processor, as far as the merge asks for it; and where it is slow, a
/// tensor is not kept further than there are slots, but read again. Confined to the merge's thread.
struct SlotSupply {
    /// Bytes a second below which reading again is quicker than finding memory to keep.
    private static let quickRate = 1e9
    /// Slots that may be asked for and not yet found, and threads that find them.
    private static let underWayLimit = 4
    private static let threadLimit = 2

    /// A slot that was found, and how long that kept a processor: waiting for one says nothing of the memory.
    private struct Found: Sendable {
        let slot: Int
        let nanoseconds: UInt64
    }

    /// Slots there may be.
    let limit: Int
    /// Slots, from the first on, that may be used.
    private(set) var given: Int
    /// Whether waiting for memory is quicker than reading again, as the last slots were found.
    private(set) var isQuick: Bool
    private let isMeasured: Bool
    private var wanted = 0
    private var requested: Int
    private let slotBytes: Int
    /// `nil` where the host has no threads left for it; all slots are given then.
    private let finder: WorkerPool<Int, Found>?
    private var found: [Found] = []
    /// Slots found while ones before them were not.
    private var foundAhead: Set<Int> = []

    /// Two chunks' worth of slots are there from the start.
    ///
    /// - Parameters:
    ///   - slots: their memory, which nobody has used.
    ///   - inputs: the most slots that a chunk takes.
    ///   - isQuick: how memory is to be taken to come, in tests; measured where it is `nil`.
    ///   - notify: called from another thread when a slot was found.
    init(
        _ slots: UnsafeMutableRawPointer, slotBytes: Int, count: Int, inputs: Int, isQuick: Bool? = nil,
        notify: @escaping @Sendable () -> Void
    ) {
        limit = count
        self.slotBytes = slotBytes
        self.isQuick = isQuick ?? true
        isMeasured = isQuick == nil
        let memory = SlotMemory(base: slots, slotBytes: slotBytes)
        finder = try? WorkerPool(count: Self.threadLimit, notify: notify) { slot, _ in
            let start = Self.threadTime()
            Arena.populateWhenIdle(memory[slot])
            return Found(slot: slot, nanoseconds: Self.threadTime() - start)
        }
        given = finder == nil ? count : min(count, 2 * inputs)
        requested = given
    }

    /// Asks for that many slots in all, as far as there may be so many.
    mutating func demand(_ count: Int) {
        wanted = max(wanted, min(count, limit))
        request()
    }

    /// Takes in what was found since. Returns whether there is anything new.
    mutating func update() -> Bool {
        finder?.collect(into: &found)
        guard !found.isEmpty else { return false }
        // Threads finish in any order; only slots without a gap before them are used.
        for slot in found { foundAhead.insert(slot.slot) }
        while foundAhead.remove(given) != nil { given += 1 }
        if isMeasured {
            isQuick = Self.isQuick(
                bytes: found.count * slotBytes, found.reduce(0) { $0 + $1.nanoseconds })
        }
        found.removeAll(keepingCapacity: true)
        request()
        return true
    }

    /// Ends the thread that finds slots.
    func close() { finder?.close() }

    private mutating func request() {
        while requested < wanted, requested - given < Self.underWayLimit {
            finder?.submit(requested)
            requested += 1
        }
    }

    private static func isQuick(bytes: Int, _ nanoseconds: UInt64) -> Bool {
        Double(bytes) >= quickRate * Double(nanoseconds) / 1e9
    }

    /// Nanoseconds that this thread has had a processor.
    private static func threadTime() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
