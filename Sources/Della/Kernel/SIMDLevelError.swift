/// Why no kernels could be chosen: each is a setting of `DELLAD_SIMD` that cannot be followed.
public enum SIMDLevelError: Error, Hashable, CustomStringConvertible {
    /// The variable holds a word that is no level.
    case unknown(String)
    /// This processor, or this build, has no such level; `best` is the highest it has.
    case unsupported(SIMDLevel, best: SIMDLevel)

    /// One line: what is wrong and what to do.
    public var description: String {
        switch self {
        case .unknown(let text):
            "DELLAD_SIMD: '\(text)' is no instruction set (use baseline, avx2 or avx512, or unset it)"
        case .unsupported(let level, let best):
            "DELLAD_SIMD: this processor cannot run \(level.rawValue) code (use \(best.rawValue), or unset it)"
        }
    }
}
