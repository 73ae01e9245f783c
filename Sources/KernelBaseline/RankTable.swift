import CKernel

// The ranking of a short row: a counting sort that never moves an element.
//
// The row is cut into two segments, and for each slot of the table (a key, or a range of keys) the elements
// of either segment are counted. An element remembers the count it found; once the counts have become the
// segments' starting ranks, its rank is start + what it remembered. Nothing then depends on the element
// before, and two segments halve the chains of additions to the same slot.
//
// A slot is two UInt16: counts, later starts, of the first and the second segment.

/// Slots of the table; keys are below 32768.
let slotCount = 32768

/// Where the segments meet: a multiple of 16, the first half of the whole blocks.
@inline(always)
func segmentBoundary(_ count: Int) -> Int {
    count / blockLength &* 16
}

/// Slots from `lowest` to `highest`, and slot 0, become empty.
@inline(always)
func clearSlots(_ table: UnsafeMutablePointer<UInt16>, _ lowest: Int, _ highest: Int) {
    let pairs = UnsafeMutableRawPointer(table)
    storeLong(0, pairs, 0)
    let zero = all(0)
    // 16 slots at a time: the range is widened to whole strides of the table.
    var slot = lowest & ~15
    while slot <= highest {
        storeWords(zero, pairs, slot &* 4)
        slot &+= 16
    }
}

/// Counts one element and notes what was there.
@inline(always)
func count(
    _ index: Int, _ segment: Int, _ slots: UnsafePointer<UInt16>, _ table: UnsafeMutablePointer<UInt16>,
    _ remembered: UnsafeMutablePointer<UInt16>
) {
    let place = Int(truncatingIfNeeded: slots[index]) &* 2 &+ segment
    let found = table[place]
    remembered[index] = found
    table[place] = found &+ 1
}

/// Counts four elements of one segment, whose slots come in 64 bits: the counting is bound by the number of loads
/// and stores.
@inline(always)
func countFour(
    _ index: Int, _ segment: Int, _ slots: UnsafeRawPointer, _ table: UnsafeMutablePointer<UInt16>,
    _ remembered: UnsafeMutableRawPointer
) {
    let packed = loadLong(slots, index &* 2)
    let out = remembered + index &* 2
    storeShort(countOne(packed & 0xFFFF, segment, table), out, 0)
    storeShort(countOne((packed >> 16) & 0xFFFF, segment, table), out, 2)
    storeShort(countOne((packed >> 32) & 0xFFFF, segment, table), out, 4)
    storeShort(countOne(packed >> 48, segment, table), out, 6)
}

@inline(always)
func countOne(_ slot: UInt64, _ segment: Int, _ table: UnsafeMutablePointer<UInt16>) -> UInt16 {
    let place = Int(truncatingIfNeeded: slot) &* 2 &+ segment
    let found = table[place]
    table[place] = found &+ 1
    return found
}

/// Counts all elements and draws their random words on the side: the counting waits for memory, the drawing
/// for the multiplier.
@inline(always)
func countAndDraw(
    _ elements: Int, slots: UnsafePointer<UInt16>, table: UnsafeMutablePointer<UInt16>,
    remembered: UnsafeMutablePointer<UInt16>, words: UnsafeMutableRawPointer, wordCount: Int,
    firstBlock: UInt64, stream: UInt64, keys: UnsafePointer<Lanes>, natural: Bool
) {
    let boundary = segmentBoundary(elements)
    var index = 0
    while index < boundary {
        let first = UnsafeRawPointer(slots + index)
        let second = UnsafeRawPointer(slots + boundary + index)
        let firstFound = UnsafeMutableRawPointer(remembered + index)
        let secondFound = UnsafeMutableRawPointer(remembered + boundary + index)
        var blocks = PhiloxBlocks(
            firstBlock &+ UInt64(truncatingIfNeeded: index >> 1), stream: stream)
        // Written out: a loop would spend more on its indices than on the counts.
        blocks.round(keys, 0)
        countFour(0, 0, first, table, firstFound)
        blocks.round(keys, 1)
        countFour(0, 1, second, table, secondFound)
        blocks.round(keys, 2)
        countFour(4, 0, first, table, firstFound)
        blocks.round(keys, 3)
        countFour(4, 1, second, table, secondFound)
        blocks.round(keys, 4)
        countFour(8, 0, first, table, firstFound)
        blocks.round(keys, 5)
        countFour(8, 1, second, table, secondFound)
        blocks.round(keys, 6)
        countFour(12, 0, first, table, firstFound)
        blocks.round(keys, 7)
        countFour(12, 1, second, table, secondFound)
        blocks.round(keys, 8)
        blocks.round(keys, 9)
        storeBlocks(blocks, words + index &* 8, natural: natural)
        index &+= 16
    }
    var drawn = boundary &* 2
    while drawn < wordCount {
        writeBlocks(
            words + drawn &* 4, firstBlock &+ UInt64(truncatingIfNeeded: drawn >> 2), stream, keys,
            natural: natural)
        drawn &+= blockLength
    }
    index = boundary &* 2
    while index < elements {
        count(index, 1, slots, table, remembered)
        index &+= 1
    }
}

