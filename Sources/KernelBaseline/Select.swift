import CKernel

// Chooses elements of a model, drawn or by their magnitude, and leaves `kept ? x : b`, a kept NaN difference as NaN. In
// blocks of 32 elements; a row's last, partial block is worked on in a copy that zeros make whole.
//
// Scratch, in bytes: the keys of Philox's rounds, the random words of two blocks, the copies of base and model, the
// lanes of a short row's sum, and the magnitudes of short rows, all and kept.

private let wordsPlace = roundKeysByteCount
private let baseTailPlace = wordsPlace &+ 256
private let modelTailPlace = baseTailPlace &+ 128
private let lanesPlace = modelTailPlace &+ 128
private let magnitudesPlace = 2048
/// Elements of short rows whose magnitudes are kept for their sums.
private let shortStretch = 1024
/// Elements of long rows that are summed, chosen and summed again.
private let longStretch = 2048
/// Rows of fewer elements are summed from their magnitudes.
private let shortRowLength = 32

/// The rows of one model.
public func selectRows(_ row: UnsafePointer<KernelSelect>) {
    if row.pointee.isDrawn {
        writeRoundKeys(row.pointee.seed, row.pointee.scratch.assumingMemoryBound(to: Lanes.self))
    }
    let (length, rows) = (Int(row.pointee.rowLength), Int(row.pointee.rowCount))
    guard let sums = row.pointee.sums else {
        select(row, 0, length &* rows, nil, nil)
        return
    }
    let kept = sums + Int(row.pointee.stride)
    if length == 1 {
        select(row, 0, rows, sums, kept)
    } else if length < shortRowLength {
        selectShortRows(row, length, rows, sums, kept)
    } else {
        var number = 0
        while number < rows {
            selectRow(row, number &* length, length, sums + number, kept + number)
            number &+= 1
        }
    }
}

/// One row: its sum, the choice and the sum of what is left, a stretch at a time, so that both readings find it in the
/// nearest cache. What is dropped adds +0; where it does not, as b is infinite, the sum of all is not finite either, and
/// neither counts.
private func selectRow(
    _ row: UnsafePointer<KernelSelect>, _ start: Int, _ length: Int, _ sum: UnsafeMutablePointer<Double>,
    _ kept: UnsafeMutablePointer<Double>
) {
    var (total, some) = (RowSums(), RowSums())
    var index = 0
    while index < length {
        let count = length &- index < longStretch ? length &- index : longStretch
        addMagnitudes(row, start &+ index, count, &total)
        select(row, start &+ index, count, nil, nil)
        addMagnitudes(row, start &+ index, count, &some)
        index &+= count
    }
    sum.pointee = folded(total.lanes(row.pointee.format))
    kept.pointee = folded(some.lanes(row.pointee.format))
}

/// Adds |δ| of a stretch.
@inline(never)
private func addMagnitudes(
    _ row: UnsafePointer<KernelSelect>, _ start: Int, _ count: Int, _ sums: inout RowSums
) {
    switch row.pointee.format {
    case 0: addMagnitudes(row, 0, start, count, &sums)
    case 1: addMagnitudes(row, 1, start, count, &sums)
    default: addMagnitudes(row, 2, start, count, &sums)
    }
}

@inline(always)
private func addMagnitudes(
    _ row: UnsafePointer<KernelSelect>, _ format: Int32, _ start: Int, _ count: Int, _ sums: inout RowSums
) {
    let base = row.pointee.base + start &* width(format)
    let model = UnsafeRawPointer(row.pointee.model + start &* width(format))
    let whole = count & ~(blockLength &- 1)
    var found = sums
    var index = 0
    while index < whole {
        let byte = index &* width(format)
        found.add(format, magnitudes(format, base + byte, model + byte))
        index &+= blockLength
    }
    if whole < count {
        let byte = whole &* width(format)
        let scratch = row.pointee.scratch
        copyTail(base + byte, model + byte, (count &- whole) &* width(format), scratch)
        found.add(format, magnitudes(format, scratch + baseTailPlace, scratch + modelTailPlace))
    }
    sums = found
}

