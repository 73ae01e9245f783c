import CKernel

// The second phase, in whole blocks of 32 elements: the caller pads a row's last block. Every choice is a
// mask; branches depend on parameters alone.

/// A term's delta, rescaled and weighted, of a block.
@inline(always)
func weighted(
    _ term: KernelTerm, _ byte: Int, _ format: Int32, _ base: (Words, Words)
) -> (Floats, Floats) {
    let weight = Floats(repeating: term.weight)
    if term.isDropped {
        let zero = weight * Floats(repeating: 0)
        return (zero, zero)
    }
    let x = loadPair(format, term.values + byte)
    let factor = Floats(repeating: term.factor)
    let unpruned = all(term.isPruned ? 0 : .max)
    return (
        weight * delta(x.0, base.0, unpruned, factor),
        weight * delta(x.1, base.1, unpruned, factor)
    )
}

/// (x − b) · factor, and +0 where x = b in a pruned row: there b stands for a dropped element, whose delta is
/// zero even where b or the factor is infinite. `unpruned` is all ones where nothing was dropped: what b is
/// compared as is NaN then, which nothing equals.
@inline(always)
func delta(_ x: Words, _ b: Words, _ unpruned: Words, _ factor: Floats) -> Floats {
    let kept = words(floats(x) .!= floats(b | unpruned))
    let scaled = (floats(x) - floats(b)) * factor
    return floats(words(scaled) & kept)
}

/// All ones where x carries the elected sign, or the ballot is NaN.
@inline(always)
func agreement(_ x: Floats, _ ballot: Floats) -> Words {
    let zero = Floats(repeating: 0)
    let plus = words(ballot .>= zero)
    let isNaN = words(ballot .!= ballot)
    return (words(x .> zero) & plus) | (words(x .< zero) & ~plus) | isNaN
}

@inline(always)
func masked(_ mask: Words, _ x: Floats) -> Floats {
    floats(words(x) & mask)
}

/// What the weights that took part divide by.
@inline(always)
func divided(_ mixed: Floats, _ divisor: Floats) -> Floats {
    let isZero = words(divisor .== Floats(repeating: 0))
    return mixed / floats(choose(isZero, words(Floats(repeating: 1)), words(divisor)))
}

/// One model's parameters in every lane, and what of the arithmetic they need.
struct LoneTerm {
    let values: UnsafeRawPointer
    let factor: Floats
    let weight: Floats
    let own: Floats
    let lambda: Floats
    let unpruned: Words
    let divisor: Floats

    @inline(always)
    init(_ row: KernelCombine, _ divisor: Float) {
        let term = row.terms[0]
        values = term.values
        factor = Floats(repeating: term.factor)
        weight = Floats(repeating: term.weight)
        own = Floats(repeating: term.lambda)
        lambda = Floats(repeating: row.lambda)
        unpruned = all(term.isPruned ? 0 : .max)
        self.divisor = Floats(repeating: divisor)
    }

    /// The result of 16 elements. A term other than zero elects its own sign, and zero adds nothing whether
    /// it is kept or not; but only kept terms divide.
    @inline(always)
    func result(_ x: Words, _ b: Words, normalizes: Bool, electsSigns: Bool) -> Words {
        let weighted = weight * delta(x, b, unpruned, factor)
        var mixed = Floats(repeating: 0) + own * weighted
        if normalizes && electsSigns {
            mixed = divided(mixed, masked(words(weighted .!= Floats(repeating: 0)), weight))
        } else if normalizes {
            mixed = mixed / divisor
        }
        return words(floats(b) + lambda * mixed)
    }

    /// The result of 16 elements, all of them finite. A factor of 1 is left out.
    @inline(always)
    func number(_ x: Words, _ b: Words, scalesTerm: Bool, scalesSum: Bool) -> Words {
        let weighted = weight * ((floats(x) - floats(b)) * factor)
        // From +0, so that a term of −0 adds +0.
        let mixed = Floats(repeating: 0) + (scalesTerm ? own * weighted : weighted)
        return words(floats(b) + (scalesSum ? lambda * mixed : mixed))
    }
}