/// Counts become starting ranks, in the order slot, segment.
///
/// 16 slots travel as 32 counts of 16 bits, four in each lane of 64. Running sums are taken within the lanes, then
/// over them. No sum exceeds the row's length, so none carries into its neighbour.
@inline(always)
func accumulateSlots(_ table: UnsafeMutablePointer<UInt16>, _ lowest: Int, _ highest: Int) {
    let memory = UnsafeMutableRawPointer(table)
    var start = Lanes(repeating: 0)
    var slot = lowest & ~15
    if slot > 0 {
        // Slot 0, the zero delta, lies apart from the other keys.
        let first = table[0]
        start = Lanes(repeating: UInt64(first &+ table[1]))
        table[0] = 0
        table[1] = first
    }
    while slot <= highest {
        let counts = loadLanes(memory, slot &* 4)
        let pairs = counts &+ (counts &<< Lanes(repeating: 16))
        let sums = pairs &+ (pairs &<< Lanes(repeating: 32))
        let totals = runningSums(sums &>> Lanes(repeating: 48))
        // What comes before each lane, in all four of its places.
        let before = start &+ totals &- (sums &>> Lanes(repeating: 48))
        let two = before | (before &<< Lanes(repeating: 16))
        let four = two | (two &<< Lanes(repeating: 32))
        storeLanes(four &+ (sums &- counts), memory, slot &* 4)
        start = start &+ Lanes(repeating: totals[7])
        slot &+= 16
    }
}

/// Each lane and all before it.
@inline(always)
func runningSums(_ x: Lanes) -> Lanes {
    let one = x &+ Lanes(0, x[0], x[1], x[2], x[3], x[4], x[5], x[6])
    let two = one &+ Lanes(0, 0, one[0], one[1], one[2], one[3], one[4], one[5])
    return two &+ Lanes(0, 0, 0, 0, two[0], two[1], two[2], two[3])
}

/// Every element's slot becomes the starting rank of the slot in its segment.
@inline(always)
func resolveStarts(_ elements: Int, slots: UnsafeMutablePointer<UInt16>, table: UnsafePointer<UInt16>) {
    let boundary = segmentBoundary(elements)
    var index = 0
    while index < boundary {
        resolveEight(UnsafeMutableRawPointer(slots + index), 0, table)
        resolveEight(UnsafeMutableRawPointer(slots + boundary + index), 1, table)
        index &+= 8
    }
    index = boundary &* 2
    while index < elements {
        slots[index] = table[Int(truncatingIfNeeded: slots[index]) &* 2 &+ 1]
        index &+= 1
    }
}

/// Eight elements' slots, taken from 64 bits each: eight loads by a vector's lanes would cost more than the shifts.
@inline(always)
func resolveEight(_ slots: UnsafeMutableRawPointer, _ segment: Int, _ table: UnsafePointer<UInt16>) {
    let a = loadLong(slots, 0)
    let b = loadLong(slots, 8)
    let starts = SIMD8<UInt16>(
        start(a & 0xFFFF, segment, table), start((a >> 16) & 0xFFFF, segment, table),
        start((a >> 32) & 0xFFFF, segment, table), start(a >> 48, segment, table),
        start(b & 0xFFFF, segment, table), start((b >> 16) & 0xFFFF, segment, table),
        start((b >> 32) & 0xFFFF, segment, table), start(b >> 48, segment, table))
    storeShorts(starts, slots, 0)
}

@inline(always)
func start(_ slot: UInt64, _ segment: Int, _ table: UnsafePointer<UInt16>) -> UInt16 {
    table[Int(truncatingIfNeeded: slot) &* 2 &+ segment]
}