@inline(always)
private func magnitudes(
    _ format: Int32, _ base: UnsafeRawPointer, _ model: UnsafeRawPointer
) -> (Floats, Floats) {
    let b = loadPair(format, base)
    let x = loadPair(format, model)
    let magnitude = all(0x7FFF_FFFF)
    return (
        floats(words(floats(x.0) - floats(b.0)) & magnitude),
        floats(words(floats(x.1) - floats(b.1)) & magnitude)
    )
}

/// Rows so short that most of a block would be padding: their elements are chosen in one stretch, then summed.
private func selectShortRows(
    _ row: UnsafePointer<KernelSelect>, _ length: Int, _ rows: Int,
    _ sums: UnsafeMutablePointer<Double>, _ kept: UnsafeMutablePointer<Double>
) {
    let lanes = (row.pointee.scratch + lanesPlace).assumingMemoryBound(to: Double.self)
    let all = (row.pointee.scratch + magnitudesPlace).assumingMemoryBound(to: Double.self)
    let some = all + shortStretch
    let most = shortStretch / length
    var first = 0
    while first < rows {
        let count = rows &- first < most ? rows &- first : most
        select(row, first &* length, count &* length, all, some)
        var number = 0
        while number < count {
            sums[first &+ number] = laneSum(all + number &* length, length, lanes)
            kept[first &+ number] = laneSum(some + number &* length, length, lanes)
            number &+= 1
        }
        first &+= count
    }
}

@inline(always)
private func laneSum(
    _ values: UnsafePointer<Double>, _ count: Int, _ lanes: UnsafeMutablePointer<Double>
) -> Double {
    var index = 0
    while index < 16 {
        lanes[index] = index < count ? values[index] : 0
        index &+= 1
    }
    while index < count {
        lanes[index & 15] += values[index]
        index &+= 1
    }
    return fold(lanes)
}

/// A stretch of elements, and where the magnitudes of all and of the kept go, if anywhere.
///
/// One function for all ways, which the code of each would otherwise make many times as long.
@inline(never)
private func select(
    _ row: UnsafePointer<KernelSelect>, _ start: Int, _ count: Int,
    _ totals: UnsafeMutablePointer<Double>?, _ kepts: UnsafeMutablePointer<Double>?
) {
    switch row.pointee.format {
    case 0: selectStretch(row, 0, start, count, totals, kepts)
    case 1: selectStretch(row, 1, start, count, totals, kepts)
    default: selectStretch(row, 2, start, count, totals, kepts)
    }
}

@inline(always)
private func selectStretch(
    _ row: UnsafePointer<KernelSelect>, _ format: Int32, _ start: Int, _ count: Int,
    _ totals: UnsafeMutablePointer<Double>?, _ kepts: UnsafeMutablePointer<Double>?
) {
    let isDrawn = row.pointee.isDrawn
    let first = row.pointee.firstElement &+ UInt64(truncatingIfNeeded: start)
    let base = row.pointee.base + start &* width(format)
    let model = row.pointee.model + start &* width(format)
    let chosen = KeyChoice(
        lowKey: row.pointee.lowKey, highKey: row.pointee.highKey, lowPosition: row.pointee.lowPosition,
        highPosition: row.pointee.highPosition, keepsEarlier: row.pointee.keepsEarlier)
    let threshold = row.pointee.threshold
    let scratch = row.pointee.scratch
    let offset = Int(truncatingIfNeeded: first & 3)
    if isDrawn && offset != 0 { drawWords(row.pointee, first >> 2, wordsPlace) }
    var index = 0
    while index < count {
        let left = count &- index
        var (b, x) = (base + index &* width(format), model + index &* width(format))
        if left < blockLength {
            copyTail(b, UnsafeRawPointer(x), left &* width(format), scratch)
            (b, x) = (UnsafeRawPointer(scratch + baseTailPlace), scratch + modelTailPlace)
        }
        let bases = loadPair(format, b)
        let values = loadPair(format, UnsafeRawPointer(x))
        let delta = (floats(values.0) - floats(bases.0), floats(values.1) - floats(bases.1))
        let element = first &+ UInt64(truncatingIfNeeded: index)
        let mask: (Words, Words)
        if isDrawn {
            let found = drawBlock(row.pointee, format, element, offset)
            mask = (drawn(found.0, threshold), drawn(found.1, threshold))
        } else {
            mask = chosen.between(
                (magnitudeKeys(format, delta.0), magnitudeKeys(format, delta.1)), format, element)
        }
        keep(format, b, x, (bases.0, bases.1), (values.0, values.1), delta, mask)
        if let totals, let kepts {
            let magnitude = (words(delta.0) & all(0x7FFF_FFFF), words(delta.1) & all(0x7FFF_FFFF))
            storeDoubles(format, (floats(magnitude.0), floats(magnitude.1)), totals + index, left)
            storeDoubles(
                format, (floats(magnitude.0 & mask.0), floats(magnitude.1 & mask.1)), kepts + index, left)
        }
        if left < blockLength {
            (model + index &* width(format)).copyMemory(from: x, byteCount: left &* width(format))
        }
        index &+= blockLength
    }
}

