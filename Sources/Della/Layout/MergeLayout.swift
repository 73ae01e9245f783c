import StreamIO

/// How a budget is divided among the buffers of one merge, decided when it starts.
///
/// Slots hold the rows of one input of one chunk; blocks hold output on its way to the disk. Both are pages
/// of one arena, whose size is the budget.
public struct MergeLayout: Hashable, Sendable {
    /// The alignment of direct I/O, in bytes.
    static let pageSize = 4096
    /// What a slot holds beyond its rows: the rest of the first and last page read, and the rounding of where
    /// rows start that grow while being converted.
    static let slotSlack = 3 * pageSize
    /// Large tensors whose adapters are in memory at a time: one that is written, one that is read, and one between.
    private static let tensorsUnderWay = 3
    /// Elements of output that are computed at a time: few enough for all their inputs to stay in a processor's
    /// nearest caches, a multiple of what a kernel takes at once.
    static let tileLength = 4096
    /// What such elements take at most, in bytes.
    static let tileBytes = 4 * tileLength
    private static let largestSlot = 2 << 20
    private static let smallestSlot = 64 << 10
    /// Less than this no merge can do with, whatever it merges: blocks for a chunk's output, and none of its input.
    public static let leastBudget = UInt64(4 * smallestSlot)
    /// With fewer slots what streams past the kept rows would take too much from them.
    private static let slotsWanted = 256
    private static let largestBlock = 64 << 20
    private static let mostBlocks = 32
    /// Of the budget, the part that a set of tables may be for there to be two.
    private static let tablePart = 32
    private static let mostBytesAhead = 96 << 20
    private static let mostBytesUnderWay = 32 << 20

    /// The budget divided, in bytes: less what a large plan takes of it.
    public let memory: UInt64
    let threads: Int
    let slotBytes: Int
    let slotCount: Int
    /// Bytes of one block: a power of two, at most the 64 MiB over which a checksum is kept.
    let blockBytes: Int
    let blockCount: Int
    /// Memory of one thread for ranking and for output that straddles blocks, in bytes.
    let scratchBytes: Int
    /// Bytes of one buffer for a chunk's row sums.
    let sumsBytes: Int
    let sumsCount: Int
    /// Bytes of the tables that one tensor's scores are counted in, and how many tensors may be counted at a time.
    let tableBytes: Int
    let tableSetCount: Int
    /// The most slots that a chunk takes.
    let mostInputs: Int

    /// The most bytes of rows in a slot.
    var slotPayload: Int { slotBytes - Self.slotSlack }

    /// Bytes of the arena.
    var arenaBytes: Int {
        slotCount * slotBytes + blockCount * blockBytes + threads * scratchBytes + sumsCount * sumsBytes
            + tableSetCount * tableBytes
    }

    var blocksOffset: Int { slotCount * slotBytes }
    var scratchOffset: Int { blocksOffset + blockCount * blockBytes }
    var sumsOffset: Int { scratchOffset + threads * scratchBytes }
    var tablesOffset: Int { sumsOffset + sumsCount * sumsBytes }

    /// The most slots read ahead of the workers: enough to keep a disk busy. More would only touch memory that
    /// the merge may never need.
    var slotsAheadLimit: Int { max(1, Self.mostBytesAhead / slotBytes) }

    /// The most reads of whole slots under way: enough to keep a disk busy. With more, writes would wait behind them.
    var readsUnderWayLimit: Int {
        max(2 * mostInputs, min(Self.mostBytesUnderWay, Int(clamping: memory / 32)) / slotBytes)
    }

    /// The most bytes of reads under way: more reads than `readsUnderWayLimit` where they are of single rows.
    var bytesUnderWayLimit: Int { readsUnderWayLimit * slotBytes }

    /// Chunks' worth of slots left free for streaming where a tensor does not fit.
    func streamingChunks(of room: Int) -> Int { min(8, max(1, room / 4)) }

