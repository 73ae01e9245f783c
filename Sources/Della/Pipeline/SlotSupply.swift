import StreamIO

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// How many slots of the arena a merge may use: those that the host has found memory for.
///
/// A host that lends memory to several guests takes back what a guest does not use, and may give a page more slowly
/// than a disk reads one. Slots that are touched as they come would then stall the reads. So one slot of several is
/// tried first. Once one was slow, other threads find the memory, when nobody else wants the processor, as far as the
/// merge asks for it, and a tensor is not kept further than there are slots, but read again. Confined to the merge's
/// thread.
struct SlotSupply {
    /// Bytes a second below which reading again is quicker than finding memory to keep.
    private static let quickRate = 1e9
    /// Slots given for each one that was tried and quick.
    private static let stride = 16
    /// Slots that may be asked for and not yet found, and threads that find them.
    private static let underWayLimit = 4
    private static let threadLimit = 2

    /// Slots there may be.
    let limit: Int
    /// Slots, from the first on, that may be used.
    private(set) var given: Int
    /// Whether memory has come more quickly than it would be read again; never true again once it was slow.
    private(set) var isQuick: Bool
    private let isMeasured: Bool
    private var wanted = 0
    private var requested: Int
    private let memory: ArenaStretches
    /// `nil` where the host has no threads left for it; all slots are given then.
    private let finder: WorkerPool<Int, Int>?
    private var found: [Int] = []
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
        self.isQuick = isQuick ?? true
        isMeasured = isQuick == nil
        let memory = ArenaStretches(base: slots, byteCount: slotBytes)
        self.memory = memory
        finder = try? WorkerPool(count: Self.threadLimit, notify: notify) { slot, _ in
            Arena.populateWhenIdle(memory[slot])
            return slot
        }
        given = finder == nil ? count : min(count, 2 * inputs)
        requested = given
    }

    /// Asks for that many slots in all, as far as there may be so many. Where memory is quick they are given at once.
    mutating func demand(_ count: Int) {
        wanted = max(wanted, min(count, limit))
        while isQuick, given < wanted { tryNext() }
        request()
    }

    /// Takes in what was found since. Returns whether there is anything new.
    mutating func update() -> Bool {
        finder?.collect(into: &found)
        guard !found.isEmpty else { return false }
        // Threads finish in any order; only slots without a gap before them are used.
        foundAhead.formUnion(found)
        while foundAhead.remove(given) != nil { given += 1 }
        found.removeAll(keepingCapacity: true)
        request()
        return true
    }

    /// Ends the thread that finds slots.
    func close() { finder?.close() }

    /// Finds the next slot on this thread, by the processor's time: waiting for one says nothing of the memory.
    private mutating func tryNext() {
        let start = Self.threadTime()
        Arena.populate(memory[given])
        let nanoseconds = Double(Self.threadTime() - start)
        if isMeasured { isQuick = Double(memory.byteCount) >= Self.quickRate * nanoseconds / 1e9 }
        given = min(limit, given + (isQuick ? Self.stride : 1))
        requested = given
    }

    private mutating func request() {
        while requested < wanted, requested - given < Self.underWayLimit {
            finder?.submit(requested)
            requested += 1
        }
    }

    /// Nanoseconds that this thread has had a processor.
    private static func threadTime() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
