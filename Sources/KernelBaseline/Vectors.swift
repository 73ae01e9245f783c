// Vectors of 16 lanes, the widest that every operator of the standard library compiles to vector code for.
//
// 32 elements of 16 bits, loaded as 16 words of 32 bits, fall apart into the even elements (low halves) and
// the odd ones (high halves) by a shift and a mask. So a block of 32 elements travels as a pair of vectors:
// even and odd elements of a 16-bit format, first and second half of a 32-bit one.

typealias Words = SIMD16<UInt32>
typealias Floats = SIMD16<Float>

/// Elements in a block.
let blockLength = 32

@inline(always)
func floats(_ words: Words) -> Floats {
    unsafeBitCast(words, to: Floats.self)
}

@inline(always)
func words(_ floats: Floats) -> Words {
    unsafeBitCast(floats, to: Words.self)
}

/// A comparison's answer as all ones or all zeros a lane.
@inline(always)
func words(_ mask: SIMDMask<SIMD16<Int32>>) -> Words {
    unsafeBitCast(mask, to: Words.self)
}

@inline(always)
func all(_ word: UInt32) -> Words {
    Words(repeating: word)
}

@inline(always)
func choose(_ mask: Words, _ yes: Words, _ no: Words) -> Words {
    no ^ ((yes ^ no) & mask)
}

/// All ones where a value is NaN.
@inline(always)
func unordered(_ bits: Words) -> Words {
    words(floats(bits) .!= floats(bits))
}

/// Whether left > right, of values below 2³¹.
@inline(always)
func exceeds(_ left: Words, _ right: UInt32) -> Words {
    words(unsafeBitCast(left, to: SIMD16<Int32>.self) .> SIMD16<Int32>(repeating: Int32(bitPattern: right)))
}

/// A pair's elements in their order: from even and odd ones to the first and second half.
@inline(always)
func interleaved(_ e: Words, _ o: Words) -> (Words, Words) {
    (
        Words(
            e[0], o[0], e[1], o[1], e[2], o[2], e[3], o[3], e[4], o[4], e[5], o[5], e[6], o[6], e[7], o[7]),
        Words(
            e[8], o[8], e[9], o[9], e[10], o[10], e[11], o[11], e[12], o[12], e[13], o[13], e[14], o[14],
            e[15], o[15])
    )
}

/// The opposite of `interleaved`.
@inline(always)
func deinterleaved(_ a: Words, _ b: Words) -> (Words, Words) {
    (
        Words(
            a[0], a[2], a[4], a[6], a[8], a[10], a[12], a[14], b[0], b[2], b[4], b[6], b[8], b[10], b[12],
            b[14]),
        Words(
            a[1], a[3], a[5], a[7], a[9], a[11], a[13], a[15], b[1], b[3], b[5], b[7], b[9], b[11], b[13],
            b[15])
    )
}

/// Integers below 2³¹ as floats.
@inline(always)
func converted(_ words: Words) -> Floats {
    let x = unsafeBitCast(words, to: SIMD16<Int32>.self)
    return Floats(
        Float(x[0]), Float(x[1]), Float(x[2]), Float(x[3]), Float(x[4]), Float(x[5]), Float(x[6]),
        Float(x[7]),
        Float(x[8]), Float(x[9]), Float(x[10]), Float(x[11]), Float(x[12]), Float(x[13]), Float(x[14]),
        Float(x[15]))
}
