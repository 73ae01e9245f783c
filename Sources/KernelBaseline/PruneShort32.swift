import CKernel

// MAGPRUNE of a short float32 row. Its 31-bit keys do not fit a table, so a slot of the table is a range of
// keys, and counting only bounds an element's rank: by the slot's first and last. For nearly all elements both
// bounds decide alike, and a bound is as good as the rank; for the few others the rank is counted over the
// row. Where many are undecided (keys that are equal, or crowd in few slots) the row is sorted once.

/// Ranks that are counted over the row before sorting it is cheaper.
let countedRankLimit = 12

/// What the ranking of a float32 row works with.
struct BoundedRanks {
    let count: Int
    /// Keys of 31 bits, zeros behind the last.
    let keys: UnsafeMutablePointer<UInt32>
    /// The elements' slots; what each remembered.
    let slots: UnsafeMutablePointer<UInt16>
    let remembered: UnsafeMutablePointer<UInt16>
    let table: UnsafeMutablePointer<UInt16>
    /// An element's lowest rank, and above it the rank behind its highest.
    let bounds: UnsafeMutablePointer<UInt32>
    /// 8 bytes an element, for sorting.
    let order: UnsafeMutablePointer<UInt64>
    var countedRanks = 0
}

/// The largest key, and the smallest that is not zero.
@inline(always)
func range32(_ keys: UnsafePointer<Int32>, _ count: Int) -> (lowest: UInt32, highest: UInt32) {
    var highest: Int32 = 0
    var below: Int32 = 0x7FFF_FFFF
    var index = 0
    while index < count {
        let key = keys[index]
        highest = key > highest ? key : highest
        let less = (key &- 1) & 0x7FFF_FFFF
        below = less < below ? less : below
        index &+= 1
    }
    return (below == 0x7FFF_FFFF ? 0 : UInt32(bitPattern: below) &+ 1, UInt32(bitPattern: highest))
}

/// Cuts the range of keys into slots: slot 0 is zero, the others are equal ranges. Returns the highest slot.
@inline(always)
func assignSlots(_ ranks: BoundedRanks, _ lowest: UInt32, _ highest: UInt32) -> Int {
    let limit: UInt32 = ranks.count <= 8192 ? 4096 : 16384
    var shift: UInt32 = 0
    while (highest &- lowest) >> shift >= limit { shift &+= 1 }
    let slots = UnsafeMutableRawPointer(ranks.slots)
    let keys = UnsafeRawPointer(ranks.keys)
    var index = 0
    while index < ranks.count {
        let pair = deinterleaved(loadWords(keys, index &* 4), loadWords(keys, index &* 4 &+ 64))
        let first = slot(pair.0, lowest, shift)
        let second = slot(pair.1, lowest, shift)
        storeWords(first | (second &<< all(16)), slots, index &* 2)
        index &+= blockLength
    }
    return Int((highest &- lowest) >> shift) &+ 1
}

@inline(always)
func slot(_ key: Words, _ lowest: UInt32, _ shift: UInt32) -> Words {
    (((key &- all(lowest)) &>> all(shift)) &+ all(1)) & exceeds(key, 0)
}

/// The bounds of every element's rank.
@inline(always)
func boundRanks(_ ranks: BoundedRanks) {
    let table = UnsafeRawPointer(ranks.table)
    let slots = UnsafeRawPointer(ranks.slots)
    let bounds = UnsafeMutableRawPointer(ranks.bounds)
    var index = 0
    // Slots are padded to whole blocks.
    while index < ranks.count {
        let packed = loadLong(slots, index &* 2)
        let first = bound(packed & 0xFFFF, table) | bound((packed >> 16) & 0xFFFF, table) << 32
        let second = bound((packed >> 32) & 0xFFFF, table) | bound(packed >> 48, table) << 32
        storeLong(first, bounds, index &* 4)
        storeLong(second, bounds, index &* 4 &+ 8)
        index &+= 4
    }
}

