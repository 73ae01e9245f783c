import CKernel

// MAGPRUNE of a row too long for 16-bit ranks, one element at a time. Scratch, from its start:
// 16 + 16 Doubles (the lanes of both sums), then the tables of the ranking.

/// Folds 16 lanes to one sum: lane j with lane j + half, while there is a half.
@inline(always)
func fold(_ lanes: UnsafeMutablePointer<Double>) -> Double {
    var half = 8
    while half > 0 {
        var j = 0
        while j < half {
            lanes[j] += lanes[j &+ half]
            j &+= 1
        }
        half /= 2
    }
    return lanes[0]
}

/// Decides the elements in order. `rank` is asked once an element, in order.
@inline(always)
func decide(
    _ row: UnsafeMutablePointer<KernelPrune>, _ format: Int32, rank: (Int, Float) -> UInt32
) {
    let base = row.pointee.base
    let model = row.pointee.model
    let count = Int(row.pointee.count)
    let first = row.pointee.firstElement
    let lanes = row.pointee.scratch.assumingMemoryBound(to: Double.self)
    let keptLanes = lanes + 16
    var lane = 0
    while lane < 32 {
        lanes[lane] = 0
        lane &+= 1
    }
    var words: (UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0)
    var nonfinite = false
    var nans: Int64 = 0
    var infinities: Int64 = 0
    var i = 0
    while i < count {
        let element = first &+ UInt64(truncatingIfNeeded: i)
        if i == 0 || element & 3 == 0 {
            words = philoxBlock(element >> 2, stream: row.pointee.stream, seed: row.pointee.seed)
        }
        let word: UInt32
        switch element & 3 {
        case 0: word = words.0
        case 1: word = words.1
        case 2: word = words.2
        default: word = words.3
        }
        let b = value(format, base, i)
        let x = value(format, UnsafeRawPointer(model), i)
        if !b.isFinite || !x.isFinite { nonfinite = true }
        nans &+= x.isNaN ? 1 : 0
        infinities &+= x.isInfinite ? 1 : 0
        let delta = x - b
        let magnitude = Double(delta.magnitude)
        let u = Float(word >> 8) * 0x1p-24
        let p = row.pointee.firstProbability + row.pointee.probabilityStep * Float(rank(i, delta))
        lanes[i & 15] += magnitude
        if u < p {
            keptLanes[i & 15] += magnitude
            // An infinity kept beside an equal base is inf − inf, which the second phase could not see.
            if delta.isNaN { store(format, model, i, .nan) }
        } else {
            store(format, model, i, b)
        }
        i &+= 1
    }
    row.pointee.total = fold(lanes)
    row.pointee.kept = fold(keptLanes)
    row.pointee.sawNonfinite = nonfinite
    row.pointee.nans = nans
    row.pointee.infinities = infinities
}

/// A 16-bit format: a counting sort over the 32768 keys, 128 KiB whatever the row's length.
@inline(always)
func pruneLong16(_ row: UnsafeMutablePointer<KernelPrune>, _ format: Int32) {
    let base = row.pointee.base
    let model = UnsafeRawPointer(row.pointee.model)
    let count = Int(row.pointee.count)
    let next = (row.pointee.scratch + 256).assumingMemoryBound(to: UInt32.self)
    var i = 0
    while i < 32768 {
        next[i] = 0
        i &+= 1
    }
    i = 0
    while i < count {
        let slot = Int(truncatingIfNeeded: key(format, value(format, model, i) - value(format, base, i)))
        next[slot] = next[slot] &+ 1
        i &+= 1
    }
    var start: UInt32 = 0
    i = 0
    while i < 32768 {
        let here = next[i]
        next[i] = start
        start = start &+ here
        i &+= 1
    }
    decide(row, format) { _, delta in
        let slot = Int(truncatingIfNeeded: key(format, delta))
        let rank = next[slot]
        next[slot] = rank &+ 1
        return rank
    }
}

/// float32: a radix sort of the indices by digits of 11, 10 and 10 bits; 12 bytes an element.
@inline(always)
func pruneLong32(_ row: UnsafeMutablePointer<KernelPrune>) {
    let base = row.pointee.base
    let model = UnsafeRawPointer(row.pointee.model)
    let count = Int(row.pointee.count)
    let tables = (row.pointee.scratch + 256).assumingMemoryBound(to: UInt32.self)
    let keys = tables + 4096
    var i = 0
    while i < count {
        keys[i] = key(2, value(2, model, i) - value(2, base, i))
        i &+= 1
    }
    let ranks = radixRanks(keys: keys, tables: tables, buffers: keys + count, count: count)
    decide(row, 2) { i, _ in ranks[i] }
}

/// Ranks 31-bit keys, equal ones by position. `tables` has room for 4096 counts, `buffers` for 2 × `count`;
/// the answer lies in one of the buffers.
@inline(never)
func radixRanks(
    keys: UnsafeMutablePointer<UInt32>, tables: UnsafeMutablePointer<UInt32>,
    buffers: UnsafeMutablePointer<UInt32>, count: Int
) -> UnsafeMutablePointer<UInt32> {
    let low = tables
    let middle = tables + 2048
    let high = tables + 3072
    let front = buffers
    let back = buffers + count
    var i = 0
    while i < 4096 {
        tables[i] = 0
        i &+= 1
    }
    i = 0
    while i < count {
        let k = Int(truncatingIfNeeded: keys[i])
        low[k & 2047] = low[k & 2047] &+ 1
        middle[(k >> 11) & 1023] = middle[(k >> 11) & 1023] &+ 1
        high[k >> 21] = high[k >> 21] &+ 1
        i &+= 1
    }
    var lowStart: UInt32 = 0
    i = 0
    while i < 2048 {
        let here = low[i]
        low[i] = lowStart
        lowStart = lowStart &+ here
        i &+= 1
    }
    var middleStart: UInt32 = 0
    var highStart: UInt32 = 0
    i = 0
    while i < 1024 {
        let m = middle[i]
        let h = high[i]
        middle[i] = middleStart
        high[i] = highStart
        middleStart = middleStart &+ m
        highStart = highStart &+ h
        i &+= 1
    }
    i = 0
    while i < count {
        let digit = Int(truncatingIfNeeded: keys[i]) & 2047
        front[Int(truncatingIfNeeded: low[digit])] = UInt32(truncatingIfNeeded: i)
        low[digit] = low[digit] &+ 1
        i &+= 1
    }
    i = 0
    while i < count {
        let index = front[i]
        let digit = (Int(truncatingIfNeeded: keys[Int(truncatingIfNeeded: index)]) >> 11) & 1023
        back[Int(truncatingIfNeeded: middle[digit])] = index
        middle[digit] = middle[digit] &+ 1
        i &+= 1
    }
    i = 0
    while i < count {
        let index = Int(truncatingIfNeeded: back[i])
        let digit = Int(truncatingIfNeeded: keys[index]) >> 21
        front[index] = high[digit]
        high[digit] = high[digit] &+ 1
        i &+= 1
    }
    return front
}
