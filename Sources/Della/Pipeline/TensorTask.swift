import Collections
import StreamIO
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// One output tensor under way: the phase it is in, what was measured of it, and its parameters as the kernels take
/// them.
///
/// Written by the merge's thread before the tensor's rows are lent to workers, and between the phases.
final class TensorTask: @unchecked Sendable {
    let layout: TensorLayout
    /// `nil` where bytes are copied.
    let merge: TensorMerge?
    /// Random streams by input, of rules that draw.
    let streams: [UInt64]
    /// By input, of rules that keep some of their differences.
    private(set) var choices: [TermChoice] = []
    let seed: UInt64
    /// The cuts of each score, as far as they are found.
    private(set) var cuts: [[RankCut]] = []
    /// Where scores are counted, while they are: the scores' tables one after the other.
    var tables: UnsafeMutableRawPointer?
    var tablesBuffer: Int?
    /// Taken by whoever adds to the tables.
    let tablesLock = Mutex(())
    /// What the phases so far have found.
    private(set) var constants: TensorConstants
    /// What `combine` takes, by the constants.
    private(set) var terms: [CombineTerm] = []
    /// What is kept of all inputs' differences, of rules that cut them alike.
    private(set) var band: KeyBand?
    /// What `blend` takes, by the constants.
    private(set) var coefficients: [Float] = []
    /// Index of the phase under way.
    private(set) var phase: Int
    /// Chunks, from the first, that stay in memory between the phases: the layout's, or fewer where memory is slow
    /// to come.
    private(set) var keptChunks: Int
    /// The chunks kept, as far as they were read.
    private var kept: [ChunkWork] = []
    /// What is to be measured, in order: of the phase under way, then what was read ahead for the next.
    private var toMeasure: Deque<ChunkWork> = []
    /// Chunks measured before ones ahead of them in the order, by number.
    private var measuredAhead: [Int: ChunkWork] = [:]
    private var chunksMeasured = 0
    private var sums: [Double] = []
    /// Chunks written or lent for writing.
    var chunksEmitted = 0
    /// By input, those that are more than a range of a file.
    var prepared: [PreparedInput?] = []
    /// The figures for the report; `nil` where none are taken, and of integers.
    let statistics: RunningStatistics?
    /// NaN and infinity by input; the last is the result's.
    private(set) var found: [NonfiniteCount]

    /// - Parameter statistics: whether figures are taken, and the base that they are taken against where the rule has none.
    init(_ layout: TensorLayout, seed: UInt64, statistics: StatisticsRequest? = nil) {
        self.layout = layout
        keptChunks = layout.keptChunks
        self.seed = seed
        // An empty tensor has nothing to measure.
        phase = layout.chunkCount == 0 ? layout.phases.count - 1 : 0
        guard let merge = layout.tensor.arithmetic else {
            self.merge = nil
            self.statistics =
                statistics != nil && layout.rows.lowerBound == 0 && layout.tensor.copiedFormat != nil
                ? RunningStatistics() : nil
            streams = []
            found = Array(repeating: NonfiniteCount(), count: 2)
            constants = TensorConstants()
            return
        }
        self.merge = merge
        // Of a part of a tensor nothing can be said.
        let isWhole = layout.rows.lowerBound == 0 && layout.knownConstants == nil
        self.statistics =
            isWhole && FloatFormat(layout.tensor.type) != nil
            ? statistics.flatMap { RunningStatistics(merge, base: $0.base) } : nil
        let terms = merge.deltas?.terms ?? []
        streams = terms.map { RandomStream.identifier(tensor: layout.tensor.name, ordinal: $0.ordinal) }
        found = Array(repeating: NonfiniteCount(), count: layout.inputs.count + 1)
        constants = layout.knownConstants ?? TensorConstants(merge)
        begin()
    }

    /// Whether the output's rows may be computed.
    var isSettled: Bool { phase == layout.phases.count - 1 }

    /// What the merge's record keeps of the tensor; `nil` where nothing had to be found of the whole of it, or it is
    /// more than a record has room for.
    var constantsToRecord: TensorConstants? {
        // Coefficients of columns are no constants.
        guard merge?.measures == true, columns == nil, constants.words.count <= TensorConstants.wordLimit
        else { return nil }
        return constants
    }

    /// Whether the phase under way needs tables.
    var takesTables: Bool { layout.phases[phase].takesTables }

    /// Whether the phase under way finds positions.
    var isLocating: Bool { layout.phases[phase] == .locate }

