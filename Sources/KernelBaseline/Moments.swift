import CKernel

// What a merge's report says of the inputs and of the output. Sums in Double, element i of a stretch in lane i mod 16.

/// Sums of a stretch of all inputs.
public func sumMoments(_ row: UnsafePointer<KernelMoments>) {
    switch row.pointee.format {
    case 0: moments(row.pointee, 0)
    case 1: moments(row.pointee, 1)
    default: moments(row.pointee, 2)
    }
}

/// What a stretch of the output is against the base.
public func measureChange(_ row: UnsafeMutablePointer<KernelChange>) {
    switch (row.pointee.format, row.pointee.outputFormat) {
    case (0, 0): change(row, 0, 0)
    case (0, 1): change(row, 0, 1)
    case (0, _): change(row, 0, 2)
    case (1, 0): change(row, 1, 0)
    case (1, 1): change(row, 1, 1)
    case (1, _): change(row, 1, 2)
    case (_, 0): change(row, 2, 0)
    case (_, 1): change(row, 2, 1)
    default: change(row, 2, 2)
    }
}

/// Counts differences that are there, and those of both signs.
public func countSigns(_ row: UnsafeMutablePointer<KernelSigns>) {
    switch row.pointee.format {
    case 0: signs(row, 0)
    case 1: signs(row, 1)
    default: signs(row, 2)
    }
}

@inline(always)
private func moments(_ row: KernelMoments, _ format: Int32) {
    moments(row, format, masks: false)
    // A sum that is not finite is the only sign of a value that is not, and a sure one.
    let sumCount = 1 &+ 2 &* Int(row.inputCount)
    var isFinite = true
    var index = 0
    while index < sumCount {
        isFinite = isFinite && row.sums[index].isFinite
        index &+= 1
    }
    if !isFinite { moments(row, format, masks: true) }
}

@inline(always)
private func moments(_ row: KernelMoments, _ format: Int32, masks: Bool) {
    let count = Int(row.inputCount)
    row.sums[0] = baseSquares(row, format, masks: masks)
    var place = row.sums + (1 &+ 2 &* count)
    var i = 0
    while i < count {
        inputMoments(row, i, format, masks: masks)
        var j = i &+ 1
        while row.hasProducts && j < count {
            place.pointee = products(row, i, j, format, masks: masks)
            place += 1
            j &+= 1
        }
        i &+= 1
    }
}

@inline(always)
private func baseSquares(_ row: KernelMoments, _ format: Int32, masks: Bool) -> Double {
    var sums = RowSums()
    let end = Int(row.count) &* width(format)
    var byte = 0
    while byte < end {
        let b = loadPair(format, row.base + byte)
        let x = doubles((floats(b.0), floats(b.1)), masks: masks)
        sums.add(format, x, times: x)
        byte &+= blockLength &* width(format)
    }
    return folded(sums.lanes(format))
}

@inline(always)
private func inputMoments(_ row: KernelMoments, _ input: Int, _ format: Int32, masks: Bool) {
    var (squares, magnitudes) = (RowSums(), RowSums())
    var equal = all(0)
    let end = Int(row.count) &* width(format)
    var byte = 0
    while byte < end {
        let (x, b) = (loadPair(format, row.inputs[input] + byte), loadPair(format, row.base + byte))
        equal = equal &- words(floats(x.0) .== floats(b.0)) &- words(floats(x.1) .== floats(b.1))
        let delta = doubles((floats(x.0) - floats(b.0), floats(x.1) - floats(b.1)), masks: masks)
        let (second, third) = format == 2 ? (delta.1, delta.2) : (delta.2, delta.1)
        squares.add(format, delta, times: delta)
        magnitudes.first = addMagnitudes(addMagnitudes(magnitudes.first, delta.0), third)
        magnitudes.second = addMagnitudes(addMagnitudes(magnitudes.second, second), delta.3)
        byte &+= blockLength &* width(format)
    }
    row.sums[1 &+ 2 &* input] = folded(squares.lanes(format))
    row.sums[2 &+ 2 &* input] = folded(magnitudes.lanes(format))
    row.equal[input] = laneSum(equal)
}

@inline(always)
private func products(_ row: KernelMoments, _ i: Int, _ j: Int, _ format: Int32, masks: Bool) -> Double {
    var sums = RowSums()
    let end = Int(row.count) &* width(format)
    var byte = 0
    while byte < end {
        let b = loadPair(format, row.base + byte)
        let (x, y) = (loadPair(format, row.inputs[i] + byte), loadPair(format, row.inputs[j] + byte))
        sums.add(
            format, doubles((floats(x.0) - floats(b.0), floats(x.1) - floats(b.1)), masks: masks),
            times: doubles((floats(y.0) - floats(b.0), floats(y.1) - floats(b.1)), masks: masks))
        byte &+= blockLength &* width(format)
    }
    return folded(sums.lanes(format))
}

