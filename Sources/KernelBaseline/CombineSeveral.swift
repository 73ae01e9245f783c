import CKernel

// The second phase of a row with several models, as it is where every value is finite: a dropped element, x = b, has
// the delta +0 by itself, and no sum is NaN. What is returned tells where that was not so; the row is computed again
// then, the whole way.
//
// Scratch has `KERNEL_TERM_SCRATCH` bytes a model: its parameters in every lane, its part of the block under way, and
// where its values are.

private let termStride = Int(KERNEL_TERM_SCRATCH)
private let factorPlace = 0
private let weightPlace = 64
private let lambdaPlace = 128
private let partPlace = 192
private let valuesPlace = 320

/// Writes what the blocks need of each model.
@inline(always)
private func writeTerms(_ row: KernelCombine, _ scratch: UnsafeMutableRawPointer) {
    var k = 0
    while k < Int(row.termCount) {
        let term = row.terms[k]
        let place = scratch + k &* termStride
        storeWords(words(Floats(repeating: term.factor)), place, factorPlace)
        storeWords(words(Floats(repeating: term.weight)), place, weightPlace)
        storeWords(words(Floats(repeating: term.lambda)), place, lambdaPlace)
        // A dropped model's values are not looked at: its delta is the base's to itself.
        place.storeBytes(
            of: term.isDropped ? row.base : term.values, toByteOffset: valuesPlace, as: UnsafeRawPointer.self)
        k &+= 1
    }
}

/// A row of `format` into one of the same, a constant.
@inline(always)
func combineSeveral(
    _ row: KernelCombine, _ scratch: UnsafeMutableRawPointer, _ format: Int32, electsSigns: Bool,
    normalizes: Bool
) -> Words {
    writeTerms(row, scratch)
    let divisor = Floats(repeating: normalizes && !electsSigns ? linearDivisor(row) : 1)
    let lambda = Floats(repeating: row.lambda)
    let base = row.base
    let destination = row.destination
    let end = scratch + Int(row.termCount) &* termStride
    let count = Int(row.count)
    var marks = all(0)
    var index = 0
    while index < count {
        let byte = index &* width(format)
        let b = loadPair(format, base + byte)
        var mixed = addParts(scratch, end, byte, format, b, keepsParts: electsSigns)
        if electsSigns {
            mixed = mixElected(scratch, end, (words(mixed.0), words(mixed.1)), normalizes: normalizes)
        } else if normalizes {
            mixed = (mixed.0 / divisor, mixed.1 / divisor)
        }
        let result = (
            words(floats(b.0) + lambda * mixed.0), words(floats(b.1) + lambda * mixed.1)
        )
        marks |= storeNumbers(format, destination + byte, result)
        index &+= blockLength
    }
    return marks
}

/// The sum of the models' parts of a block, in their order from +0: weighted alone where they are kept for an
/// election, times their own lambda where the sum is the result.
@inline(always)
private func addParts(
    _ scratch: UnsafeMutableRawPointer, _ end: UnsafeMutableRawPointer, _ byte: Int, _ format: Int32,
    _ b: (Words, Words), keepsParts: Bool
) -> (Floats, Floats) {
    var sum = (Floats(repeating: 0), Floats(repeating: 0))
    var place = scratch
    while place < end {
        let values = place.load(fromByteOffset: valuesPlace, as: UnsafeRawPointer.self)
        let x = loadPair(format, values + byte)
        let factor = floats(loadWords(place, factorPlace))
        let weight = floats(loadWords(place, weightPlace))
        let first = weight * ((floats(x.0) - floats(b.0)) * factor)
        let second = weight * ((floats(x.1) - floats(b.1)) * factor)
        if keepsParts {
            storeWords(words(first), place, partPlace)
            storeWords(words(second), place, partPlace &+ 64)
            sum = (sum.0 + first, sum.1 + second)
        } else {
            let own = floats(loadWords(place, lambdaPlace))
            sum = (sum.0 + own * first, sum.1 + own * second)
        }
        place += termStride
    }
    return sum
}

/// The sum of the parts that carry the ballot's sign. A zero part is kept or not by its own sign: it adds nothing
/// either way, and never counts in the divisor.
@inline(always)
private func mixElected(
    _ scratch: UnsafeMutableRawPointer, _ end: UnsafeMutableRawPointer, _ ballot: (Words, Words),
    normalizes: Bool
) -> (Floats, Floats) {
    let zero = Floats(repeating: 0)
    var mixed = (zero, zero)
    var divisor = (zero, zero)
    // A ballot that is NaN elects nobody, and keeps all.
    let isNaN = (unordered(ballot.0), unordered(ballot.1))
    var place = scratch
    while place < end {
        let first = loadWords(place, partPlace)
        let second = loadWords(place, partPlace &+ 64)
        let own = floats(loadWords(place, lambdaPlace))
        let agrees = (agreement(first, ballot.0) | isNaN.0, agreement(second, ballot.1) | isNaN.1)
        mixed.0 += masked(agrees.0, own * floats(first))
        mixed.1 += masked(agrees.1, own * floats(second))
        if normalizes {
            let weight = floats(loadWords(place, weightPlace))
            divisor.0 += masked(agrees.0 & words(floats(first) .!= zero), weight)
            divisor.1 += masked(agrees.1 & words(floats(second) .!= zero), weight)
        }
        place += termStride
    }
    if !normalizes { return mixed }
    return (divided(mixed.0, divisor.0), divided(mixed.1, divisor.1))
}

/// All ones where two values have the same sign bit.
@inline(always)
private func agreement(_ x: Words, _ ballot: Words) -> Words {
    let difference = unsafeBitCast(x ^ ballot, to: SIMD16<Int32>.self) &>> SIMD16<Int32>(repeating: 31)
    return ~unsafeBitCast(difference, to: Words.self)
}