    /// The counts of a score, or of the lower bits of one of its cuts; while `tables` are there.
    func counts(_ score: Int, cut: Int = 0) -> KeyCounts {
        guard let merge, let tables else { preconditionFailure("nowhere to count") }
        let isLow = layout.phases[phase] == .countLow
        let length =
            isLow
            ? 1 << KeyCounts.lowerBits : merge.hasLongKeys ? KeyCounts.longLength : KeyCounts.shortLength
        let start = tables + score * merge.tableBytes + cut * KeyCounts.byteCount(length: length)
        return KeyCounts(entries: start.assumingMemoryBound(to: UInt32.self), length: length)
    }

    /// Keeps no chunk from this one on; those before it are kept.
    /// - Returns: the bytes that will be read again because of it.
    func keepOnly(_ chunks: Int) -> UInt64 {
        precondition(chunks <= keptChunks, "chunks that were let go cannot be kept")
        let lost = layout.rows(ofChunks: chunks..<keptChunks)
        keptChunks = chunks
        return UInt64(layout.inputRowBytes.reduce(0, +) * lost.count * (layout.phases.count - 1))
    }

    // MARK: Measuring

    /// Takes a chunk that is being read for the phase under way or the one after it.
    func addToMeasure(_ work: ChunkWork) {
        if work.phase == 0, work.chunk < keptChunks { kept.append(work) }
        toMeasure.append(work)
    }

    /// The next chunk of the phase under way; `nil` where all are lent to workers.
    var nextToMeasure: ChunkWork? {
        guard let work = toMeasure.first, work.phase == phase else { return nil }
        // Columns take rows in their order.
        guard layout.phases[phase] != .columns || work.chunk == chunksMeasured else { return nil }
        return work
    }

    func removeNextToMeasure() { toMeasure.removeFirst() }

    /// Adds what was measured of a chunk once all before it are added. After the last the phase is settled.
    ///
    /// - Parameter position: the position behind the element of a chunk that is the `number`-th of its score with that
    ///   key, from 1.
    /// - Returns: the chunks whose measurements are taken in.
    func addMeasured(
        _ work: ChunkWork,
        position: (_ work: ChunkWork, _ score: Int, _ key: UInt32, _ number: UInt64) -> UInt64
    ) -> [ChunkWork] {
        measuredAhead[work.chunk] = work
        var added: [ChunkWork] = []
        while let next = measuredAhead.removeValue(forKey: chunksMeasured) {
            if isLocating { place(next, position) }
            if let rows = next.sums { add(rows, rows: layout.phases[phase].sumsByRow ? next.rows.count : 1) }
            add(next.found)
            next.clearFound()
            chunksMeasured += 1
            added.append(next)
        }
        if chunksMeasured == layout.chunkCount { settle() }
        return added
    }

    /// Finds the positions of the cuts that lie within a chunk.
    private func place(
        _ work: ChunkWork,
        _ position: (_ work: ChunkWork, _ score: Int, _ key: UInt32, _ number: UInt64) -> UInt64
    ) {
        guard let counted = work.sums else { return }
        for score in cuts.indices {
            for (index, cut) in cuts[score].enumerated() where cut.isWithin && cut.position == nil {
                let sum = 2 * score + index
                let (seen, here) = (UInt64(sums[sum]), UInt64(counted[sum]))
                guard cut.before <= seen + here else { continue }
                cuts[score][index].position = position(work, score, cut.key, cut.before - seen)
            }
        }
    }

    /// Takes in what was counted.
    private func narrowCuts(_ merge: TensorMerge) {
        let isLow = layout.phases[phase] == .countLow
        if !isLow { cuts = merge.cuts(of: elementCount, zeros: Int(sums[0])) }
        let bits = isLow ? KeyCounts.lowerBits : merge.hasLongKeys ? KeyCounts.upperBits : 15
        for score in cuts.indices {
            for index in cuts[score].indices {
                cuts[score][index].narrow(counts(score, cut: isLow ? index : 0), bits: bits)
            }
        }
        clearTables()
    }

    private var elementCount: Int { layout.rows.count * layout.tensor.rowLength }

    /// Whether what lies beside the tables is needed until the output is written.
    var keepsTables: Bool {
        switch merge?.rule {
        case .fusion, .blend(.nuslerp(_, .columns)): true
        default: false
        }
    }

