/// The instruction sets that the kernels are built for.
///
/// All levels give the same bytes; the level is a matter of speed alone.
public enum SIMDLevel: String, Sendable, CaseIterable, Comparable {
    /// What every machine of the architecture has: SSE2 on x86-64, NEON on arm64.
    case baseline
    /// x86-64-v3.
    case avx2
    /// x86-64-v4.
    case avx512

    /// A level is less than another where it is slower.
    public static func < (left: SIMDLevel, right: SIMDLevel) -> Bool {
        left.rank < right.rank
    }

    private var rank: Int {
        switch self {
        case .baseline: 0
        case .avx2: 1
        case .avx512: 2
        }
    }
}
