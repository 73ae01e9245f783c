import CKernel

// MAGPRUNE of a row that 16-bit ranks can number, in passes over blocks of 32 elements. A row with a delta
// that is NaN or infinite is left to PruneLong before anything is written.

/// The longest short row.
let longestShortRow = 65535

/// The block at `index` of base and model: the row's own memory, or the tails where it is not whole.
@inline(always)
func block(
    _ row: UnsafeMutablePointer<KernelPrune>, _ index: Int, _ format: Int32
) -> (base: UnsafeRawPointer, model: UnsafeMutableRawPointer) {
    if index &+ blockLength > Int(row.pointee.count) {
        return (
            UnsafeRawPointer(row.pointee.scratch + ShortLayout.baseTail),
            row.pointee.scratch + ShortLayout.modelTail
        )
    }
    let byte = index &* width(format)
    return (row.pointee.base + byte, row.pointee.model + byte)
}

/// Copies the elements of the last, partial block to the tails, zeros behind them.
@inline(always)
func fillTails(_ row: UnsafeMutablePointer<KernelPrune>, _ format: Int32) {
    let count = Int(row.pointee.count)
    let whole = count & ~(blockLength &- 1)
    if whole == count { return }
    let scratch = row.pointee.scratch
    var word = 0
    while word < 256 {
        storeWords(all(0), scratch, word)
        word &+= 64
    }
    let byte = whole &* width(format)
    let byteCount = (count &- whole) &* width(format)
    (scratch + ShortLayout.baseTail).copyMemory(from: row.pointee.base + byte, byteCount: byteCount)
    (scratch + ShortLayout.modelTail).copyMemory(from: row.pointee.model + byte, byteCount: byteCount)
}

/// First pass: Σ|δ|, and the keys. Returns the lanes of the sum.
@inline(always)
func measure(
    _ row: UnsafeMutablePointer<KernelPrune>, _ format: Int32, _ keys: UnsafeMutableRawPointer
) -> SIMD16<Double> {
    let count = Int(row.pointee.count)
    var sums = RowSums()
    var index = 0
    while index < count {
        let (base, model) = block(row, index, format)
        let b = loadPair(format, base)
        let x = loadPair(format, UnsafeRawPointer(model))
        let magnitude = all(0x7FFF_FFFF)
        let first = words(floats(x.0) - floats(b.0)) & magnitude
        let second = words(floats(x.1) - floats(b.1)) & magnitude
        sums.add(format, (floats(first), floats(second)))
        if format == 2 {
            storeWords(first, keys, index &* 4)
            storeWords(second, keys, index &* 4 &+ 64)
        } else {
            let packed: Words
            if format == 0 {
                let half = all(0x7FFF)
                let one = all(1)
                let e = (first &+ half &+ ((first &>> all(16)) & one)) &>> all(16)
                let o = (second &+ half &+ ((second &>> all(16)) & one)) & all(0xFFFF_0000)
                packed = e | o
            } else {
                packed = narrowed(float16Magnitude: first) | (narrowed(float16Magnitude: second) &<< all(16))
            }
            storeWords(packed, keys, index &* 2)
        }
        index &+= blockLength
    }
    return sums.lanes(format)
}

/// 16 lanes to one sum: lane j with lane j + half, while there is a half.
@inline(always)
func folded(_ lanes: SIMD16<Double>) -> Double {
    // By subscripts, which are always inlined; halves of a vector are not.
    let a0 = lanes[0] + lanes[8], a1 = lanes[1] + lanes[9]
    let a2 = lanes[2] + lanes[10], a3 = lanes[3] + lanes[11]
    let a4 = lanes[4] + lanes[12], a5 = lanes[5] + lanes[13]
    let a6 = lanes[6] + lanes[14], a7 = lanes[7] + lanes[15]
    return ((a0 + a4) + (a2 + a6)) + ((a1 + a5) + (a3 + a7))
}

/// The largest key, and the smallest that is not zero.
@inline(always)
func range16(_ keys: UnsafePointer<Int16>, _ count: Int) -> (lowest: Int, highest: Int) {
    var highest: Int16 = 0
    var below: Int16 = 0x7FFF
    var index = 0
    while index < count {
        let key = keys[index]
        highest = key > highest ? key : highest
        // Zero becomes the largest of all.
        let less = (key &- 1) & 0x7FFF
        below = less < below ? less : below
        index &+= 1
    }
    return (below == 0x7FFF ? 0 : Int(below) &+ 1, Int(highest))
}

/// Last pass: draws against probabilities, `kept ? x : b`, Σ_kept|δ|.
@inline(always)
func applyRanks(
    _ row: UnsafeMutablePointer<KernelPrune>, _ format: Int32, starts: UnsafeRawPointer,
    remembered: UnsafeRawPointer, words: UnsafeRawPointer, paired: Bool
) -> SIMD16<Double> {
    let count = Int(row.pointee.count)
    let first = Floats(repeating: row.pointee.firstProbability)
    let step = Floats(repeating: row.pointee.probabilityStep)
    var sums = RowSums()
    var index = 0
    while index < count {
        let (base, model) = block(row, index, format)
        let packed = loadWords(starts, index &* 2) &+ loadWords(remembered, index &* 2)
        let rank = (packed & all(0xFFFF), packed &>> all(16))
        var word = (loadWords(words, index &* 4), loadWords(words, index &* 4 &+ 64))
        if !paired { word = deinterleaved(word.0, word.1) }
        let keptFirst = keeps(word.0, rank.0, first, step)
        let keptSecond = keeps(word.1, rank.1, first, step)
        sums.add(format, keepBlock(format, base, model, (keptFirst, keptSecond)))
        index &+= blockLength
    }
    emptyTails(row, format)
    return sums.lanes(format)
}

