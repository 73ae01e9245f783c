import CKernel

// Orders elements by their keys without sorting: keys are counted, by their upper bits and then by the lower ones of
// those that share the upper ones of a cut; the elements that share a cut's whole key are counted where they lie.
//
// A key is the magnitude of a difference, rounded to the format, as an integer: 15 bits of a 16-bit format, else 31.

/// Entries of a table: upper bits of 31, or twice all 15, so that the same key is not added to twice in a row.
private let tableLength = Int(KERNEL_COUNT_TABLE)
/// Lower bits of a key of 31.
private let lowBits: UInt32 = 15
private let lowMask: UInt32 = 0x7FFF

/// The keys of a stretch of differences.
public func writeKeys(_ row: UnsafePointer<KernelKeys>) {
    switch row.pointee.format {
    case 0: writeKeys(row.pointee, 0)
    case 1: writeKeys(row.pointee, 1)
    default: writeKeys(row.pointee, 2)
    }
}

@inline(always)
private func writeKeys(_ row: KernelKeys, _ format: Int32) {
    let count = Int(row.count)
    var index = 0
    while index &+ blockLength <= count {
        let b = loadPair(format, row.base + index &* width(format))
        let x = loadPair(format, row.model + index &* width(format))
        let first = magnitudeKeys(format, floats(x.0) - floats(b.0))
        let second = magnitudeKeys(format, floats(x.1) - floats(b.1))
        if format == 2 {
            storeWords(first, row.keys, index &* 4)
            storeWords(second, row.keys, index &* 4 &+ 64)
        } else {
            storeWords(first | (second &<< all(16)), row.keys, index &* 2)
        }
        index &+= blockLength
    }
    while index < count {
        let found = key(format, value(format, row.model, index) - value(format, row.base, index))
        if format == 2 {
            storeWord(found, row.keys, index &* 4)
        } else {
            storeShort(UInt16(truncatingIfNeeded: found), row.keys, index &* 2)
        }
        index &+= 1
    }
}

/// Counts keys of 15 bits, or the upper bits of longer ones.
public func countKeys(_ row: UnsafePointer<KernelKeyCount>) {
    let count = Int(row.pointee.count)
    let table = row.pointee.table
    var index = 0
    if row.pointee.byteWidth == 2 {
        let second = table + tableLength / 2
        while index &+ 8 <= count {
            let a = loadLong(row.pointee.keys, index &* 2)
            let b = loadLong(row.pointee.keys, index &* 2 &+ 8)
            // Written out: a loop would spend more on its indices than on the counts.
            addOne(table, a & 0xFFFF)
            addOne(second, (a >> 16) & 0xFFFF)
            addOne(table, (a >> 32) & 0xFFFF)
            addOne(second, a >> 48)
            addOne(table, b & 0xFFFF)
            addOne(second, (b >> 16) & 0xFFFF)
            addOne(table, (b >> 32) & 0xFFFF)
            addOne(second, b >> 48)
            index &+= 8
        }
        while index < count {
            let key = loadShort(row.pointee.keys, index &* 2)
            addOne(table, UInt64(key))
            index &+= 1
        }
        return
    }
    while index &+ 2 <= count {
        let pair = loadLong(row.pointee.keys, index &* 4)
        addOne(table, (pair & 0xFFFF_FFFF) >> UInt64(lowBits))
        addOne(table, pair >> UInt64(lowBits &+ 32))
        index &+= 2
    }
    if index < count {
        let key = loadWord(row.pointee.keys, index &* 4)
        addOne(table, UInt64(key >> lowBits))
    }
}

@inline(always)
private func addOne(_ table: UnsafeMutablePointer<UInt32>, _ slot: UInt64) {
    let place = table + Int(truncatingIfNeeded: slot)
    place.pointee = place.pointee &+ 1
}

/// Counts the lower bits of keys of 31 bits that have a cut's upper bits.
public func countLowKeys(_ row: UnsafePointer<KernelKeyCount>) {
    let upper = all(row.pointee.cut)
    let count = Int(row.pointee.count)
    var index = 0
    while index &+ 16 <= count {
        let keys = loadWords(row.pointee.keys, index &* 4)
        let isEqual = words((keys &>> all(lowBits)) .== upper)
        if holdsAny(isEqual) {
            var lane = 0
            while lane < 16 {
                if isEqual[lane] != 0 { addOne(row.pointee.table, UInt64(keys[lane] & lowMask)) }
                lane &+= 1
            }
        }
        index &+= 16
    }
    while index < count {
        let key = loadWord(row.pointee.keys, index &* 4)
        if key >> lowBits == row.pointee.cut { addOne(row.pointee.table, UInt64(key & lowMask)) }
        index &+= 1
    }
}