/// A row with one model.
@inline(always)
func combineAlone(
    _ row: KernelCombine, _ format: Int32, _ output: Int32, normalizes: Bool, electsSigns: Bool
) -> Words {
    let term = LoneTerm(row, linearDivisor(row))
    let base = row.base
    let destination = row.destination
    let count = Int(row.count)
    var marks = all(0)
    var index = 0
    while index < count {
        let b = loadPair(format, base + index &* width(format))
        let x = loadPair(format, term.values + index &* width(format))
        let result = (
            term.result(x.0, b.0, normalizes: normalizes, electsSigns: electsSigns),
            term.result(x.1, b.1, normalizes: normalizes, electsSigns: electsSigns)
        )
        marks |= storePair(output, destination + index &* width(output), rearranged(result, format, output))
        index &+= blockLength
    }
    return marks
}

/// A row with one model whose sum is not divided, as it is where every value is finite: a dropped element, x = b,
/// has the delta +0 by itself, and no result is NaN. What is returned tells where that was not so; the row is
/// computed again then, the whole way.
@inline(always)
func combineNumbers(_ row: KernelCombine, _ format: Int32, scalesTerm: Bool, scalesSum: Bool) -> Words {
    let term = LoneTerm(row, 1)
    let base = row.base
    let destination = row.destination
    let count = Int(row.count)
    var marks = all(0)
    var index = 0
    while index < count {
        let byte = index &* width(format)
        let b = loadPair(format, base + byte)
        let x = loadPair(format, term.values + byte)
        let result = (
            term.number(x.0, b.0, scalesTerm: scalesTerm, scalesSum: scalesSum),
            term.number(x.1, b.1, scalesTerm: scalesTerm, scalesSum: scalesSum)
        )
        marks |= storeNumbers(format, destination + byte, result)
        index &+= blockLength
    }
    return marks
}

/// `combineNumbers` with the factors that the row has.
@inline(always)
func combineNumbers(_ row: KernelCombine, _ format: Int32) -> Words {
    switch (row.terms[0].lambda != 1, row.lambda != 1) {
    case (false, false): combineNumbers(row, format, scalesTerm: false, scalesSum: false)
    case (false, true): combineNumbers(row, format, scalesTerm: false, scalesSum: true)
    case (true, false): combineNumbers(row, format, scalesTerm: true, scalesSum: false)
    case (true, true): combineNumbers(row, format, scalesTerm: true, scalesSum: true)
    }
}

/// The weighted sum of several models' elements that carry the elected sign.
@inline(always)
func mixedElected(
    _ row: KernelCombine, _ byte: Int, _ format: Int32, _ base: (Words, Words)
) -> (Floats, Floats) {
    let zero = Floats(repeating: 0)
    var ballot = (zero, zero)
    var mixed = (zero, zero)
    var divisor = (zero, zero)
    let count = Int(row.termCount)
    var k = 0
    while k < count {
        let x = weighted(row.terms[k], byte, format, base)
        ballot = (ballot.0 + x.0, ballot.1 + x.1)
        k &+= 1
    }
    k = 0
    while k < count {
        let term = row.terms[k]
        let x = weighted(term, byte, format, base)
        let agrees = (agreement(x.0, ballot.0), agreement(x.1, ballot.1))
        let lambda = Floats(repeating: term.lambda)
        let weight = Floats(repeating: term.weight)
        mixed.0 += masked(agrees.0, lambda * x.0)
        mixed.1 += masked(agrees.1, lambda * x.1)
        divisor.0 += masked(agrees.0, weight)
        divisor.1 += masked(agrees.1, weight)
        k &+= 1
    }
    if !row.normalizes { return mixed }
    return (divided(mixed.0, divisor.0), divided(mixed.1, divisor.1))
}

