import CKernel

// Sums of inputs times coefficients, in whole blocks of 32 elements: the caller pads a row's last block.

/// A stretch of all inputs; true where the result holds NaN or infinity.
public func blendValues(_ row: UnsafePointer<KernelBlend>) -> Bool {
    let row = row.pointee
    switch (row.format, row.output) {
    case (0, 0): return blend(row, 0, 0)
    case (0, 1): return blend(row, 0, 1)
    case (0, _): return blend(row, 0, 2)
    case (1, 0): return blend(row, 1, 0)
    case (1, 1): return blend(row, 1, 1)
    case (1, _): return blend(row, 1, 2)
    case (_, 0): return blend(row, 2, 0)
    case (_, 1): return blend(row, 2, 1)
    default: return blend(row, 2, 2)
    }
}

@inline(always)
private func blend(_ row: KernelBlend, _ format: Int32, _ output: Int32) -> Bool {
    let count = Int(row.count)
    var marks = all(0)
    var index = 0
    while index < count {
        let result = blendBlock(row, index, format)
        marks |= storePair(
            output, row.destination + index &* width(output),
            rearranged((words(result.0), words(result.1)), format, output))
        index &+= blockLength
    }
    return tellsNonfinite(output, marks)
}

@inline(always)
private func load(_ format: Int32, _ memory: UnsafeRawPointer) -> (Floats, Floats) {
    let pair = loadPair(format, memory)
    return (floats(pair.0), floats(pair.1))
}

/// The kinds are those of `KernelBlend`; which it is depends on the row alone.
@inline(always)
private func blendBlock(_ row: KernelBlend, _ index: Int, _ format: Int32) -> (Floats, Floats) {
    let base = row.base
    let byte = index &* width(format)
    let zeros = Floats(repeating: 0)
    switch Int(row.kind) {
    case KERNEL_BLEND_SUM: return weightedSum(row, byte, format)
    case KERNEL_BLEND_QUOTIENT:
        let sum = weightedSum(row, byte, format)
        let divisor = Floats(repeating: row.divisor)
        return (sum.0 / divisor, sum.1 / divisor)
    case KERNEL_BLEND_OFFSET:
        let b = load(format, base + byte)
        let sum = weightedDifferences(row, byte, format, b)
        return (b.0 + sum.0, b.1 + sum.1)
    case KERNEL_BLEND_STOCK:
        let b = load(format, base + byte)
        let sum = plainSum(row, byte, format)
        let divisor = Floats(repeating: row.divisor)
        let average = Floats(repeating: row.coefficients[0])
        let rest = Floats(repeating: row.coefficients[1])
        return (
            average * (sum.0 / divisor) + rest * b.0, average * (sum.1 / divisor) + rest * b.1
        )
    case KERNEL_BLEND_NEAR:
        let b = load(format, base + byte)
        let x = load(format, row.inputs[0] + byte)
        let t = Floats(repeating: row.coefficients[0])
        return (near(x.0, b.0, t), near(x.1, b.1, t))
    case KERNEL_BLEND_RAM: return reinforced(row, byte, format)
    case KERNEL_BLEND_COLUMNS: return columnSum(row, index, format, (zeros, zeros))
    case KERNEL_BLEND_COLUMNS_OFFSET:
        let b = load(format, base + byte)
        let sum = columnSum(row, index, format, b)
        return (b.0 + sum.0, b.1 + sum.1)
    case KERNEL_BLEND_SCALED:
        let x = load(format, row.inputs[0] + byte)
        let scale = Floats(repeating: row.coefficients[0])
        return (x.0 * scale, x.1 * scale)
    default: return load(format, row.inputs[0] + byte)
    }
}

/// Σ c·x, from +0.
@inline(always)
private func weightedSum(_ row: KernelBlend, _ byte: Int, _ format: Int32) -> (Floats, Floats) {
    var sum = (Floats(repeating: 0), Floats(repeating: 0))
    var k = 0
    while k < Int(row.inputCount) {
        let x = load(format, row.inputs[k] + byte)
        let c = Floats(repeating: row.coefficients[k])
        sum = (sum.0 + c * x.0, sum.1 + c * x.1)
        k &+= 1
    }
    return sum
}

/// Σ c·(x − b) of two inputs, from +0, with coefficients an element. Zeros for b leave x as it is.
@inline(always)
private func columnSum(
    _ row: KernelBlend, _ index: Int, _ format: Int32, _ b: (Floats, Floats)
) -> (Floats, Floats) {
    let byte = index &* width(format)
    var sum = (Floats(repeating: 0), Floats(repeating: 0))
    var k = 0
    while k < 2 {
        let place = UnsafeRawPointer(row.coefficients + (k &* Int(row.stride) &+ index))
        var c = (loadWords(place, 0), loadWords(place, 64))
        if format != 2 { c = deinterleaved(c.0, c.1) }
        let x = load(format, row.inputs[k] + byte)
        sum = (sum.0 + floats(c.0) * (x.0 - b.0), sum.1 + floats(c.1) * (x.1 - b.1))
        k &+= 1
    }
    return sum
}

/// Σ c·(x − b), from +0.
@inline(always)
private func weightedDifferences(
    _ row: KernelBlend, _ byte: Int, _ format: Int32, _ b: (Floats, Floats)
) -> (Floats, Floats) {
    var sum = (Floats(repeating: 0), Floats(repeating: 0))
    var k = 0
    while k < Int(row.inputCount) {
        let x = load(format, row.inputs[k] + byte)
        let c = Floats(repeating: row.coefficients[k])
        sum = (sum.0 + c * (x.0 - b.0), sum.1 + c * (x.1 - b.1))
        k &+= 1
    }
    return sum
}

