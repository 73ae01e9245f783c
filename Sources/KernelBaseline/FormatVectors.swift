import CKernel

// Conversions of blocks; `format` is a constant wherever these are called, so that each call compiles to
// one format's code. Values travel as the bits of a Float.

/// binary16 bits, in the low halves of the lanes, to Float bits.
@inline(always)
func widened(float16 bits: Words) -> Words {
    let magnitude = (bits & all(0x7FFF)) &<< all(13)
    let sign = (bits & all(0x8000)) &<< all(16)
    let isSpecial = exceeds(magnitude, 0x0F7F_FFFF)
    let normal = magnitude &+ all(0x3800_0000) &+ (isSpecial & all(0x3800_0000))
    let shifted = floats(magnitude &+ all(0x3880_0000)) - floats(all(0x3880_0000))
    let isNormal = exceeds(magnitude, 0x007F_FFFF)
    return choose(isNormal, normal, words(shifted)) | sign
}

/// Float bits to binary16 bits, NaN canonical.
@inline(always)
func narrowed(float16 bits: Words) -> Words {
    let magnitude = bits & all(0x7FFF_FFFF)
    let sign = (bits &>> all(16)) & all(0x8000)
    let isNaN = unordered(bits)
    return choose(isNaN, all(0x7E00), narrowed(float16Magnitude: magnitude) | sign)
}

/// Magnitudes that are not NaN to binary16.
@inline(always)
func narrowed(float16Magnitude magnitude: Words) -> Words {
    let normal = (magnitude &+ all(0xC800_0FFF) &+ ((magnitude &>> all(13)) & all(1))) &>> all(13)
    let subnormal = words(floats(magnitude) + Floats(repeating: 0.5)) &- all(0x3F00_0000)
    let finite = choose(exceeds(magnitude, 0x387F_FFFF), normal, subnormal)
    return choose(exceeds(magnitude, 0x477F_FFFF), all(0x7C00), finite)
}

/// Float bits to a bfloat16 in the upper half of each lane, NaN canonical; the lower half is to be ignored.
@inline(always)
func narrowed(bfloat16 bits: Words) -> Words {
    choose(unordered(bits), all(0x7FC0_0000), rounded(bfloat16: bits))
}

/// As `narrowed(bfloat16:)`, of what is no NaN; a NaN that came of bfloat16 values stays one of some kind.
@inline(always)
func rounded(bfloat16 bits: Words) -> Words {
    bits &+ all(0x7FFF) &+ ((bits &>> all(16)) & all(1))
}

/// A block of 32 values as a pair: even and odd of a 16-bit format, first and second half of float32.
@inline(always)
func loadPair(_ format: Int32, _ memory: UnsafeRawPointer) -> (Words, Words) {
    if format == 2 { return (loadWords(memory, 0), loadWords(memory, 64)) }
    let packed = loadWords(memory, 0)
    if format == 0 { return (packed &<< all(16), packed & all(0xFFFF_0000)) }
    return (widened(float16: packed & all(0xFFFF)), widened(float16: packed &>> all(16)))
}

/// Rounds a pair to the format and stores it, NaN canonical; returns words whose top bits of 16-bit halves (of the
/// words, for float32) are set where a value is NaN or infinite.
@inline(always)
func storePair(_ format: Int32, _ memory: UnsafeMutableRawPointer, _ pair: (Words, Words)) -> Words {
    switch format {
    case 0:
        storePacked(
            format, memory,
            (narrowed(bfloat16: pair.0) &>> all(16)) | (narrowed(bfloat16: pair.1) & all(0xFFFF_0000)))
    case 1: storePacked(format, memory, narrowed(float16: pair.0) | (narrowed(float16: pair.1) &<< all(16)))
    default: storeWhole(memory, (canonical(pair.0), canonical(pair.1)))
    }
}

/// As `storePair` where no value is NaN; where one is, the words returned still tell.
@inline(always)
func storeNumbers(_ format: Int32, _ memory: UnsafeMutableRawPointer, _ pair: (Words, Words)) -> Words {
    if format == 1 { return storePair(format, memory, pair) }
    if format == 2 { return storeWhole(memory, pair) }
    return storePacked(
        format, memory,
        (rounded(bfloat16: pair.0) &>> all(16)) | (rounded(bfloat16: pair.1) & all(0xFFFF_0000)))
}

/// Stores 32 values of a 16-bit format.
@inline(always)
func storePacked(_ format: Int32, _ memory: UnsafeMutableRawPointer, _ packed: Words) -> Words {
    storeWords(packed, memory, 0)
    return (packed & all(0x7FFF_7FFF)) &+ all(format == 0 ? 0x0080_0080 : 0x0400_0400)
}

/// Stores 32 values of float32.
@inline(always)
func storeWhole(_ memory: UnsafeMutableRawPointer, _ pair: (Words, Words)) -> Words {
    storeWords(pair.0, memory, 0)
    storeWords(pair.1, memory, 64)
    let magnitude = all(0x7FFF_FFFF)
    let last = all(0x0080_0000)
    return ((pair.0 & magnitude) &+ last) | ((pair.1 & magnitude) &+ last)
}

@inline(always)
func canonical(_ bits: Words) -> Words {
    choose(unordered(bits), all(0x7FC0_0000), bits)
}

/// Whether words that `storePair` returned tell of a NaN or infinity.
@inline(always)
func tellsNonfinite(_ format: Int32, _ marks: Words) -> Bool {
    let halves = unsafeBitCast(marks & all(format == 2 ? 0x8000_0000 : 0x8000_8000), to: SIMD8<UInt64>.self)
    return (halves[0] | halves[1] | halves[2] | halves[3] | halves[4] | halves[5] | halves[6] | halves[7])
        != 0
}

/// A pair in `from`'s arrangement, in `to`'s.
@inline(always)
func rearranged(_ pair: (Words, Words), _ from: Int32, _ to: Int32) -> (Words, Words) {
    if from == 2 && to != 2 { return deinterleaved(pair.0, pair.1) }
    if from != 2 && to == 2 { return interleaved(pair.0, pair.1) }
    return pair
}
