/// The values of bytes in the 8-bit floating-point formats.
///
/// Source: OCP 8-bit Floating Point Specification; `E4M3` is the variant without infinities.
public enum Float8 {
    /// By byte: one sign, four exponent and three fraction bits. No infinity; NaN where all but the sign are ones.
    public static let e4m3: [Float] = (0..<256).map { byte in
        let sign: Float = byte < 128 ? 1 : -1, bits = byte & 127
        if bits == 127 { return .nan }
        let exponent = bits >> 3, fraction = Float(bits & 7)
        return exponent == 0
            ? sign * fraction * 0x1p-9
            : sign * (1 + fraction / 8) * Float(sign: .plus, exponent: exponent - 7, significand: 1)
    }

    /// By byte: one sign, five exponent and two fraction bits, as the upper half of IEEE's 16.
    public static let e5m2: [Float] = (0..<256).map { byte in
        let sign: Float = byte < 128 ? 1 : -1, bits = byte & 127
        let exponent = bits >> 2, fraction = Float(bits & 3)
        switch exponent {
        case 31: return fraction == 0 ? sign * .infinity : .nan
        case 0: return sign * fraction * 0x1p-16
        default:
            return sign * (1 + fraction / 4) * Float(sign: .plus, exponent: exponent - 15, significand: 1)
        }
    }
}

extension ElementType {
    /// The values of its 256 elements, of the 8-bit formats that weights are kept in; `nil` for other types.
    public var float8Values: [Float]? {
        switch self {
        case .f8E4M3: Float8.e4m3
        case .f8E5M2: Float8.e5m2
        default: nil
        }
    }

    /// Whether weights of this type are scaled: 8-bit floating point.
    public var isFloat8: Bool { self == .f8E4M3 || self == .f8E5M2 }
}