@inline(always)
private func change(
    _ row: UnsafeMutablePointer<KernelChange>, _ format: Int32, _ output: Int32
) {
    change(row, format, output, masks: false)
    if !row.pointee.squares.isFinite { change(row, format, output, masks: true) }
}

@inline(always)
private func change(
    _ row: UnsafeMutablePointer<KernelChange>, _ format: Int32, _ output: Int32, masks: Bool
) {
    let (result, base) = (row.pointee.output, row.pointee.base)
    var squares = RowSums()
    var changed = all(0)
    var peak = SIMD16<Int32>(repeating: 0)
    let count = Int(row.pointee.count)
    var index = 0
    while index < count {
        let b = rearranged(loadPair(format, base + index &* width(format)), format, output)
        let x = loadPair(output, result + index &* width(output))
        changed = changed &- words(floats(x.0) .!= floats(b.0)) &- words(floats(x.1) .!= floats(b.1))
        let delta = doubles((floats(x.0) - floats(b.0), floats(x.1) - floats(b.1)), masks: masks)
        squares.add(output, delta, times: delta)
        peak = larger(peak, finiteMagnitude(x.0, masks: masks))
        peak = larger(peak, finiteMagnitude(x.1, masks: masks))
        index &+= blockLength
    }
    row.pointee.squares = folded(squares.lanes(output))
    row.pointee.changed = laneSum(changed)
    var most: Int32 = 0
    var lane = 0
    while lane < 16 {
        most = max(most, peak[lane])
        lane &+= 1
    }
    row.pointee.peak = UInt32(bitPattern: most)
}

@inline(always)
private func signs(_ row: UnsafeMutablePointer<KernelSigns>, _ format: Int32) {
    let (count, models) = (Int(row.pointee.count), Int(row.pointee.modelCount))
    let end = count &* width(format)
    let step = blockLength &* width(format)
    let base = row.pointee.base
    var model = 0
    while model < models {
        let values = row.pointee.models[model]
        var kept = all(0)
        var byte = 0
        while byte < end {
            let (x, b) = (loadPair(format, values + byte), loadPair(format, base + byte))
            // NaN is neither.
            let (x0, x1, b0, b1) = (floats(x.0), floats(x.1), floats(b.0), floats(b.1))
            kept = kept &- (words(x0 .< b0) | words(x0 .> b0)) &- (words(x1 .< b1) | words(x1 .> b1))
            byte &+= step
        }
        row.pointee.kept[model] &+= laneSum(kept)
        model &+= 1
    }
    row.pointee.conflicts = 0
    guard models > 1 else { return }
    var conflicts = all(0)
    var byte = 0
    while byte < end {
        let b = loadPair(format, base + byte)
        var (plus0, plus1, minus0, minus1) = (all(0), all(0), all(0), all(0))
        var model = 0
        while model < models {
            let x = loadPair(format, row.pointee.models[model] + byte)
            let (mask, flip) = (all(row.pointee.masks[model]), all(row.pointee.flips[model]))
            let d0 = floats((words(floats(x.0) - floats(b.0)) & mask) ^ flip)
            let d1 = floats((words(floats(x.1) - floats(b.1)) & mask) ^ flip)
            let zero = Floats(repeating: 0)
            plus0 |= words(d0 .> zero)
            plus1 |= words(d1 .> zero)
            minus0 |= words(d0 .< zero)
            minus1 |= words(d1 .< zero)
            model &+= 1
        }
        conflicts = conflicts &- (plus0 & minus0) &- (plus1 & minus1)
        byte &+= step
    }
    row.pointee.conflicts = laneSum(conflicts)
}

// MARK: Lanes

/// A pair in Double; with `masks`, what is not finite as 0.
@inline(always)
private func doubles(_ pair: (Floats, Floats), masks: Bool) -> BlockDoubles {
    var (x, y) = pair
    if masks { (x, y) = (finite(x), finite(y)) }
    return (lowDoubles(x), highDoubles(x), lowDoubles(y), highDoubles(y))
}

@inline(always)
private func finite(_ x: Floats) -> Floats {
    floats(words(x) & ~exceeds(words(x) & all(0x7FFF_FFFF), 0x7F7F_FFFF))
}

@inline(always)
private func finiteMagnitude(_ x: Words, masks: Bool) -> SIMD16<Int32> {
    let bits = masks ? words(finite(floats(x))) : x
    return unsafeBitCast(bits & all(0x7FFF_FFFF), to: SIMD16<Int32>.self)
}

@inline(always)
private func larger(_ x: SIMD16<Int32>, _ y: SIMD16<Int32>) -> SIMD16<Int32> {
    x.replacing(with: y, where: y .> x)
}

@inline(always)
private func laneSum(_ lanes: Words) -> Int64 {
    var sum: Int64 = 0
    var lane = 0
    while lane < 16 {
        sum &+= Int64(lanes[lane])
        lane &+= 1
    }
    return sum
}
