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
    typealias Adapt = @convention(c) (UnsafePointer<KernelAdapt>) -> Void
    typealias Prune = @convention(c) (UnsafeMutablePointer<KernelPrune>) -> Void
    typealias Combine = @convention(c) (UnsafePointer<KernelCombine>) -> Bool
    typealias Count = @convention(c) (UnsafeMutablePointer<KernelCount>) -> Void
    typealias Gram = @convention(c) (UnsafePointer<KernelGram>) -> Void
    typealias Blend = @convention(c) (UnsafePointer<KernelBlend>) -> Bool
    typealias Columns = @convention(c) (UnsafePointer<KernelColumns>) -> Void
    typealias Tally = @convention(c) (UnsafePointer<KernelTally>) -> Void
    typealias Select = @convention(c) (UnsafePointer<KernelSelect>) -> Void
    typealias Keys = @convention(c) (UnsafePointer<KernelKeys>) -> Void
    typealias KeyCount = @convention(c) (UnsafePointer<KernelKeyCount>) -> Void
    typealias KeyNumber = @convention(c) (UnsafePointer<KernelKeyCount>) -> Int
    typealias CountSum = @convention(c) (UnsafePointer<KernelCountSum>) -> Void
    typealias Spread = @convention(c) (UnsafePointer<KernelSpread>) -> Void
    typealias SpreadOutput = @convention(c) (UnsafePointer<KernelSpread>) -> Bool
    typealias Divergence = @convention(c) (UnsafePointer<KernelDivergence>) -> Double
    typealias Exponentials = @convention(c) (Int32, UnsafeMutablePointer<Double>) -> Void
    typealias Score = @convention(c) (UnsafePointer<KernelScore>) -> Void
    typealias ScoreOutput = @convention(c) (UnsafePointer<KernelScore>) -> Bool
    typealias Moments = @convention(c) (UnsafePointer<KernelMoments>) -> Void
    typealias Change = @convention(c) (UnsafeMutablePointer<KernelChange>) -> Void
    typealias Signs = @convention(c) (UnsafeMutablePointer<KernelSigns>) -> Void
    typealias Blocks = @convention(c) (UnsafeMutablePointer<UInt32>, UInt64, Int, UInt64, UInt64) -> Void

    let decode: Decode
    let adapt: Adapt
    let prune: Prune
    let combine: Combine
    let countNonfinite: Count
    let gram: Gram
    let blend: Blend
    let tally: Tally
    let select: Select
    let writeKeys: Keys
    let countKeys: KeyCount
    let countLowKeys: KeyCount
    let countEqualKeys: KeyNumber
    let addCounts: CountSum
    let writeSpreadKeys: Spread
    let addSpreadSquares: Spread
    let foldSpreadSquares: Spread
    let combineSpread: SpreadOutput
    let divergence: Divergence
    let tabulateExponentials: Exponentials
    let writeScoreKeys: Score
    let combineScored: ScoreOutput
    let columns: Columns
    let moments: Moments
    let change: Change
    let signs: Signs
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
        adapt: { KernelBaseline.adaptValues($0) },
        prune: { KernelBaseline.pruneRow($0) },
        combine: { KernelBaseline.combineRow($0) },
        countNonfinite: { KernelBaseline.countNonfiniteValues($0) },
        gram: { KernelBaseline.gramRow($0) },
        blend: { KernelBaseline.blendValues($0) },
        tally: { KernelBaseline.tallyValues($0) },
        select: { KernelBaseline.selectRows($0) },
        writeKeys: { KernelBaseline.writeKeys($0) },
        countKeys: { KernelBaseline.countKeys($0) },
        countLowKeys: { KernelBaseline.countLowKeys($0) },
        countEqualKeys: { KernelBaseline.countEqualKeys($0) },
        addCounts: { KernelBaseline.addCounts($0) },
        writeSpreadKeys: { KernelBaseline.writeSpreadKeys($0) },
        addSpreadSquares: { KernelBaseline.addSpreadSquares($0) },
        foldSpreadSquares: { KernelBaseline.foldSpreadSquares($0) },
        combineSpread: { KernelBaseline.combineSpread($0) },
        divergence: { KernelBaseline.divergence($0) },
        tabulateExponentials: { KernelBaseline.tabulateExponentials($0, $1) },
        writeScoreKeys: { KernelBaseline.writeScoreKeys($0) },
        combineScored: { KernelBaseline.combineScored($0) },
        columns: { KernelBaseline.addColumns($0) },
        moments: { KernelBaseline.sumMoments($0) },
        change: { KernelBaseline.measureChange($0) },
        signs: { KernelBaseline.countSigns($0) },
        randomBlocks: { KernelBaseline.randomBlocks($0, $1, $2, $3, $4) })

    #if arch(x86_64)
        static let avx2 = KernelTable(
            decode: { KernelAVX2.decodeValues($0) },
            adapt: { KernelAVX2.adaptValues($0) },
            prune: { KernelAVX2.pruneRow($0) },
            combine: { KernelAVX2.combineRow($0) },
            countNonfinite: { KernelAVX2.countNonfiniteValues($0) },
            gram: { KernelAVX2.gramRow($0) },
            blend: { KernelAVX2.blendValues($0) },
            tally: { KernelAVX2.tallyValues($0) },
            select: { KernelAVX2.selectRows($0) },
            writeKeys: { KernelAVX2.writeKeys($0) },
            countKeys: { KernelAVX2.countKeys($0) },
            countLowKeys: { KernelAVX2.countLowKeys($0) },
            countEqualKeys: { KernelAVX2.countEqualKeys($0) },
            addCounts: { KernelAVX2.addCounts($0) },
            writeSpreadKeys: { KernelAVX2.writeSpreadKeys($0) },
            addSpreadSquares: { KernelAVX2.addSpreadSquares($0) },
            foldSpreadSquares: { KernelAVX2.foldSpreadSquares($0) },
            combineSpread: { KernelAVX2.combineSpread($0) },
            divergence: { KernelAVX2.divergence($0) },
            tabulateExponentials: { KernelAVX2.tabulateExponentials($0, $1) },
            writeScoreKeys: { KernelAVX2.writeScoreKeys($0) },
            combineScored: { KernelAVX2.combineScored($0) },
            columns: { KernelAVX2.addColumns($0) },
            moments: { KernelAVX2.sumMoments($0) },
            change: { KernelAVX2.measureChange($0) },
            signs: { KernelAVX2.countSigns($0) },
            randomBlocks: { KernelAVX2.randomBlocks($0, $1, $2, $3, $4) })

        static let avx512 = KernelTable(
            decode: { KernelAVX512.decodeValues($0) },
            adapt: { KernelAVX512.adaptValues($0) },
            prune: { KernelAVX512.pruneRow($0) },
            combine: { KernelAVX512.combineRow($0) },
            countNonfinite: { KernelAVX512.countNonfiniteValues($0) },
            gram: { KernelAVX512.gramRow($0) },
            blend: { KernelAVX512.blendValues($0) },
            tally: { KernelAVX512.tallyValues($0) },
            select: { KernelAVX512.selectRows($0) },
            writeKeys: { KernelAVX512.writeKeys($0) },
            countKeys: { KernelAVX512.countKeys($0) },
            countLowKeys: { KernelAVX512.countLowKeys($0) },
            countEqualKeys: { KernelAVX512.countEqualKeys($0) },
            addCounts: { KernelAVX512.addCounts($0) },
            writeSpreadKeys: { KernelAVX512.writeSpreadKeys($0) },
            addSpreadSquares: { KernelAVX512.addSpreadSquares($0) },
            foldSpreadSquares: { KernelAVX512.foldSpreadSquares($0) },
            combineSpread: { KernelAVX512.combineSpread($0) },
            divergence: { KernelAVX512.divergence($0) },
            tabulateExponentials: { KernelAVX512.tabulateExponentials($0, $1) },
            writeScoreKeys: { KernelAVX512.writeScoreKeys($0) },
            combineScored: { KernelAVX512.combineScored($0) },
            columns: { KernelAVX512.addColumns($0) },
            moments: { KernelAVX512.sumMoments($0) },
            change: { KernelAVX512.measureChange($0) },
            signs: { KernelAVX512.countSigns($0) },
            randomBlocks: { KernelAVX512.randomBlocks($0, $1, $2, $3, $4) })
    #endif
}
