import StreamIO

/// Conversions between stored types and float32, one value at a time, by arithmetic on their bits.
enum PlainFormat {
    /// The values of consecutive elements of a computable type; F64 is rounded to float32.
    static func values(_ bytes: [UInt8], _ type: ElementType) -> [Float] {
        let width = type.bitWidth / 8
        var values: [Float] = []
        values.reserveCapacity(bytes.count / width)
        // Plain loops, here and below: debug builds audit too, and take closures by the microsecond.
        var start = 0
        while start < bytes.count {
            switch type {
            case .f64:
                let high = word(bytes, start + 4, 4)
                values.append(Float(Double(bitPattern: UInt64(high) << 32 | UInt64(word(bytes, start, 4)))))
            case .f32: values.append(Float(bitPattern: word(bytes, start, 4)))
            case .f16: values.append(float16(word(bytes, start, 2)))
            case .bf16: values.append(Float(bitPattern: word(bytes, start, 2) << 16))
            default: preconditionFailure("\(type) is not computed with")
            }
            start += width
        }
        return values
    }

    /// The value of a byte of an 8-bit format, from its sign, exponent and fraction.
    static func float8(_ byte: UInt8, _ type: ElementType) -> Float {
        // E5M2 is the upper half of a 16-bit number.
        if type == .f8E5M2 { return float16(UInt32(byte) << 8) }
        let bits = UInt32(byte)
        if bits & 0x7F == 0x7F { return .nan }
        // As a 16-bit number, whose exponent counts from eight less.
        return float16((bits & 0x80) << 8 | (bits & 0x7F) << 7) * 256
    }

    /// Two or four bytes, little-endian.
    static func word(_ bytes: [UInt8], _ start: Int, _ width: Int) -> UInt32 {
        let low = UInt32(bytes[start]) | UInt32(bytes[start + 1]) << 8
        return width == 2 ? low : low | UInt32(bytes[start + 2]) << 16 | UInt32(bytes[start + 3]) << 24
    }

    /// What of `values` is more than in `others`, one by one.
    static func differences(_ values: [Float], _ others: [Float]) -> [Float] {
        var differences = values
        var index = 0
        while index < values.count {
            differences[index] = values[index] - others[index]
            index += 1
        }
        return differences
    }

    /// The value of a format's bits.
    static func value(_ bits: UInt32, _ format: FloatFormat) -> Float {
        switch format {
        case .bfloat16: Float(bitPattern: bits << 16)
        case .float16: float16(bits)
        case .float32: Float(bitPattern: bits)
        }
    }

    /// The bits of the format's value nearest to `value`, of two equally near the even one. NaN is canonical, what is
    /// too large infinite.
    static func bits(_ value: Float, _ format: FloatFormat) -> UInt32 {
        switch format {
        case .float32:
            return value.isNaN ? 0x7FC0_0000 : value.bitPattern
        case .bfloat16:
            if value.isNaN { return 0x7FC0 }
            let bits = value.bitPattern
            // A carry runs into the exponent, up to infinity.
            return (bits + 0x7FFF + (bits >> 16 & 1)) >> 16
        case .float16:
            return float16Bits(value)
        }
    }

    /// The nearest value that the format has.
    static func round(_ value: Float, to format: FloatFormat) -> Float {
        format == .float32 ? value : self.value(bits(value, format), format)
    }

    private static func float16(_ bits: UInt32) -> Float {
        let sign = (bits & 0x8000) << 16
        let exponent = bits >> 10 & 31
        let fraction = bits & 1023
        switch exponent {
        case 0:
            // Subnormal, in units of 2⁻²⁴: exact.
            let magnitude = Float(fraction) * 0x1p-24
            return sign == 0 ? magnitude : -magnitude
        case 31:
            return Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
        default:
            return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
        }
    }

    private static func float16Bits(_ value: Float) -> UInt32 {
        if value.isNaN { return 0x7E00 }
        let sign = value.bitPattern >> 16 & 0x8000
        let magnitude = value.magnitude
        // Halfway between the largest value and what would come after it.
        if magnitude >= 65520 { return sign | 0x7C00 }
        if magnitude < 0x1p-14 {
            // Scaling by a power of two is exact; 1024 units are the smallest normal value.
            return sign | UInt32((magnitude * 0x1p24).rounded(.toNearestOrEven))
        }
        let bits = magnitude.bitPattern
        return sign | (((bits + 0xFFF + (bits >> 13 & 1)) >> 13) - 112 << 10)
    }
}