/// Rewrites a block to `kept ? x : b`; returns |δ| of the kept elements, zeros of the others.
@inline(always)
func keepBlock(
    _ format: Int32, _ base: UnsafeRawPointer, _ model: UnsafeMutableRawPointer, _ kept: (Words, Words)
) -> (Floats, Floats) {
    let b = loadPair(format, base)
    let x = loadPair(format, UnsafeRawPointer(model))
    let magnitude = all(0x7FFF_FFFF)
    if format == 2 {
        storeWords(choose(kept.0, x.0, b.0), model, 0)
        storeWords(choose(kept.1, x.1, b.1), model, 64)
    } else {
        let mask = (kept.0 & all(0xFFFF)) | (kept.1 & all(0xFFFF_0000))
        storeWords(choose(mask, loadWords(UnsafeRawPointer(model), 0), loadWords(base, 0)), model, 0)
    }
    return (
        keptMagnitude(x.0, b.0, kept.0 & magnitude), keptMagnitude(x.1, b.1, kept.1 & magnitude)
    )
}

/// Copies the last, partial block from its tail to the model.
@inline(always)
func emptyTails(_ row: UnsafeMutablePointer<KernelPrune>, _ format: Int32) {
    let count = Int(row.pointee.count)
    let whole = count & ~(blockLength &- 1)
    if whole == count { return }
    (row.pointee.model + whole &* width(format)).copyMemory(
        from: row.pointee.scratch + ShortLayout.modelTail, byteCount: (count &- whole) &* width(format))
}

/// |x − b| where the mask has ones, which it has not in the sign's place; +0 elsewhere.
@inline(always)
func keptMagnitude(_ x: Words, _ b: Words, _ mask: Words) -> Floats {
    floats(words(floats(x) - floats(b)) & mask)
}

/// All ones where u < p.
@inline(always)
func keeps(_ word: Words, _ rank: Words, _ first: Floats, _ step: Floats) -> Words {
    let u = converted(word &>> all(8)) * Floats(repeating: 0x1p-24)
    let rise = step * converted(rank)
    return words(u .< (first + rise))
}

/// A 16-bit format. False where the row has to take the long way.
@inline(always)
func pruneShort16(_ row: UnsafeMutablePointer<KernelPrune>, _ format: Int32) -> Bool {
    let count = Int(row.pointee.count)
    let scratch = row.pointee.scratch
    let layout = ShortLayout(count, format)
    fillTails(row, format)
    let total = measure(row, format, scratch + layout.slots)
    let slots = (scratch + layout.slots).assumingMemoryBound(to: UInt16.self)
    let range = range16(UnsafeRawPointer(slots).assumingMemoryBound(to: Int16.self), count)
    if range.highest >= (format == 0 ? 0x7F80 : 0x7C00) { return false }
    rankAndApply(row, format, layout, range.lowest, range.highest, total)
    return true
}

@inline(always)
func rankAndApply(
    _ row: UnsafeMutablePointer<KernelPrune>, _ format: Int32, _ layout: ShortLayout, _ lowest: Int,
    _ highest: Int, _ total: SIMD16<Double>
) {
    let count = Int(row.pointee.count)
    let scratch = row.pointee.scratch
    let slots = (scratch + layout.slots).assumingMemoryBound(to: UInt16.self)
    let ranks = (scratch + layout.ranks).assumingMemoryBound(to: UInt16.self)
    let table = (scratch + ShortLayout.table).assumingMemoryBound(to: UInt16.self)
    let keys = (scratch + ShortLayout.roundKeys).assumingMemoryBound(to: Lanes.self)
    let offset = Int(truncatingIfNeeded: row.pointee.firstElement & 3)
    let paired = offset == 0
    writeRoundKeys(row.pointee.seed, keys)
    clearSlots(table, lowest, highest)
    if paired {
        countAndDraw(
            count, slots: slots, table: table, remembered: ranks, words: scratch + layout.words,
            wordCount: count, firstBlock: row.pointee.firstElement >> 2, stream: row.pointee.stream,
            keys: keys, natural: false)
    } else {
        countAndDraw(
            count, slots: slots, table: table, remembered: ranks, words: scratch + layout.words,
            wordCount: count &+ offset, firstBlock: row.pointee.firstElement >> 2, stream: row.pointee.stream,
            keys: keys, natural: true)
    }
    accumulateSlots(table, lowest, highest)
    resolveStarts(count, slots: slots, table: table)
    let words = UnsafeRawPointer(scratch + layout.words + offset &* 4)
    let kept: SIMD16<Double>
    if paired {
        kept = applyRanks(row, format, starts: slots, remembered: ranks, words: words, paired: true)
    } else {
        kept = applyRanks(row, format, starts: slots, remembered: ranks, words: words, paired: false)
    }
    row.pointee.total = folded(total)
    row.pointee.kept = folded(kept)
    row.pointee.sawNonfinite = false
    row.pointee.nans = 0
    row.pointee.infinities = 0
}