/// How many keys are equal to a cut's.
public func countEqualKeys(_ row: UnsafePointer<KernelKeyCount>) -> Int {
    let count = Int(row.pointee.count)
    var found = 0
    var index = 0
    if row.pointee.byteWidth == 2 {
        let cut = SIMD32<UInt16>(repeating: UInt16(truncatingIfNeeded: row.pointee.cut))
        // Stretches are shorter than what a lane's count holds times its lanes.
        var counts = SIMD32<UInt16>(repeating: 0)
        while index &+ 32 <= count {
            let keys = row.pointee.keys.loadUnaligned(
                fromByteOffset: index &* 2, as: SIMD32<UInt16>.self)
            counts = counts &- unsafeBitCast(keys .== cut, to: SIMD32<UInt16>.self)
            index &+= 32
        }
        for lane in 0..<32 { found &+= Int(counts[lane]) }
        while index < count {
            let key = loadShort(row.pointee.keys, index &* 2)
            found &+= UInt32(key) == row.pointee.cut ? 1 : 0
            index &+= 1
        }
        return found
    }
    var counts = all(0)
    while index &+ 16 <= count {
        counts = counts &- words(loadWords(row.pointee.keys, index &* 4) .== all(row.pointee.cut))
        index &+= 16
    }
    for lane in 0..<16 { found &+= Int(counts[lane]) }
    while index < count {
        let key = loadWord(row.pointee.keys, index &* 4)
        found &+= key == row.pointee.cut ? 1 : 0
        index &+= 1
    }
    return found
}

/// Adds a thread's counts to those of the tensor and empties them. Entries that overflow are noted behind the tensor's.
public func addCounts(_ row: UnsafePointer<KernelCountSum>) {
    let length = Int(row.pointee.length)
    let own = UnsafeMutableRawPointer(row.pointee.own)
    let sums = UnsafeMutableRawPointer(row.pointee.sums)
    let folds = row.pointee.isTwofold
    var index = 0
    while index < length {
        var counts = loadWords(UnsafeRawPointer(own), index &* 4)
        if folds {
            let others = index &* 4 &+ tableLength &* 2
            counts = counts &+ loadWords(UnsafeRawPointer(own), others)
            storeWords(all(0), own, others)
        }
        if holdsAny(counts) {
            let before = loadWords(UnsafeRawPointer(sums), index &* 4)
            let after = before &+ counts
            storeWords(all(0), own, index &* 4)
            storeWords(after, sums, index &* 4)
            let overflowed = words(after .< before)
            if holdsAny(overflowed) { noteOverflows(row.pointee, index, overflowed) }
        }
        index &+= 16
    }
}

@inline(never)
private func noteOverflows(_ row: KernelCountSum, _ index: Int, _ overflowed: Words) {
    let notes = row.sums + Int(row.length)
    for lane in 0..<16 where overflowed[lane] != 0 {
        let number = Int(notes[0]) &+ 1
        if number < Int(KERNEL_COUNT_NOTES) {
            notes[number] = UInt32(truncatingIfNeeded: index &+ lane)
            notes[0] = UInt32(truncatingIfNeeded: number)
        }
    }
}

/// The slot of a table that the element of a rank fell into; one behind the last where there are fewer elements.
public func findSlot(_ row: UnsafeMutablePointer<KernelSlot>) {
    let entries = row.pointee.entries
    let length = Int(row.pointee.length)
    let rank = row.pointee.rank
    var below = row.pointee.below
    var slot = 0
    while slot < length {
        let count = countInSlot(entries, length, slot)
        if below &+ count > rank { break }
        below = below &+ count
        slot &+= 1
    }
    row.pointee.below = below
    row.pointee.slot = Int64(slot)
    row.pointee.found = slot < length ? countInSlot(entries, length, slot) : 0
}

/// An entry, with what overflowed of it.
@inline(always)
private func countInSlot(_ entries: UnsafePointer<UInt32>, _ length: Int, _ slot: Int) -> UInt64 {
    var count = UInt64(entries[slot])
    let notes = entries + length
    var note = 1
    while note <= Int(notes[0]) {
        if Int(notes[note]) == slot { count = count &+ 1 << 32 }
        note &+= 1
    }
    return count
}

@inline(always)
func holdsAny(_ x: Words) -> Bool {
    let halves = unsafeBitCast(x, to: SIMD8<UInt64>.self)
    return (halves[0] | halves[1] | halves[2] | halves[3] | halves[4] | halves[5] | halves[6] | halves[7])
        != 0
}