/// The weighted sum of all models' elements.
@inline(always)
func mixedLinear(
    _ row: KernelCombine, _ byte: Int, _ format: Int32, _ base: (Words, Words)
) -> (Floats, Floats) {
    let zero = Floats(repeating: 0)
    var mixed = (zero, zero)
    let count = Int(row.termCount)
    var k = 0
    while k < count {
        let x = weighted(row.terms[k], byte, format, base)
        let lambda = Floats(repeating: row.terms[k].lambda)
        mixed.0 += lambda * x.0
        mixed.1 += lambda * x.1
        k &+= 1
    }
    return mixed
}

/// One block's result, as a pair arranged for `output`.
@inline(always)
func combineBlock(
    _ row: KernelCombine, _ index: Int, _ format: Int32, _ output: Int32, _ divisor: Float
) -> (Words, Words) {
    let byte = index &* width(format)
    let base = loadPair(format, row.base + byte)
    if row.termCount == 0 { return rearranged(base, format, output) }
    var mixed: (Floats, Floats)
    if row.electsSigns {
        mixed = mixedElected(row, byte, format, base)
    } else {
        mixed = mixedLinear(row, byte, format, base)
    }
    if row.normalizes && !row.electsSigns {
        mixed = (mixed.0 / Floats(repeating: divisor), mixed.1 / Floats(repeating: divisor))
    }
    let lambda = Floats(repeating: row.lambda)
    let first = floats(base.0) + lambda * mixed.0
    let second = floats(base.1) + lambda * mixed.1
    return rearranged((words(first), words(second)), format, output)
}

/// A row of `format` into one of `output`, both constants. True where the result holds NaN or infinity.
@inline(always)
func combineBlocks(_ row: KernelCombine, _ format: Int32, _ output: Int32) -> Bool {
    // Other outputs take the general way, which costs the compiler less.
    if format == output {
        if row.termCount == 1 && !row.normalizes && !row.terms[0].isDropped {
            if !tellsNonfinite(format, combineNumbers(row, format)) { return false }
        } else if row.termCount > 1, let scratch = row.scratch {
            if !tellsNonfinite(format, combineSeveral(row, scratch, format)) { return false }
        }
    }
    if format == output && row.termCount == 1 && !row.terms[0].isDropped {
        return tellsNonfinite(output, combineAlone(row, format, output))
    }
    let divisor = linearDivisor(row)
    var marks = all(0)
    var index = 0
    while index < Int(row.count) {
        let result = combineBlock(row, index, format, output, divisor)
        marks |= storePair(output, row.destination + index &* width(output), result)
        index &+= blockLength
    }
    return tellsNonfinite(output, marks)
}

/// `combineAlone` with the parameters that the row has.
@inline(always)
func combineAlone(_ row: KernelCombine, _ format: Int32, _ output: Int32) -> Words {
    if !row.normalizes { return combineAlone(row, format, output, normalizes: false, electsSigns: false) }
    return row.electsSigns
        ? combineAlone(row, format, output, normalizes: true, electsSigns: true)
        : combineAlone(row, format, output, normalizes: true, electsSigns: false)
}

/// `combineSeveral` with the parameters that the row has.
@inline(always)
func combineSeveral(_ row: KernelCombine, _ scratch: UnsafeMutableRawPointer, _ format: Int32) -> Words {
    switch (row.electsSigns, row.normalizes) {
    case (false, false): combineSeveral(row, scratch, format, electsSigns: false, normalizes: false)
    case (false, true): combineSeveral(row, scratch, format, electsSigns: false, normalizes: true)
    case (true, false): combineSeveral(row, scratch, format, electsSigns: true, normalizes: false)
    case (true, true): combineSeveral(row, scratch, format, electsSigns: true, normalizes: true)
    }
}

/// The sum of all weights, in the terms' order; 1 where it is next to nothing.
@inline(always)
func linearDivisor(_ row: KernelCombine) -> Float {
    var sum: Float = 0
    var k = 0
    while k < Int(row.termCount) {
        sum += row.terms[k].weight
        k &+= 1
    }
    return sum.magnitude < 1e-8 ? 1 : sum
}
