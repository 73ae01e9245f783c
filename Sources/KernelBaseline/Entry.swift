import CKernel

/// Stored values to working values.
public func decodeValues(_ row: UnsafePointer<KernelDecode>) {
    let row = row.pointee
    switch (row.sourceFormat, row.destinationFormat) {
    case (0, 1): decodeBlocks(row, 0, 1)
    case (0, 2): decodeBlocks(row, 0, 2)
    case (1, 0): decodeBlocks(row, 1, 0)
    case (1, 2): decodeBlocks(row, 1, 2)
    case (2, 0): decodeBlocks(row, 2, 0)
    case (2, 1): decodeBlocks(row, 2, 1)
    case (3, 0): decodeDoubles(row, 0)
    case (3, 1): decodeDoubles(row, 1)
    case (3, 2): decodeDoubles(row, 2)
    default:
        row.destination.copyMemory(from: row.source, byteCount: Int(row.count) &* width(row.sourceFormat))
    }
}

/// First phase of one row of one model.
public func pruneRow(_ row: UnsafeMutablePointer<KernelPrune>) {
    let isShort = row.pointee.count <= longestShortRow
    switch row.pointee.format {
    case 0:
        if isShort && pruneShort16(row, 0) { return }
        pruneLong16(row, 0)
    case 1:
        if isShort && pruneShort16(row, 1) { return }
        pruneLong16(row, 1)
    default:
        if isShort && pruneShort32(row) { return }
        pruneLong32(row)
    }
}

/// Second phase of one row of all models; true where the result holds NaN or infinity.
public func combineRow(_ row: UnsafePointer<KernelCombine>) -> Bool {
    let row = row.pointee
    switch (row.format, row.output) {
    case (0, 0): return combineBlocks(row, 0, 0)
    case (0, 1): return combineBlocks(row, 0, 1)
    case (0, _): return combineBlocks(row, 0, 2)
    case (1, 0): return combineBlocks(row, 1, 0)
    case (1, 1): return combineBlocks(row, 1, 1)
    case (1, _): return combineBlocks(row, 1, 2)
    case (_, 0): return combineBlocks(row, 2, 0)
    case (_, 1): return combineBlocks(row, 2, 1)
    default: return combineBlocks(row, 2, 2)
    }
}

/// Counts the NaNs and infinities of working values.
public func countNonfiniteValues(_ row: UnsafeMutablePointer<KernelCount>) {
    row.pointee.nans = 0
    row.pointee.infinities = 0
    guard holdsNonfinite(row.pointee.values, row.pointee.count, row.pointee.format) else { return }
    var nans: Int64 = 0
    var infinities: Int64 = 0
    var i = 0
    while i < Int(row.pointee.count) {
        let x = value(row.pointee.format, row.pointee.values, i)
        nans &+= x.isNaN ? 1 : 0
        infinities &+= x.isInfinite ? 1 : 0
        i &+= 1
    }
    row.pointee.nans = nans
    row.pointee.infinities = infinities
}

/// Whether any value's exponent is all ones. Added to the least bit of the exponent, only such an exponent
/// carries into the sign, which was masked off: three operations a vector and no branch.
private func holdsNonfinite(_ values: UnsafeRawPointer, _ count: Int64, _ format: Int32) -> Bool {
    let lanes = format == 2 ? 8 : 16
    let bytes = Int(count) &* (format == 2 ? 4 : 2)
    let whole = bytes / 32 &* 32
    var carried = SIMD8<UInt32>(repeating: 0)
    if lanes == 8 {
        let magnitude = SIMD8<UInt32>(repeating: 0x7FFF_FFFF)
        let unit = SIMD8<UInt32>(repeating: 0x0080_0000)
        var offset = 0
        while offset < whole {
            let pattern = values.loadUnaligned(fromByteOffset: offset, as: SIMD8<UInt32>.self)
            carried = carried | ((pattern & magnitude) &+ unit)
            offset &+= 32
        }
        carried = carried & ~magnitude
    } else {
        let magnitude = SIMD16<UInt16>(repeating: 0x7FFF)
        let unit = SIMD16<UInt16>(repeating: format == 0 ? 0x0080 : 0x0400)
        var halves = SIMD16<UInt16>(repeating: 0)
        var offset = 0
        while offset < whole {
            let pattern = values.loadUnaligned(fromByteOffset: offset, as: SIMD16<UInt16>.self)
            halves = halves | ((pattern & magnitude) &+ unit)
            offset &+= 32
        }
        carried = unsafeBitCast(halves & ~magnitude, to: SIMD8<UInt32>.self)
    }
    var any: UInt32 = 0
    for lane in 0..<8 { any |= carried[lane] }
    if any != 0 { return true }
    var i = whole / (format == 2 ? 4 : 2)
    while i < Int(count) {
        if !value(format, values, i).isFinite { return true }
        i &+= 1
    }
    return false
}

/// The words of `count` blocks of the random stream, four words each.
public func randomBlocks(
    _ words: UnsafeMutablePointer<UInt32>, _ firstBlock: UInt64, _ count: Int, _ stream: UInt64,
    _ seed: UInt64
) {
    withUnsafeTemporaryAllocation(byteCount: roundKeysByteCount &+ 128, alignment: 64) { scratch in
        guard let start = scratch.baseAddress else { return }
        let keys = start.assumingMemoryBound(to: Lanes.self)
        let last = start + roundKeysByteCount
        writeRoundKeys(seed, keys)
        var done = 0
        while done < count {
            let block = firstBlock &+ UInt64(truncatingIfNeeded: done)
            let place = UnsafeMutableRawPointer(words + 4 &* done)
            if done &+ 8 <= count {
                writeBlocks(place, block, stream, keys, natural: true)
            } else {
                writeBlocks(last, block, stream, keys, natural: true)
                place.copyMemory(from: last, byteCount: (count &- done) &* 16)
            }
            done &+= 8
        }
    }
}

/// Bytes of scratch that `pruneRow` needs.
public func pruneScratchByteCount(_ count: Int, _ format: Int32) -> Int {
    let long = format == 2 ? 256 &+ 16384 &+ 12 &* count : 256 &+ 131072
    let short = ShortLayout(min(count, longestShortRow), format).byteCount
    return max(long, short)
}