/// The slot's start and, above it, the next slot's.
@inline(always)
func bound(_ slot: UInt64, _ table: UnsafeRawPointer) -> UInt64 {
    // Four halves of 16 bits: this slot's two starts, the next slot's two.
    let starts = loadLong(table, Int(truncatingIfNeeded: slot) &* 4)
    return (starts & 0xFFFF) | ((starts >> 16) & 0xFFFF_0000)
}

/// The exact rank of one element.
@inline(always)
func countedRank(_ ranks: BoundedRanks, _ element: Int) -> UInt32 {
    let key = ranks.keys[element]
    var rank: UInt32 = 0
    var index = 0
    while index < element {
        rank = rank &+ (ranks.keys[index] <= key ? 1 : 0)
        index &+= 1
    }
    while index < ranks.count {
        rank = rank &+ (ranks.keys[index] < key ? 1 : 0)
        index &+= 1
    }
    return rank
}

/// Makes exact the bounds of the elements of a block that `undecided` marks.
@inline(never)
func settle(_ ranks: inout BoundedRanks, _ block: Int, _ undecided: (Words, Words)) {
    var lane = 0
    while lane < blockLength {
        let mark = lane < 16 ? undecided.0[lane] : undecided.1[lane &- 16]
        let element = block &+ lane
        if mark != 0 && element < ranks.count {
            if ranks.countedRanks == countedRankLimit {
                sortRanks(ranks)
                return
            }
            ranks.countedRanks &+= 1
            let rank = countedRank(ranks, element)
            ranks.bounds[element] = rank | (rank &+ 1) << 16
        }
        lane &+= 1
    }
}

/// Makes all bounds exact.
///
/// What an element remembered gives its place among its slot's elements by position; from there an insertion
/// sort has little to do, unless a slot is crowded with different keys. Then a radix sort takes over.
@inline(never)
func sortRanks(_ ranks: BoundedRanks) {
    let order = ranks.order
    let boundary = segmentBoundary(ranks.count)
    var index = 0
    while index < ranks.count {
        let segment = index < boundary ? 0 : 1
        let start = ranks.table[Int(truncatingIfNeeded: ranks.slots[index]) &* 2 &+ segment]
        let place = Int(truncatingIfNeeded: start &+ ranks.remembered[index])
        order[place] = UInt64(ranks.keys[index]) << 16 | UInt64(truncatingIfNeeded: index)
        index &+= 1
    }
    var moves = 16 &* ranks.count
    index = 1
    while index < ranks.count && moves > 0 {
        let element = order[index]
        var place = index
        while place > 0 && order[place &- 1] > element {
            order[place] = order[place &- 1]
            place &-= 1
        }
        order[place] = element
        moves &-= index &- place
        index &+= 1
    }
    if index < ranks.count {
        let tables = UnsafeMutableRawPointer(ranks.table).assumingMemoryBound(to: UInt32.self)
        let buffers = UnsafeMutableRawPointer(order).assumingMemoryBound(to: UInt32.self)
        let found = radixRanks(keys: ranks.keys, tables: tables, buffers: buffers, count: ranks.count)
        index = 0
        while index < ranks.count {
            ranks.bounds[index] = found[index] | (found[index] &+ 1) << 16
            index &+= 1
        }
        return
    }
    index = 0
    while index < ranks.count {
        let rank = UInt32(truncatingIfNeeded: index)
        ranks.bounds[Int(truncatingIfNeeded: order[index] & 0xFFFF)] = rank | (rank &+ 1) << 16
        index &+= 1
    }
}

/// The masks of a block's kept elements.
@inline(always)
func boundedKeeps(
    _ ranks: inout BoundedRanks, _ index: Int, _ words: UnsafeRawPointer, _ first: Floats, _ step: Floats
) -> (Words, Words) {
    let bounds = UnsafeRawPointer(ranks.bounds)
    let a = boundedKeep(loadWords(bounds, index &* 4), loadWords(words, index &* 4), first, step)
    let b = boundedKeep(loadWords(bounds, index &* 4 &+ 64), loadWords(words, index &* 4 &+ 64), first, step)
    let undecided = unsafeBitCast(a.undecided | b.undecided, to: Lanes.self)
    let any =
        (undecided[0] | undecided[1]) | (undecided[2] | undecided[3])
        | ((undecided[4] | undecided[5]) | (undecided[6] | undecided[7]))
    if any == 0 { return (a.kept, b.kept) }
    settle(&ranks, index, (a.undecided, b.undecided))
    return (
        boundedKeep(loadWords(bounds, index &* 4), loadWords(words, index &* 4), first, step).kept,
        boundedKeep(loadWords(bounds, index &* 4 &+ 64), loadWords(words, index &* 4 &+ 64), first, step).kept
    )
}