/// The last, partial block in copies, zeros behind it.
@inline(never)
private func copyTail(
    _ base: UnsafeRawPointer, _ model: UnsafeRawPointer, _ byteCount: Int, _ scratch: UnsafeMutableRawPointer
) {
    var byte = 0
    while byte < 256 {
        storeWords(all(0), scratch + baseTailPlace, byte)
        byte &+= 64
    }
    (scratch + baseTailPlace).copyMemory(from: base, byteCount: byteCount)
    (scratch + modelTailPlace).copyMemory(from: model, byteCount: byteCount)
}

/// A block's magnitudes in their order.
@inline(always)
private func storeDoubles(
    _ format: Int32, _ pair: (Floats, Floats), _ place: UnsafeMutablePointer<Double>, _ left: Int
) {
    var ordered = (words(pair.0), words(pair.1))
    if format != 2 { ordered = interleaved(ordered.0, ordered.1) }
    let memory = UnsafeMutableRawPointer(place)
    if left >= blockLength {
        storeDoubles(lowDoubles(floats(ordered.0)), memory, 0)
        storeDoubles(highDoubles(floats(ordered.0)), memory, 64)
        storeDoubles(lowDoubles(floats(ordered.1)), memory, 128)
        storeDoubles(highDoubles(floats(ordered.1)), memory, 192)
        return
    }
    var lane = 0
    while lane < left {
        let bits = lane < 16 ? ordered.0[lane] : ordered.1[lane &- 16]
        place[lane] = Double(Float(bitPattern: bits))
        lane &+= 1
    }
}

/// Rewrites a block: the model's value where the mask has ones, NaN where its difference is, else the base's.
@inline(always)
private func keep(
    _ format: Int32, _ base: UnsafeRawPointer, _ model: UnsafeMutableRawPointer, _ b: (Words, Words),
    _ x: (Words, Words), _ delta: (Floats, Floats), _ mask: (Words, Words)
) {
    let isNaN = (words(delta.0 .!= delta.0) & mask.0, words(delta.1 .!= delta.1) & mask.1)
    if format == 2 {
        storeWords(choose(isNaN.0, all(0x7FC0_0000), choose(mask.0, x.0, b.0)), model, 0)
        storeWords(choose(isNaN.1, all(0x7FC0_0000), choose(mask.1, x.1, b.1)), model, 64)
        return
    }
    let kept = (mask.0 & all(0xFFFF)) | (mask.1 & all(0xFFFF_0000))
    let nans = (isNaN.0 & all(0xFFFF)) | (isNaN.1 & all(0xFFFF_0000))
    let value = choose(kept, loadWords(UnsafeRawPointer(model), 0), loadWords(base, 0))
    storeWords(choose(nans, all(format == 0 ? 0x7FC0_7FC0 : 0x7E00_7E00), value), model, 0)
}

// MARK: Drawing

/// Eight blocks of random words, in their order, to a place in scratch.
@inline(always)
private func drawWords(_ row: KernelSelect, _ block: UInt64, _ place: Int) {
    writeBlocks(
        row.scratch + place, block, row.stream,
        UnsafePointer(row.scratch.assumingMemoryBound(to: Lanes.self)), natural: true)
}

