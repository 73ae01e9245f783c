import CKernel

// SCE: the elements at which the models' differences vary most, weighed by their energy. In whole blocks of 32 elements:
// the caller pads a row's last block with zeros, which add +0 and have no place among the elements.

/// The keys of the differences' variances.
public func writeSpreadKeys(_ row: UnsafePointer<KernelSpread>) {
    switch row.pointee.format {
    case 0: writeKeys(row.pointee, 0)
    case 1: writeKeys(row.pointee, 1)
    default: writeKeys(row.pointee, 2)
    }
}

/// Adds the squares of the kept differences to 16 lanes an input.
public func addSpreadSquares(_ row: UnsafePointer<KernelSpread>) {
    switch row.pointee.format {
    case 0: addSquares(row.pointee, 0)
    case 1: addSquares(row.pointee, 1)
    default: addSquares(row.pointee, 2)
    }
}

/// Folds each input's lanes and empties them; the sums are `stride` numbers apart.
public func foldSpreadSquares(_ row: UnsafePointer<KernelSpread>) {
    var k = 0
    while k < Int(row.pointee.inputCount) {
        let place = row.pointee.lanes + 128 &* k
        var sums = RowSums()
        sums.first = loadDoubles(place, 0)
        sums.second = loadDoubles(place, 64)
        row.pointee.sums[k &* Int(row.pointee.stride)] = folded(sums.lanes(row.pointee.format))
        storeDoubles(SIMD8<Double>(repeating: 0), place, 0)
        storeDoubles(SIMD8<Double>(repeating: 0), place, 64)
        k &+= 1
    }
}

/// A stretch of the output; true where the result holds NaN or infinity.
public func combineSpread(_ row: UnsafePointer<KernelSpread>) -> Bool {
    let row = row.pointee
    switch row.format {
    case 0: return combine(row, 0)
    case 1: return combine(row, 1)
    default: return combine(row, 2)
    }
}

// MARK: Blocks

/// A block's differences of one input.
@inline(always)
private func difference(
    _ row: KernelSpread, _ input: Int, _ byte: Int, _ format: Int32, _ b: (Floats, Floats)
) -> (Floats, Floats) {
    let x = loadPair(format, row.inputs[input] + byte)
    return (floats(x.0) - b.0, floats(x.1) - b.1)
}

@inline(always)
private func bases(_ row: KernelSpread, _ byte: Int, _ format: Int32) -> (Floats, Floats) {
    let b = loadPair(format, row.base + byte)
    return (floats(b.0), floats(b.1))
}

/// What sums over the inputs are divided by for a mean.
private struct InputCount {
    private let count: Floats
    private let reciprocal: Floats
    /// Whether the product with the reciprocal is the quotient, to the bit: of powers of two.
    private let isPowerOfTwo: Bool

    @inline(always)
    init(_ count: Int64) {
        self.count = Floats(repeating: Float(count))
        reciprocal = Floats(repeating: 1 / Float(count))
        isPowerOfTwo = count & (count &- 1) == 0
    }

    @inline(always)
    func mean(_ sum: (Floats, Floats)) -> (Floats, Floats) {
        if isPowerOfTwo { return (sum.0 * reciprocal, sum.1 * reciprocal) }
        return (sum.0 / count, sum.1 / count)
    }
}

/// The keys of a block's variances, each the mean of the squared distances from the mean difference.
@inline(always)
private func keys(
    _ row: KernelSpread, _ inputCount: InputCount, _ byte: Int, _ format: Int32, _ b: (Floats, Floats)
) -> (Words, Words) {
    let zero = Floats(repeating: 0)
    var mean = (zero, zero)
    var k = 0
    while k < Int(row.inputCount) {
        let d = difference(row, k, byte, format, b)
        mean = (mean.0 + d.0, mean.1 + d.1)
        k &+= 1
    }
    mean = inputCount.mean(mean)
    var sum = (zero, zero)
    k = 0
    while k < Int(row.inputCount) {
        let d = difference(row, k, byte, format, b)
        let distance = (d.0 - mean.0, d.1 - mean.1)
        sum = (sum.0 + distance.0 * distance.0, sum.1 + distance.1 * distance.1)
        k &+= 1
    }
    let variance = inputCount.mean(sum)
    return (magnitudeKeys(2, variance.0), magnitudeKeys(2, variance.1))
}