/// Kept by the lowest rank, and where the highest says otherwise.
@inline(always)
func boundedKeep(
    _ bounds: Words, _ word: Words, _ first: Floats, _ step: Floats
) -> (kept: Words, undecided: Words) {
    let u = converted(word &>> all(8)) * Floats(repeating: 0x1p-24)
    let lowRise = step * converted(bounds & all(0xFFFF))
    let highRise = step * converted((bounds &>> all(16)) &- all(1))
    let low = words(u .< (first + lowRise))
    let high = words(u .< (first + highRise))
    return (low, low ^ high)
}

/// False where the row has to take the long way.
@inline(always)
func pruneShort32(_ row: UnsafeMutablePointer<KernelPrune>) -> Bool {
    let count = Int(row.pointee.count)
    let scratch = row.pointee.scratch
    let layout = ShortLayout(count, 2)
    fillTails(row, 2)
    let total = measure(row, 2, scratch + layout.keys)
    var ranks = BoundedRanks(
        count: count, keys: (scratch + layout.keys).assumingMemoryBound(to: UInt32.self),
        slots: (scratch + layout.slots).assumingMemoryBound(to: UInt16.self),
        remembered: (scratch + layout.ranks).assumingMemoryBound(to: UInt16.self),
        table: (scratch + ShortLayout.table).assumingMemoryBound(to: UInt16.self),
        bounds: (scratch + layout.bounds).assumingMemoryBound(to: UInt32.self),
        order: (scratch + layout.order).assumingMemoryBound(to: UInt64.self))
    let range = range32(UnsafeRawPointer(ranks.keys).assumingMemoryBound(to: Int32.self), count)
    if range.highest >= 0x7F80_0000 { return false }
    let highest = assignSlots(ranks, range.lowest, range.highest)
    let keys = (scratch + ShortLayout.roundKeys).assumingMemoryBound(to: Lanes.self)
    let offset = Int(truncatingIfNeeded: row.pointee.firstElement & 3)
    writeRoundKeys(row.pointee.seed, keys)
    // One slot more than there are: the last one's end is the next one's start.
    clearSlots(ranks.table, 0, highest &+ 1)
    countAndDraw(
        count, slots: ranks.slots, table: ranks.table, remembered: ranks.remembered,
        words: scratch + layout.words, wordCount: count &+ offset,
        firstBlock: row.pointee.firstElement >> 2, stream: row.pointee.stream, keys: keys, natural: true)
    accumulateSlots(ranks.table, 0, highest &+ 1)
    boundRanks(ranks)
    let kept = applyBounds(row, &ranks, UnsafeRawPointer(scratch + layout.words + offset &* 4))
    row.pointee.total = folded(total)
    row.pointee.kept = folded(kept)
    row.pointee.sawNonfinite = false
    row.pointee.nans = 0
    row.pointee.infinities = 0
    return true
}

/// Last pass: draws against probabilities, `kept ? x : b`, Σ_kept|δ|.
@inline(always)
func applyBounds(
    _ row: UnsafeMutablePointer<KernelPrune>, _ ranks: inout BoundedRanks, _ words: UnsafeRawPointer
) -> SIMD16<Double> {
    let first = Floats(repeating: row.pointee.firstProbability)
    let step = Floats(repeating: row.pointee.probabilityStep)
    var sums = RowSums()
    var index = 0
    while index < ranks.count {
        let kept = boundedKeeps(&ranks, index, words, first, step)
        let (base, model) = block(row, index, 2)
        sums.add(2, keepBlock(2, base, model, kept))
        index &+= blockLength
    }
    emptyTails(row, 2)
    return sums.lanes(2)
}