    /// The columns' products and coefficients, of a rule that has them, while `tables` are there.
    var columns: ColumnTable? {
        guard let tables, case .blend(.nuslerp(_, .columns)) = merge?.rule else { return nil }
        return ColumnTable(tables, columnCount: layout.tensor.columnCount)
    }

    /// What the scores of the first rows have for a factor, while `tables` are there, and of how many rows.
    var rowFactors: UnsafeMutableBufferPointer<Float>? {
        guard let merge, let tables, keepsTables else { return nil }
        return UnsafeMutableBufferPointer(
            start: (tables + merge.scoreCount * merge.tableBytes).assumingMemoryBound(to: Float.self),
            count: merge.keptFactors(of: layout.rows.upperBound))
    }

    /// Makes the tables ready for counting.
    func clearTables() {
        guard let merge, let tables else { return }
        if let columns { return columns.clear() }
        memset(tables, 0, merge.scoreCount * merge.tableBytes)
    }

    private func add(_ rowSums: UnsafePointer<Double>, rows: Int) {
        for index in sums.indices {
            var total = sums[index]
            let first = rowSums + index * rows
            for row in 0..<rows { total += first[row] }
            sums[index] = total
        }
    }

    func add(_ counts: [NonfiniteCount]) {
        for index in found.indices where index < counts.count {
            found[index] += counts[index]
        }
    }

    /// Adds what an earlier run found of an input or, past the inputs, of the result.
    func add(_ count: NonfiniteCount, at index: Int) { found[index] += count }

    private func settle() {
        guard let merge else { return }
        let counts = layout.phases[phase].counts
        if counts { narrowCuts(merge) }
        if let columns, case .blend(.nuslerp(let t, _)) = merge.rule { columns.settle(t: t) }
        let areCutsFound = isLocating || counts && layout.phases[phase + 1] == .emit
        constants =
            areCutsFound
            ? merge.settle(cuts: cuts, constants)
            : merge.settle(layout.phases[phase], sums: sums, of: elementCount, constants)
        phase += 1
        begin()
        guard !isSettled else {
            kept.removeAll()
            return
        }
        for work in kept.reversed() {
            work.phase = phase
            toMeasure.prepend(work)
        }
    }

    /// Makes ready for the phase under way.
    private func begin() {
        guard let merge else { return }
        chunksMeasured = 0
        sums = Array(repeating: 0, count: merge.sumCount(layout.phases[phase]))
        let termCount = merge.inputs.count
        choices =
            merge.deltas?.terms.enumerated().map { index, term in
                TermChoice(
                    term, rowLength: layout.tensor.rowLength, band: constants.band(index, of: termCount))
            } ?? []
        if case .sce = merge.rule {
            coefficients = constants.factors(of: merge)
            band = constants.band(0, of: termCount)
            return
        }
        guard isSettled else { return }
        guard let rule = merge.deltas else {
            // A rule without inputs still needs an address that nobody follows.
            defer { if coefficients.isEmpty { coefficients = [1] } }
            if case .blend(.weighted(let weights, _)) = merge.rule {
                coefficients = weights.map { Float($0) }
            } else if case .blend(.scaled(let scale)) = merge.rule {
                coefficients = [Float(scale ?? 1)]
            } else if case .nearswap(let t) = merge.rule {
                coefficients = [Float(t)]
            } else {
                coefficients = constants.factors(of: merge)
            }
            return
        }
        terms = rule.terms.enumerated().map { index, term in
            CombineTerm(
                factor: constants.factor(index), weight: Float(term.weight), lambda: Float(term.lambda),
                dropped: term.isDropped, isPruned: term.isPruned)
        }
    }
}

extension TensorTask {
    /// What the reader should know of the tensor; empty as a rule.
    var findings: WeightFindings {
        var findings = WeightFindings()
        guard let result = found.last else { return findings }
        let name = layout.tensor.name
        for (index, count) in found.dropLast().enumerated() where count.nans + count.infinities > 0 {
            let input = layout.inputs[index]
            let isCut = count.infinities > 0 && merge?.format == .float16 && input.type != .f16
            findings.add(count, at: isCut ? .rounded(input.model) : .input(input.model), tensor: name)
        }
        if result.nans + result.infinities > 0 {
            findings.add(result, at: findings.isEmpty ? .overflow : .result, tensor: name)
        }
        if merge?.isOpposed(constants) == true {
            findings.add(NonfiniteCount(), at: .opposed, tensor: name)
        }
        return findings
    }
}
