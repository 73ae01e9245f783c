/// Conversions by definition: of the two representable neighbours the nearer, of equally near ones the even.
enum ReferenceFormat {
    static func decode(_ type: StoredType, _ bytes: [UInt8]) -> [Float] {
        bytes.withUnsafeBytes { memory in
            (0..<bytes.count / type.byteWidth).map { i in
                switch type {
                case .f64: Float(memory.loadUnaligned(fromByteOffset: 8 * i, as: Double.self))
                case .f32: memory.loadUnaligned(fromByteOffset: 4 * i, as: Float.self)
                case .f16: float16(memory.loadUnaligned(fromByteOffset: 2 * i, as: UInt16.self))
                default: bfloat16(memory.loadUnaligned(fromByteOffset: 2 * i, as: UInt16.self))
                }
            }
        }
    }

    /// - Parameter format: one of `StoredType.formats`.
    static func encode(_ values: [Float], as format: StoredType) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(values.count * format.byteWidth)
        for x in values {
            if format == .f32 {
                append(x.isNaN ? 0x7FC0_0000 : x.bitPattern, to: &bytes)
            } else {
                append(pattern(x, format), to: &bytes)
            }
        }
        return bytes
    }

    static func round(_ value: Float, to format: StoredType) -> Float {
        switch format {
        case .bf16: bfloat16(pattern(value, format))
        case .f16: float16(pattern(value, format))
        default: value
        }
    }

    static func bfloat16(_ pattern: UInt16) -> Float {
        Float(bitPattern: UInt32(pattern) << 16)
    }

    static func float16(_ pattern: UInt16) -> Float {
        let exponent = Int(pattern >> 10) & 31
        let fraction = Double(pattern & 1023)
        let magnitude: Double =
            switch exponent {
            case 31: fraction == 0 ? .infinity : .nan
            case 0: fraction * 0x1p-24
            default: (1024 + fraction) * Double(sign: .plus, exponent: exponent - 25, significand: 1)
            }
        return Float(pattern >> 15 == 0 ? magnitude : -magnitude)
    }

    /// The 16-bit pattern nearest to a value: its magnitude in units of its own last place, rounded.
    static func pattern(_ value: Float, _ format: StoredType) -> UInt16 {
        let (fractionBits, lowestExponent, infinity): (Int, Int, UInt16) =
            format == .bf16 ? (7, -126, 0x7F80) : (10, -14, 0x7C00)
        if value.isNaN { return format == .bf16 ? 0x7FC0 : 0x7E00 }
        let sign: UInt16 = value.sign == .minus ? 0x8000 : 0
        let magnitude = Double(abs(value))
        if magnitude.isInfinite { return infinity | sign }
        let exponent = magnitude == 0 ? lowestExponent : max(Int(magnitude.exponent), lowestExponent)
        let place = Double(sign: .plus, exponent: exponent - fractionBits, significand: 1)
        let units = Int((magnitude / place).rounded(.toNearestOrEven))
        // A subnormal has fewer units than the hidden bit is worth, and a carry runs into the exponent.
        let pattern = ((exponent - lowestExponent) << fractionBits) + units
        return UInt16(min(pattern, Int(infinity))) | sign
    }

    static func append<T: FixedWidthInteger>(_ value: T, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
}
