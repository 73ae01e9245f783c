import CKernel

// How much a row of one model tells that the base's does not: Σ p·log(p/q) of their softmaxes, each with 1e-8 added, in
// Double and in the contract's order of sums. Exponential and logarithm are plain arithmetic, the same everywhere.

private typealias Doubles = SIMD8<Double>

/// The divergence of one row of the model from the base's. What is not finite makes it NaN.
public func divergence(_ row: UnsafePointer<KernelDivergence>) -> Double {
    let x = Exponentials(row.pointee, row.pointee.model, second: false)
    let b = Exponentials(row.pointee, row.pointee.base, second: true)
    let (p, q) = (Doubles(repeating: x.sum()), Doubles(repeating: b.sum()))
    var sums = RowSums()
    var index = 0
    while index < x.count {
        let (model, base) = (x.block(index), b.block(index))
        var byte = 0
        while byte < 256 {
            let term = term(loadDoubles(model, byte) / p, loadDoubles(base, byte) / q)
            sums.add(term, x.format, byte)
            byte &+= 64
        }
        index &+= blockLength
    }
    return folded(sums.lanes(x.format))
}

/// p·log(p/q), 1e-8 added to both.
@inline(__always)
private func term(_ p: Doubles, _ q: Doubles) -> Doubles {
    let little = Doubles(repeating: 1e-8)
    let (p, q) = (p + little, q + little)
    return p * logarithm(p / q)
}

extension RowSums {
    /// Adds a quarter of a block of 32 values: of a pair the halves of its first and of its second vector.
    @inline(__always)
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
    @inline(__always)
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

// MARK: Functions

@inline(__always)
private func bits(_ x: Doubles) -> Lanes { unsafeBitCast(x, to: Lanes.self) }

@inline(__always)
private func doubles(_ x: Lanes) -> Doubles { unsafeBitCast(x, to: Doubles.self) }

@inline(__always)
private func lanes(_ mask: SIMDMask<SIMD8<Int64>>) -> Lanes { unsafeBitCast(mask, to: Lanes.self) }

/// Multiples of log 2 taken off, the series of the rest, 2ⁿ by the exponent's bits. Of numbers up to 0; next to nothing
/// below −708 is nothing, NaN stays NaN.
@inline(__always)
private func exponential(_ x: Doubles) -> Doubles {
    // Adding it leaves the nearest integer in the last bits.
    let shifter = Doubles(repeating: 0x1.8p52)
    let shifted = x * Doubles(repeating: 0x1.71547652b82fep0) + shifter
    let n = shifted - shifter
    let r = (x - n * Doubles(repeating: 0x1.62e42fefa3800p-1)) - n * Doubles(repeating: 0x1.ef35793c76730p-45)
    var series = Doubles(repeating: 1 / 6_227_020_800)
    series = series * r + Doubles(repeating: 1 / 479_001_600)
    series = series * r + Doubles(repeating: 1 / 39_916_800)
    series = series * r + Doubles(repeating: 1 / 3_628_800)
    series = series * r + Doubles(repeating: 1 / 362_880)
    series = series * r + Doubles(repeating: 1 / 40_320)
    series = series * r + Doubles(repeating: 1 / 5_040)
    series = series * r + Doubles(repeating: 1 / 720)
    series = series * r + Doubles(repeating: 1 / 120)
    series = series * r + Doubles(repeating: 1 / 24)
    series = series * r + Doubles(repeating: 1 / 6)
    series = series * r + Doubles(repeating: 0.5)
    series = series * r + Doubles(repeating: 1)
    series = series * r + Doubles(repeating: 1)
    let power = doubles((bits(shifted) &+ Lanes(repeating: 1023)) &<< Lanes(repeating: 52))
    let isNothing = lanes(x .< Doubles(repeating: -708))
    return doubles(bits(series * power) & ~isNothing)
}

/// The exponent times log 2 and the series of the rest, in (m − 1)/(m + 1). Of positive normal numbers, or NaN.
@inline(__always)
private func logarithm(_ x: Doubles) -> Doubles {
    // The exponent by which m lies between √½ and √2.
    let offset = Lanes(repeating: 0x3FE6_A09E_667F_3BCD)
    let moved = bits(x) &- offset
    let exponent = unsafeBitCast(moved, to: SIMD8<Int64>.self) &>> SIMD8<Int64>(repeating: 52)
    let m = doubles(bits(x) &- unsafeBitCast(exponent &<< SIMD8<Int64>(repeating: 52), to: Lanes.self))
    // Small integers become Doubles by the bits of a large one.
    let large = Doubles(repeating: 0x1.8p52)
    let n = doubles(bits(large) &+ unsafeBitCast(exponent, to: Lanes.self)) - large
    let one = Doubles(repeating: 1)
    let s = (m - one) / (m + one)
    let square = s * s
    var series = Doubles(repeating: 2 / 21)
    series = series * square + Doubles(repeating: 2 / 19)
    series = series * square + Doubles(repeating: 2 / 17)
    series = series * square + Doubles(repeating: 2 / 15)
    series = series * square + Doubles(repeating: 2 / 13)
    series = series * square + Doubles(repeating: 2 / 11)
    series = series * square + Doubles(repeating: 2 / 9)
    series = series * square + Doubles(repeating: 2 / 7)
    series = series * square + Doubles(repeating: 2 / 5)
    series = series * square + Doubles(repeating: 2 / 3)
    let rest = s * Doubles(repeating: 2) + s * (square * series)
    let result = n * Doubles(repeating: 0x1.62e42fefa39efp-1) + rest
    // Of NaN all of this is some number.
    return doubles(bits(result) | lanes(x .!= x))
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
@inline(__always)
private func score(_ delta: Floats, _ factor: Floats) -> Floats {
    let magnitude = all(0x7FFF_FFFF)
    return floats(words(floats(words(delta) & magnitude) * factor) & magnitude)
}

@inline(__always)
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

@inline(__always)
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
