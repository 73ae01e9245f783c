import CKernel
import KernelBaseline

#if arch(x86_64)
    import KernelAVX2
    import KernelAVX512
#endif

/// One level's kernels. Reached through C pointers, so that no code of a higher level is ever inlined into,
/// or shared with, code that runs everywhere.
struct KernelTable: Sendable {
    typealias Decode = @convention(c) (UnsafePointer<KernelDecode>) -> Void
    typealias Prune = @convention(c) (UnsafeMutablePointer<KernelPrune>) -> Void
    typealias Combine = @convention(c) (UnsafePointer<KernelCombine>) -> Bool
    typealias Count = @convention(c) (UnsafeMutablePointer<KernelCount>) -> Void
    typealias Gram = @convention(c) (UnsafePointer<KernelGram>) -> Void
    typealias Blend = @convention(c) (UnsafePointer<KernelBlend>) -> Bool
    typealias Tally = @convention(c) (UnsafePointer<KernelTally>) -> Void
    typealias Blocks = @convention(c) (UnsafeMutablePointer<UInt32>, UInt64, Int, UInt64, UInt64) -> Void

    let decode: Decode
    let prune: Prune
    let combine: Combine
    let countNonfinite: Count
    let gram: Gram
    let blend: Blend
    let tally: Tally
    let randomBlocks: Blocks

    /// The kernels of a level; `nil` where this build has none, or this processor cannot run them.
    static func of(_ level: SIMDLevel) -> KernelTable? {
        #if arch(x86_64)
            switch level {
            case .baseline: baseline
            case .avx2: kernelSupportsAVX2() ? avx2 : nil
            case .avx512: kernelSupportsAVX512() ? avx512 : nil
            }
        #else
            level == .baseline ? baseline : nil
        #endif
    }

    static let baseline = KernelTable(
        decode: { KernelBaseline.decodeValues($0) },
        prune: { KernelBaseline.pruneRow($0) },
        combine: { KernelBaseline.combineRow($0) },
        countNonfinite: { KernelBaseline.countNonfiniteValues($0) },
        gram: { KernelBaseline.gramRow($0) },
        blend: { KernelBaseline.blendValues($0) },
        tally: { KernelBaseline.tallyValues($0) },
        randomBlocks: { KernelBaseline.randomBlocks($0, $1, $2, $3, $4) })

    #if arch(x86_64)
        static let avx2 = KernelTable(
            decode: { KernelAVX2.decodeValues($0) },
            prune: { KernelAVX2.pruneRow($0) },
            combine: { KernelAVX2.combineRow($0) },
            countNonfinite: { KernelAVX2.countNonfiniteValues($0) },
            gram: { KernelAVX2.gramRow($0) },
            blend: { KernelAVX2.blendValues($0) },
            tally: { KernelAVX2.tallyValues($0) },
            randomBlocks: { KernelAVX2.randomBlocks($0, $1, $2, $3, $4) })

        static let avx512 = KernelTable(
            decode: { KernelAVX512.decodeValues($0) },
            prune: { KernelAVX512.pruneRow($0) },
            combine: { KernelAVX512.combineRow($0) },
            countNonfinite: { KernelAVX512.countNonfiniteValues($0) },
            gram: { KernelAVX512.gramRow($0) },
            blend: { KernelAVX512.blendValues($0) },
            tally: { KernelAVX512.tallyValues($0) },
            randomBlocks: { KernelAVX512.randomBlocks($0, $1, $2, $3, $4) })
    #endif
}
