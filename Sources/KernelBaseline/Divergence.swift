import CKernel

// How much a row of one model tells that the base's does not: Σ p·log(p/q) of their softmaxes, each with 1e-8 added, in
// Double and in the contract's order of sums.

/// The divergence of one row of the model from the base's. What is not finite makes it NaN.
public func divergence(_ row: UnsafePointer<KernelDivergence>) -> Double {
    if let table = row.pointee.exponentials, let found = tabulatedDivergence(row.pointee, table) {
        return found
    }
    let x = Exponentials(row.pointee, row.pointee.model, second: false)
    let b = Exponentials(row.pointee, row.pointee.base, second: true)
    let (p, q) = (Doubles(repeating: 1 / x.sum()), Doubles(repeating: 1 / b.sum()))
    var sums = RowSums()
    var index = 0
    while index < x.count {
        let (model, base) = (x.block(index), b.block(index))
        var byte = 0
        while byte < 256 {
            let term = divergenceTerm(loadDoubles(model, byte) * p, loadDoubles(base, byte) * q)
            sums.add(term, x.format, byte)
            byte &+= 64
        }
        index &+= blockLength
    }
    return folded(sums.lanes(x.format))
}

extension RowSums {
    /// Adds a quarter of a block of 32 values: of a pair the halves of its first and of its second vector.
    @inline(always)
    fileprivate mutating func add(_ x: Doubles, _ format: Int32, _ byte: Int) {
        let isSecond = format == 2 ? byte & 64 != 0 : byte & 128 != 0
        if isSecond { second += x } else { first += x }
    }
}

/// The exponentials of a row's values less their maximum, as Doubles. Computed once and kept where there is room.
private struct Exponentials {
    let values: UnsafeRawPointer
    /// The last, partial block, and behind it values whose exponential is 0.
    let tail: UnsafeMutableRawPointer
    /// Room for all, or for one block.
    let room: UnsafeMutableRawPointer
    let areKept: Bool
    let count: Int
    let format: Int32
    let most: Double

    /// Scratch has both rows' tails and one block each, then room for both rows.
    @inline(never)
    init(_ row: KernelDivergence, _ values: UnsafeRawPointer, second: Bool) {
        self.values = values
        format = row.format
        count = Int(row.count)
        let length = (count &+ blockLength &- 1) & ~(blockLength &- 1)
        areKept = count <= Int(row.keptCount)
        tail = row.scratch + (second ? 128 : 0)
        // In steps: as one expression it takes Swift 6.2 too long.
        let kept = second ? 768 &+ length &* 8 : 768
        let sums = second ? 512 : 256
        room = row.scratch + (areKept ? kept : sums)
        let whole = count & ~(blockLength &- 1)
        let least: UInt32 = format == 0 ? 0xFF80_FF80 : format == 1 ? 0xFC00_FC00 : 0xFF80_0000
        storeWords(all(least), tail, 0)
        storeWords(all(least), tail, 64)
        tail.copyMemory(from: values + whole &* width(format), byteCount: (count &- whole) &* width(format))
        var most = Floats(repeating: -.infinity)
        var index = 0
        while index < count {
            let source =
                index &+ blockLength > count ? UnsafeRawPointer(tail) : values + index &* width(format)
            let x = loadPair(format, source)
            most = floats(choose(words(floats(x.0) .> most), x.0, words(most)))
            most = floats(choose(words(floats(x.1) .> most), x.1, words(most)))
            index &+= blockLength
        }
        var greatest = most[0]
        for lane in 1..<16 { greatest = most[lane] > greatest ? most[lane] : greatest }
        self.most = Double(greatest)
    }

    /// Their sum.
    @inline(never)
    func sum() -> Double {
        var sums = RowSums()
        var index = 0
        while index < count {
            let place = areKept ? room + index &* 8 : room
            compute(index, place)
            var byte = 0
            while byte < 256 {
                sums.add(loadDoubles(place, byte), format, byte)
                byte &+= 64
            }
            index &+= blockLength
        }
        return folded(sums.lanes(format))
    }

