import CKernel

// Exponential and logarithm in Double, of plain arithmetic: the same everywhere.

typealias Doubles = SIMD8<Double>

@inline(always)
func bits(_ x: Doubles) -> Lanes { unsafeBitCast(x, to: Lanes.self) }

@inline(always)
func doubles(_ x: Lanes) -> Doubles { unsafeBitCast(x, to: Doubles.self) }

@inline(always)
func lanes(_ mask: SIMDMask<SIMD8<Int64>>) -> Lanes { unsafeBitCast(mask, to: Lanes.self) }

/// Multiples of log 2 taken off, the series of the rest, 2ⁿ by the exponent's bits. Of numbers up to 709; next to nothing
/// below −708 is nothing, NaN stays NaN.
@inline(always)
func exponential(_ x: Doubles) -> Doubles {
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

/// p·log(p/q), 1e-8 added to both, of numbers up to 1. NaN where one is.
///
/// The logarithm is a multiple n of log 2, found by the difference of the bits, and the series of the rest in
/// (m − q)/(m + q), m = p·2⁻ⁿ between ⅔ and 3/2 of q: one division in all.
@inline(always)
func divergenceTerm(_ p: Doubles, _ q: Doubles) -> Doubles {
    let little = Doubles(repeating: 1e-8)
    let (p, q) = (p + little, q + little)
    // Rounded to a whole exponent, and moved up so that it is positive: n + 1024.
    let offset = Lanes(repeating: 1024 << 52 | 1 << 51)
    let moved = (bits(p) &- bits(q)) &+ offset
    let exponent = moved & Lanes(repeating: 0x7FF << 52)
    let m = doubles((bits(p) &- exponent) &+ Lanes(repeating: 1024 << 52))
    // Small integers become Doubles by the bits of a large one.
    let large = Doubles(repeating: 0x1p52)
    let n = doubles((exponent &>> Lanes(repeating: 52)) | bits(large)) - Doubles(repeating: 0x1p52 + 1024)
    let s = (m - q) / (m + q)
    let square = s * s
    var series = Doubles(repeating: 2 / 19)
    series = series * square + Doubles(repeating: 2 / 17)
    series = series * square + Doubles(repeating: 2 / 15)
    series = series * square + Doubles(repeating: 2 / 13)
    series = series * square + Doubles(repeating: 2 / 11)
    series = series * square + Doubles(repeating: 2 / 9)
    series = series * square + Doubles(repeating: 2 / 7)
    series = series * square + Doubles(repeating: 2 / 5)
    series = series * square + Doubles(repeating: 2 / 3)
    let rest = s * Doubles(repeating: 2) + s * (square * series)
    let result = p * (n * Doubles(repeating: 0x1.62e42fefa39efp-1) + rest)
    // Of NaN all of this may be some number.
    return doubles(bits(result) | lanes(p .!= p) | lanes(q .!= q))
}

// MARK: Tables

/// Values of 16 bits from this magnitude on are in no table: below it neither exponentials nor their sums are infinite.
private let tableLimit: Float = 512

/// Fills the exponentials of all values of a 16-bit format, by their bits; 0 where there is none.
public func tabulateExponentials(_ format: Int32, _ table: UnsafeMutablePointer<Double>) {
    var index = 0
    while index < 65536 {
        let stored = UInt16(truncatingIfNeeded: index)
        let x = format == 0 ? float(bfloat16: stored) : float(float16: stored)
        table[index] = x.magnitude < tableLimit ? exponential(Doubles(repeating: Double(x)))[0] : 0
        index &+= 1
    }
}

/// As `divergence`, of a row of 16-bit values whose exponentials are in a table and which is kept; `nil` of another.
///
/// The maximum is not subtracted: what it is for, that nothing overflows, is so of all values in the table.
@inline(never)
func tabulatedDivergence(_ row: KernelDivergence, _ table: UnsafePointer<Double>) -> Double? {
    let count = Int(row.count)
    guard count <= Int(row.keptCount), areTabulated(row.model, count, row.format),
        areTabulated(row.base, count, row.format)
    else { return nil }
    let length = (count &+ blockLength &- 1) & ~(blockLength &- 1)
    let (model, base) = (row.scratch + 768, row.scratch + 768 + length &* 8)
    let p = Doubles(repeating: 1 / lookUp(row.model, count, table, model))
    let q = Doubles(repeating: 1 / lookUp(row.base, count, table, base))
    var (first, second) = (Doubles(repeating: 0), Doubles(repeating: 0))
    var byte = 0
    while byte < length &* 8 {
        first += divergenceTerm(loadDoubles(model, byte) * p, loadDoubles(base, byte) * q)
        second += divergenceTerm(loadDoubles(model, byte &+ 64) * p, loadDoubles(base, byte &+ 64) * q)
        byte &+= 128
    }
    return folded(SIMD16(lowHalf: first, highHalf: second))
}

@inline(always)
private func areTabulated(_ values: UnsafeRawPointer, _ count: Int, _ format: Int32) -> Bool {
    var most: UInt16 = 0
    var index = 0
    while index < count {
        let magnitude = loadShort(values, index &* 2) & 0x7FFF
        most = magnitude > most ? magnitude : most
        index &+= 1
    }
    return most < (format == 0 ? bfloat16(tableLimit) : float16(tableLimit))
}

/// Puts a row's exponentials to `room`, zeros behind them up to a whole block, and returns their sum.
@inline(always)
private func lookUp(
    _ values: UnsafeRawPointer, _ count: Int, _ table: UnsafePointer<Double>, _ room: UnsafeMutableRawPointer
) -> Double {
    let length = (count &+ blockLength &- 1) & ~(blockLength &- 1)
    let found = room.assumingMemoryBound(to: Double.self)
    var index = 0
    while index < count {
        found[index] = table[Int(truncatingIfNeeded: loadShort(values, index &* 2))]
        index &+= 1
    }
    while index < length {
        found[index] = 0
        index &+= 1
    }
    var (first, second) = (Doubles(repeating: 0), Doubles(repeating: 0))
    var byte = 0
    while byte < length &* 8 {
        first += loadDoubles(room, byte)
        second += loadDoubles(room, byte &+ 64)
        byte &+= 128
    }
    return folded(SIMD16(lowHalf: first, highHalf: second))
}
