/// Sine, cosine and arc cosine in plain Double arithmetic, so that their last bit is the same on every processor:
/// glibc picks variants of its own when a program starts. To a few units of the last place.
///
/// Polynomials of Sun Microsystems' fdlibm (`k_sin.c`, `k_cos.c`, `e_acos.c`), nothing fused.
enum PlainMath {
    /// The sine of an angle in radians; of more than 2²⁰ of them it is too coarse to be of use.
    static func sin(_ angle: Double) -> Double {
        let (quadrant, rest) = reduced(angle)
        switch quadrant & 3 {
        case 0: return kernelSine(rest)
        case 1: return kernelCosine(rest)
        case 2: return -kernelSine(rest)
        default: return -kernelCosine(rest)
        }
    }

    /// The cosine of an angle in radians, as `sin`.
    static func cos(_ angle: Double) -> Double {
        let (quadrant, rest) = reduced(angle)
        switch quadrant & 3 {
        case 0: return kernelCosine(rest)
        case 1: return -kernelSine(rest)
        case 2: return -kernelCosine(rest)
        default: return kernelSine(rest)
        }
    }

    /// The angle, from 0 to π, whose cosine is x; NaN where there is none.
    static func acos(_ x: Double) -> Double {
        guard x.magnitude <= 1 else { return .nan }
        if x == 1 { return 0 }
        if x == -1 { return .pi }
        if x.magnitude < 0.5 { return halfPi - (x + (x * arcRatio(x * x) - halfPiRest)) }
        let z = (1 - x.magnitude) * 0.5
        let root = z.squareRoot()
        if x < 0 { return .pi - 2 * (root + (arcRatio(z) * root - halfPiRest)) }
        // The root in two parts, the first of which squares exactly.
        let head = Double(bitPattern: root.bitPattern & 0xFFFF_FFFF_0000_0000)
        let tail = (z - head * head) / (root + head)
        return 2 * (head + (arcRatio(z) * root + tail))
    }

    private static let halfPi = 0x1.921fb54442d18p+0
    private static let halfPiRest = 0x1.1a62633145c07p-54

    /// The multiple of π/2 nearest to the angle, and the rest. π/2 is taken off in three parts, so that little is lost
    /// where the angle is near one.
    private static func reduced(_ angle: Double) -> (quadrant: Int, rest: Double) {
        guard angle.magnitude < 0x1p20 else { return (0, .nan) }
        let count = (angle * 0x1.45f306dc9c883p-1).rounded(.toNearestOrEven)
        let first = angle - count * 0x1.921fb544p+0
        let second = first - count * 0x1.0b4611a6p-34
        return (Int(count), second - count * 0x1.3198a2e037073p-69)
    }

    private static func kernelSine(_ x: Double) -> Double {
        let z = x * x
        var r = 1.58969099521155010221e-10 * z - 2.50507602534068634195e-08
        r = r * z + 2.75573137070700676789e-06
        r = r * z - 1.98412698298579493134e-04
        r = r * z + 8.33333333332248946124e-03
        return x + x * z * (r * z - 1.66666666666666324348e-01)
    }

    private static func kernelCosine(_ x: Double) -> Double {
        let z = x * x
        var r = -1.13596475577881948265e-11 * z + 2.08757232129817482790e-09
        r = r * z - 2.75573143513906633035e-07
        r = r * z + 2.48015872894767294178e-05
        r = r * z - 1.38888888888741095749e-03
        r = r * z + 4.16666666666666019037e-02
        let half = 0.5 * z
        let rest = 1 - half
        return rest + (((1 - rest) - half) + z * z * r)
    }

    /// (asin(√z) − √z) / √z
    private static func arcRatio(_ z: Double) -> Double {
        var p = 3.47933107596021167570e-05 * z + 7.91534994289814532176e-04
        p = p * z - 4.00555345006794114027e-02
        p = p * z + 2.01212532134862925881e-01
        p = p * z - 3.25565818622400915405e-01
        p = p * z + 1.66666666666666657415e-01
        var q = 7.70381505559019352791e-02 * z - 6.88283971605453293030e-01
        q = q * z + 2.02094576023350569471e+00
        q = q * z - 2.40339491173441421878e+00
        q = q * z + 1
        return z * p / q
    }
}
