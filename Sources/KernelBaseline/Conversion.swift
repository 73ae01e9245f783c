import CKernel

// Conversions of single values. Formats are IEEE 754 binary16 and binary32, and bfloat16, which is the
// upper half of a binary32. All round to nearest even, keep subnormals, and write NaN canonically.

@inline(always)
func width(_ format: Int32) -> Int {
    format == 2 ? 4 : format == 3 ? 8 : 2
}

@inline(always)
func float(bfloat16 bits: UInt16) -> Float {
    Float(bitPattern: UInt32(truncatingIfNeeded: bits) << 16)
}

@inline(always)
func float(float16 bits: UInt16) -> Float {
    let magnitude = UInt32(truncatingIfNeeded: bits & 0x7FFF) << 13
    let sign = UInt32(truncatingIfNeeded: bits & 0x8000) << 16
    let exponent = bits & 0x7C00
    var result = magnitude &+ 0x3800_0000
    if exponent == 0x7C00 { result = magnitude &+ 0x7000_0000 }
    if exponent == 0 {
        // A subnormal: give it the exponent of the smallest normal number, then take that number away.
        result = (Float(bitPattern: magnitude &+ 0x3880_0000) - Float(bitPattern: 0x3880_0000)).bitPattern
    }
    return Float(bitPattern: result | sign)
}

@inline(always)
func bfloat16(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    if bits & 0x7FFF_FFFF > 0x7F80_0000 { return 0x7FC0 }
    return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) >> 16)
}

@inline(always)
func float16(_ value: Float) -> UInt16 {
    let magnitude = value.bitPattern & 0x7FFF_FFFF
    let sign = UInt16(truncatingIfNeeded: (value.bitPattern >> 16) & 0x8000)
    if magnitude > 0x7F80_0000 { return 0x7E00 }
    if magnitude >= 0x4780_0000 { return 0x7C00 | sign }
    if magnitude < 0x3880_0000 {
        // Adding 0.5, whose last place is the smallest subnormal, makes the hardware do the rounding.
        let shifted = Float(bitPattern: magnitude) + 0.5
        return UInt16(truncatingIfNeeded: shifted.bitPattern &- 0x3F00_0000) | sign
    }
    let rounded = magnitude &+ 0xC800_0FFF &+ ((magnitude >> 13) & 1)
    return UInt16(truncatingIfNeeded: rounded >> 13) | sign
}

@inline(always)
func value(_ format: Int32, _ memory: UnsafeRawPointer, _ index: Int) -> Float {
    switch format {
    case 0: float(bfloat16: loadShort(memory, index &* 2))
    case 1: float(float16: loadShort(memory, index &* 2))
    default: Float(bitPattern: loadWord(memory, index &* 4))
    }
}

@inline(always)
func store(_ format: Int32, _ memory: UnsafeMutableRawPointer, _ index: Int, _ value: Float) {
    switch format {
    case 0: storeShort(bfloat16(value), memory, index &* 2)
    case 1: storeShort(float16(value), memory, index &* 2)
    default:
        storeWord(value.isNaN ? 0x7FC0_0000 : value.bitPattern, memory, index &* 4)
    }
}

/// The magnitude rounded to the format, as an integer that orders as magnitudes do, NaNs equal and last.
@inline(always)
func key(_ format: Int32, _ delta: Float) -> UInt32 {
    switch format {
    case 0: UInt32(truncatingIfNeeded: bfloat16(delta) & 0x7FFF)
    case 1: UInt32(truncatingIfNeeded: float16(delta) & 0x7FFF)
    default: min(delta.bitPattern & 0x7FFF_FFFF, 0x7F80_0001)
    }
}