/// Σ x, from +0.
@inline(always)
private func plainSum(_ row: KernelBlend, _ byte: Int, _ format: Int32) -> (Floats, Floats) {
    var sum = (Floats(repeating: 0), Floats(repeating: 0))
    var k = 0
    while k < Int(row.inputCount) {
        let x = load(format, row.inputs[k] + byte)
        sum = (sum.0 + x.0, sum.1 + x.1)
        k &+= 1
    }
    return sum
}

/// w·x + (1 − w)·b with w = t/|b − x|, from 0 to 1; NaN stays NaN.
@inline(always)
private func near(_ x: Floats, _ b: Floats, _ t: Floats) -> Floats {
    let zero = Floats(repeating: 0)
    let one = Floats(repeating: 1)
    let least = Floats(repeating: 1e-6)
    let distance = floats(words(b - x) & all(0x7FFF_FFFF))
    let divisor = floats(choose(words(distance .< least), words(least), words(distance)))
    var w = t / divisor
    w = floats(choose(words(w .< zero), words(zero), words(w)))
    w = floats(choose(words(w .> one), words(one), words(w)))
    return w * x + (one - w) * b
}

/// All ones where a difference counts.
@inline(always)
private func active(_ delta: Floats, _ epsilon: Floats) -> Words {
    words(floats(words(delta) & all(0x7FFF_FFFF)) .> epsilon)
}

/// RAM: b plus the differences that one model has alone, times its factor, and the mean part of shared ones.
/// `divisor` is epsilon.
@inline(always)
private func reinforced(_ row: KernelBlend, _ byte: Int, _ format: Int32) -> (Floats, Floats) {
    let b = load(format, row.base + byte)
    let epsilon = Floats(repeating: row.divisor)
    let counts = activeCounts(row.inputs, Int(row.inputCount), byte, format, b, epsilon)
    let divisors = (atLeastOne(counts.0), atLeastOne(counts.1))
    let alone = (equalsOne(counts.0), equalsOne(counts.1))
    var sum = (Floats(repeating: 0), Floats(repeating: 0))
    var k = 0
    while k < Int(row.inputCount) {
        let x = load(format, row.inputs[k] + byte)
        let factor = Floats(repeating: row.coefficients[k])
        let d = (x.0 - b.0, x.1 - b.1)
        let part = (
            choose(alone.0, words(d.0 * factor), words(d.0 / divisors.0)),
            choose(alone.1, words(d.1 * factor), words(d.1 / divisors.1))
        )
        sum.0 += masked(active(d.0, epsilon), floats(part.0))
        sum.1 += masked(active(d.1, epsilon), floats(part.1))
        k &+= 1
    }
    return (b.0 + sum.0, b.1 + sum.1)
}

/// How many models' differences count, an element.
@inline(always)
private func activeCounts(
    _ inputs: UnsafePointer<UnsafeRawPointer>, _ inputCount: Int, _ byte: Int, _ format: Int32,
    _ b: (Floats, Floats), _ epsilon: Floats
) -> (Words, Words) {
    var counts = (all(0), all(0))
    var k = 0
    while k < inputCount {
        let x = load(format, inputs[k] + byte)
        counts.0 = counts.0 &- active(x.0 - b.0, epsilon)
        counts.1 = counts.1 &- active(x.1 - b.1, epsilon)
        k &+= 1
    }
    return counts
}

@inline(always)
private func atLeastOne(_ counts: Words) -> Floats {
    let number = converted(counts)
    let one = Floats(repeating: 1)
    return floats(choose(words(number .< one), words(one), words(number)))
}

@inline(always)
private func equalsOne(_ counts: Words) -> Words { words(converted(counts) .== Floats(repeating: 1)) }

/// How many differences of each model count, alone and shared: two counts a model, added to.
public func tallyValues(_ row: UnsafePointer<KernelTally>) {
    switch row.pointee.format {
    case 0: tally(row.pointee, 0)
    case 1: tally(row.pointee, 1)
    default: tally(row.pointee, 2)
    }
}

/// In stretches so short that a lane's count of them fits, whole blocks; the caller pads the last with zeros, which
/// are equal to the base's and count nowhere.
@inline(always)
private func tally(_ row: KernelTally, _ format: Int32) {
    let epsilon = Floats(repeating: row.epsilon)
    var k = 0
    while k < Int(row.inputCount) {
        var (alone, shared) = (all(0), all(0))
        var index = 0
        while index < Int(row.count) {
            let byte = index &* width(format)
            let b = load(format, row.base + byte)
            let counts = activeCounts(row.inputs, Int(row.inputCount), byte, format, b, epsilon)
            let x = load(format, row.inputs[k] + byte)
            let first = active(x.0 - b.0, epsilon)
            let second = active(x.1 - b.1, epsilon)
            let (one, other) = (equalsOne(counts.0), equalsOne(counts.1))
            alone = alone &- (first & one) &- (second & other)
            shared = shared &- (first & ~one) &- (second & ~other)
            index &+= blockLength
        }
        row.counts[2 &* k] += sum(alone)
        row.counts[2 &* k &+ 1] += sum(shared)
        k &+= 1
    }
}

@inline(always)
private func sum(_ counts: Words) -> Double {
    var total: UInt64 = 0
    for lane in 0..<16 { total = total &+ UInt64(counts[lane]) }
    return Double(total)
}