/// The words of the 32 elements from `element` on, which lies `offset` words into its block. Where that is not its
/// start, the words before it are there already, and those after it will be.
@inline(always)
private func drawBlock(
    _ row: KernelSelect, _ format: Int32, _ element: UInt64, _ offset: Int
) -> (Words, Words) {
    if offset == 0 {
        let keys = UnsafePointer(row.scratch.assumingMemoryBound(to: Lanes.self))
        var blocks = PhiloxBlocks(element >> 2, stream: row.stream)
        var round = 0
        while round < philoxRounds {
            blocks.round(keys, round)
            round &+= 1
        }
        return format == 2 ? interleaved(blocks.pair.0, blocks.pair.1) : blocks.pair
    }
    let words = row.scratch + wordsPlace
    drawWords(row, (element >> 2) &+ 8, wordsPlace &+ 128)
    let found = (loadWords(words, offset &* 4), loadWords(words, offset &* 4 &+ 64))
    words.copyMemory(from: words + 128, byteCount: 128)
    return format == 2 ? found : deinterleaved(found.0, found.1)
}

// MARK: Choosing

/// All ones where a word is below the threshold by its upper 24 bits.
@inline(always)
private func drawn(_ word: Words, _ threshold: UInt32) -> Words {
    words(
        unsafeBitCast(word &>> all(8), to: SIMD16<Int32>.self)
            .< SIMD16<Int32>(repeating: Int32(bitPattern: threshold)))
}

/// What lies between two cuts, in every lane.
struct KeyChoice {
    private let lowKey: Words
    private let highKey: Words
    private let lowPosition: Int64
    private let highPosition: Int64
    /// All ones where the later of the lower cut's key are kept.
    private let later: Words

    @inline(always)
    init(lowKey: UInt32, highKey: UInt32, lowPosition: Int64, highPosition: Int64, keepsEarlier: Bool) {
        // One more, as the mask of what is kept of equal keys takes one away.
        self.lowKey = all(lowKey &+ 1)
        self.highKey = all(highKey)
        self.lowPosition = lowPosition
        self.highPosition = highPosition
        later = all(keepsEarlier ? 0 : .max)
    }

    /// All ones where the keys of the block from `element` on lie between.
    @inline(always)
    func between(_ keys: (Words, Words), _ format: Int32, _ element: UInt64) -> (Words, Words) {
        let low = Self.distance(lowPosition, element)
        let high = Self.distance(highPosition, element)
        let places = lanePlaces(format)
        return (between(keys.0, places.0, low, high), between(keys.1, places.1, low, high))
    }

    @inline(always)
    private func between(
        _ keys: Words, _ places: SIMD16<Int32>, _ low: SIMD16<Int32>, _ high: SIMD16<Int32>
    ) -> Words {
        let least = lowKey &+ (words(places .< low) ^ later)
        let bound = highKey &- words(places .< high)
        let key = unsafeBitCast(keys, to: SIMD16<Int32>.self)
        return words(key .>= unsafeBitCast(least, to: SIMD16<Int32>.self))
            & words(key .< unsafeBitCast(bound, to: SIMD16<Int32>.self))
    }

    /// How far behind the block's first element a position lies, as far as it matters.
    @inline(always)
    private static func distance(_ position: Int64, _ element: UInt64) -> SIMD16<Int32> {
        let distance = position &- Int64(bitPattern: element)
        let clamped = distance < 0 ? 0 : distance > 32 ? 32 : distance
        return SIMD16(repeating: Int32(truncatingIfNeeded: clamped))
    }
}

/// Where a pair's elements stand in their block.
@inline(always)
func lanePlaces(_ format: Int32) -> (SIMD16<Int32>, SIMD16<Int32>) {
    if format == 2 {
        return (
            SIMD16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
            SIMD16(16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31)
        )
    }
    return (
        SIMD16(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30),
        SIMD16(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31)
    )
}

/// The magnitudes of differences, rounded to the format, as integers that order as they do, NaNs equal and last.
@inline(always)
func magnitudeKeys(_ format: Int32, _ delta: Floats) -> Words {
    let magnitude = words(delta) & all(0x7FFF_FFFF)
    switch format {
    case 0: return least(rounded(bfloat16: magnitude) &>> all(16), 0x7FC0)
    case 1:
        return choose(
            exceeds(magnitude, 0x7F80_0000), all(0x7E00), narrowed(float16Magnitude: magnitude))
    default: return least(magnitude, 0x7F80_0001)
    }
}

/// The smaller of a value below 2³¹ and a limit.
@inline(always)
func least(_ x: Words, _ limit: UInt32) -> Words {
    choose(exceeds(x, limit), all(limit), x)
}