    /// The smallest budget that does for a plan, in bytes, and the tensor whose rows ask for it.
    static func least(for plan: MergePlan, threads: Int) -> (memory: UInt64, tensor: String) {
        let demand = RowDemand(plan)
        let division = Division(demand, slot: smallestSlot, threads: threads)
        return (
            UInt64(division.leastBytes + tensorsUnderWay * demand.adapterBytes) + plan.memoryOfBudget,
            demand.widestTensor
        )
    }

    /// Divides `memory` for a plan.
    /// - Throws: `MergeFailure` of kind `budgetTooSmall`, naming the tensor and the budget that would do.
    public init(_ plan: MergePlan, memory budget: UInt64, threads: Int) throws(MergeFailure) {
        precondition(threads > 0, "a merge needs a thread")
        let planned = plan.memoryOfBudget
        let demand = RowDemand(plan)
        let besides = planned + UInt64(Self.tensorsUnderWay * demand.adapterBytes)
        let memory = budget - min(budget, besides)
        var slot = Self.largestSlot
        var division = Division(demand, slot: slot, threads: threads)
        while slot > Self.smallestSlot,
            division.comfortableBytes > memory || UInt64(Self.slotsWanted * slot) > memory
        {
            slot /= 2
            division = Division(demand, slot: slot, threads: threads)
        }
        guard division.leastBytes <= memory else {
            throw .budgetTooSmall(
                budget, needed: UInt64(division.leastBytes) + besides, tensor: demand.widestTensor)
        }
        self.memory = memory
        self.threads = threads
        slotBytes = division.slotBytes
        blockBytes = division.blockBytes
        scratchBytes = division.scratchBytes
        sumsBytes = division.sumsBytes
        sumsCount = division.sumsCount
        mostInputs = demand.mostInputs
        tableBytes = division.tableBytes
        // A second tensor is counted while the first one's cuts are found, where that costs little.
        tableSetCount =
            tableBytes == 0 ? 0 : UInt64(Self.tablePart * (tableBytes + 1)) <= memory ? 2 : 1
        let fixed =
            threads * division.scratchBytes + division.sumsCount * division.sumsBytes + tableSetCount
            * tableBytes
        let inputs = demand.mostInputs * division.slotBytes
        let left = Int(clamping: memory) - fixed - inputs
        blockCount = min(
            max(division.leastBlocks, left / 16 / blockBytes), Self.mostBlocks, left / blockBytes)
        // More slots than the merge can fill would only be address space.
        let useful =
            demand.inputBytes / UInt64(slotBytes) + UInt64(4 * demand.mostInputs * demand.tensorCount)
        let affordable = (left + inputs - blockCount * blockBytes) / slotBytes
        slotCount = max(demand.mostInputs, min(affordable, Int(clamping: useful)))
    }

    /// One way of dividing, for one size of slot.
    private struct Division {
        let slotBytes: Int
        let blockBytes: Int
        let leastBlocks: Int
        let scratchBytes: Int
        let sumsBytes: Int
        let sumsCount: Int
        let tableBytes: Int
        /// The least that works: one chunk at a time.
        let leastBytes: Int
        /// What lets reading, computing and writing overlap.
        let comfortableBytes: Int

        init(_ demand: RowDemand, slot: Int, threads: Int) {
            slotBytes = max(slot, (demand.widestRowBytes + slotSlack).roundedUp(to: pageSize))
            blockBytes = min(largestBlock, slotBytes.nextPowerOfTwo)
            // A chunk's output may be twice its input's size and lie across the ends of blocks.
            leastBlocks = (2 * slotBytes + blockBytes - 1) / blockBytes + 2
            scratchBytes = demand.scratchBytes
            sumsCount = demand.sumCount > 0 ? 2 * threads + 2 : 0
            // Enough for a chunk of very short rows not to be a very small one.
            sumsBytes = max(slot / 4, demand.sumCount * MemoryLayout<Double>.stride).roundedUp(to: pageSize)
            tableBytes = demand.tableBytes.roundedUp(to: pageSize)
            let fixed = threads * scratchBytes + sumsCount * sumsBytes + tableBytes
            leastBytes = fixed + leastBlocks * blockBytes + demand.mostInputs * slotBytes
            comfortableBytes = fixed + 6 * blockBytes + 8 * demand.mostInputs * slotBytes
        }
    }
}