/// All ones where a block's elements are kept.
@inline(always)
private func kept(
    _ row: KernelSpread, _ inputCount: InputCount, _ chosen: KeyChoice, _ index: Int, _ format: Int32,
    _ b: (Floats, Floats)
) -> (Words, Words) {
    if !row.selects { return (all(.max), all(.max)) }
    let found = keys(row, inputCount, index &* width(format), format, b)
    return chosen.between(found, format, row.firstElement &+ UInt64(truncatingIfNeeded: index))
}

@inline(always)
private func choice(_ row: KernelSpread) -> KeyChoice {
    KeyChoice(
        lowKey: row.lowKey, highKey: 0x7FFF_FFFE, lowPosition: row.lowPosition, highPosition: 0,
        keepsEarlier: true)
}

// MARK: Rows

@inline(always)
private func writeKeys(_ row: KernelSpread, _ format: Int32) {
    let inputCount = InputCount(row.inputCount)
    var index = 0
    while index < Int(row.count) {
        let byte = index &* width(format)
        var found = keys(row, inputCount, byte, format, bases(row, byte, format))
        if format != 2 { found = interleaved(found.0, found.1) }
        storeWords(found.0, row.destination, index &* 4)
        storeWords(found.1, row.destination, index &* 4 &+ 64)
        index &+= blockLength
    }
}

@inline(always)
private func addSquares(_ row: KernelSpread, _ format: Int32) {
    let chosen = choice(row)
    let inputCount = InputCount(row.inputCount)
    var index = 0
    while index < Int(row.count) {
        let byte = index &* width(format)
        let b = bases(row, byte, format)
        let mask = kept(row, inputCount, chosen, index, format, b)
        var k = 0
        while k < Int(row.inputCount) {
            let d = difference(row, k, byte, format, b)
            let (x, y) = (masked(mask.0, d.0), masked(mask.1, d.1))
            let values = (lowDoubles(x), highDoubles(x), lowDoubles(y), highDoubles(y))
            let place = row.lanes + 128 &* k
            var sums = RowSums()
            sums.first = loadDoubles(place, 0)
            sums.second = loadDoubles(place, 64)
            sums.add(format, values, times: values)
            storeDoubles(sums.first, place, 0)
            storeDoubles(sums.second, place, 64)
            k &+= 1
        }
        index &+= blockLength
    }
}

@inline(always)
private func combine(_ row: KernelSpread, _ format: Int32) -> Bool {
    // Which type is written depends on the row alone; a function for each would be three times as much code.
    let output = row.output
    let chosen = choice(row)
    let inputCount = InputCount(row.inputCount)
    var marks = all(0)
    var index = 0
    while index < Int(row.count) {
        let byte = index &* width(format)
        let b = bases(row, byte, format)
        let mask = kept(row, inputCount, chosen, index, format, b)
        let result = elected(row, byte, format, b, mask)
        marks |= storePair(
            output, row.destination + index &* width(output),
            rearranged((words(b.0 + result.0), words(b.1 + result.1)), format, output))
        index &+= blockLength
    }
    return tellsNonfinite(output, marks)
}

/// The weighted mean of the kept differences of the elected sign.
@inline(always)
private func elected(
    _ row: KernelSpread, _ byte: Int, _ format: Int32, _ b: (Floats, Floats), _ mask: (Words, Words)
) -> (Floats, Floats) {
    let zero = Floats(repeating: 0)
    var ballot = (zero, zero)
    var k = 0
    while k < Int(row.inputCount) {
        let d = difference(row, k, byte, format, b)
        ballot = (ballot.0 + masked(mask.0, d.0), ballot.1 + masked(mask.1, d.1))
        k &+= 1
    }
    var (sum, divisor) = ((zero, zero), (zero, zero))
    k = 0
    while k < Int(row.inputCount) {
        let d = difference(row, k, byte, format, b)
        let (x, y) = (masked(mask.0, d.0), masked(mask.1, d.1))
        let agrees = (agreement(x, ballot.0), agreement(y, ballot.1))
        let weight = Floats(repeating: row.weights[k])
        sum = (sum.0 + masked(agrees.0, weight * x), sum.1 + masked(agrees.1, weight * y))
        divisor = (divisor.0 + masked(agrees.0, weight), divisor.1 + masked(agrees.1, weight))
        k &+= 1
    }
    return (sum.0 / atLeast(divisor.0), sum.1 / atLeast(divisor.1))
}

/// At least 1e-6; NaN stays NaN.
@inline(always)
private func atLeast(_ divisor: Floats) -> Floats {
    let least = Floats(repeating: 1e-6)
    return floats(choose(words(divisor .< least), words(least), words(divisor)))
}