    /// Where those of a block are.
    @inline(always)
    func block(_ index: Int) -> UnsafeRawPointer {
        if areKept { return UnsafeRawPointer(room + index &* 8) }
        compute(index, room)
        return UnsafeRawPointer(room)
    }

    @inline(never)
    private func compute(_ index: Int, _ place: UnsafeMutableRawPointer) {
        let source = index &+ blockLength > count ? UnsafeRawPointer(tail) : values + index &* width(format)
        let x = loadPair(format, source)
        let most = Doubles(repeating: most)
        storeDoubles(lowDoubles(floats(x.0)), place, 0)
        storeDoubles(highDoubles(floats(x.0)), place, 64)
        storeDoubles(lowDoubles(floats(x.1)), place, 128)
        storeDoubles(highDoubles(floats(x.1)), place, 192)
        var byte = 0
        while byte < 256 {
            let value = loadDoubles(place, byte)
            storeDoubles(exponential(value - most), place, byte)
            byte &+= 64
        }
    }
}

// MARK: Scores

/// The keys of a stretch's scores, 32 bits each.
public func writeScoreKeys(_ row: UnsafePointer<KernelScore>) {
    switch row.pointee.format {
    case 0: writeKeys(row.pointee, 0)
    case 1: writeKeys(row.pointee, 1)
    default: writeKeys(row.pointee, 2)
    }
}

/// A stretch of the output; true where the result holds NaN or infinity.
public func combineScored(_ row: UnsafePointer<KernelScore>) -> Bool {
    let row = row.pointee
    switch row.format {
    case 0: return combine(row, 0)
    case 1: return combine(row, 1)
    default: return combine(row, 2)
    }
}

/// |δ| times the factor, which may be negative by a rounding.
@inline(always)
private func score(_ delta: Floats, _ factor: Floats) -> Floats {
    let magnitude = all(0x7FFF_FFFF)
    return floats(words(floats(words(delta) & magnitude) * factor) & magnitude)
}

@inline(always)
private func writeKeys(_ row: KernelScore, _ format: Int32) {
    let factor = Floats(repeating: row.factor)
    let count = Int(row.count)
    var index = 0
    while index &+ blockLength <= count {
        let b = loadPair(format, row.base + index &* width(format))
        let x = loadPair(format, row.model + index &* width(format))
        var keys = (
            magnitudeKeys(2, score(floats(x.0) - floats(b.0), factor)),
            magnitudeKeys(2, score(floats(x.1) - floats(b.1), factor))
        )
        if format != 2 { keys = interleaved(keys.0, keys.1) }
        storeWords(keys.0, row.destination, index &* 4)
        storeWords(keys.1, row.destination, index &* 4 &+ 64)
        index &+= blockLength
    }
    while index < count {
        let delta = value(format, row.model, index) - value(format, row.base, index)
        storeWord(key(2, delta.magnitude * row.factor), row.destination, index &* 4)
        index &+= 1
    }
}

@inline(always)
private func combine(_ row: KernelScore, _ format: Int32) -> Bool {
    let output = row.output
    let factor = Floats(repeating: row.factor)
    let threshold = Floats(repeating: row.threshold)
    var marks = all(0)
    var index = 0
    while index < Int(row.count) {
        let b = loadPair(format, row.base + index &* width(format))
        let x = loadPair(format, row.model + index &* width(format))
        let delta = (floats(x.0) - floats(b.0), floats(x.1) - floats(b.1))
        let result = (
            words(floats(b.0) + masked(words(score(delta.0, factor) .>= threshold), delta.0)),
            words(floats(b.1) + masked(words(score(delta.1, factor) .>= threshold), delta.1))
        )
        marks |= storePair(
            output, row.destination + index &* width(output), rearranged(result, format, output))
        index &+= blockLength
    }
    return tellsNonfinite(output, marks)
}
