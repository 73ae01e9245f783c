import Collections
import StreamIO

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
    /// By input; `nil` where nothing is drawn.
    let probabilities: [PruneProbabilities?]
    let seed: UInt64
    /// What the phases so far have found.
    private(set) var constants: TensorConstants
    /// What `combine` takes, by the constants.
    private(set) var terms: [CombineTerm] = []
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
    /// NaN and infinity by input; the last is the result's.
    private(set) var found: [NonfiniteCount]

    init(_ layout: TensorLayout, seed: UInt64) {
        self.layout = layout
        keptChunks = layout.keptChunks
        self.seed = seed
        // An empty tensor has nothing to measure.
        phase = layout.chunkCount == 0 ? layout.phases.count - 1 : 0
        guard let merge = layout.tensor.arithmetic else {
            self.merge = nil
            (streams, probabilities) = ([], [])
            found = Array(repeating: NonfiniteCount(), count: 2)
            constants = TensorConstants()
            return
        }
        self.merge = merge
        let terms = merge.deltas?.terms ?? []
        streams = terms.map { RandomStream.identifier(tensor: layout.tensor.name, ordinal: $0.ordinal) }
        probabilities = terms.map { term in
            guard term.isPruned else { return nil }
            return PruneProbabilities(
                density: term.sparsifier.density, epsilon: term.epsilon, rowLength: layout.tensor.rowLength)
        }
        found = Array(repeating: NonfiniteCount(), count: layout.inputs.count + 1)
        constants = layout.knownConstants ?? TensorConstants(merge)
        begin()
    }

    /// Whether the output's rows may be computed.
    var isSettled: Bool { phase == layout.phases.count - 1 }

    /// What the merge's record keeps of the tensor; `nil` where nothing had to be found of the whole of it, or it is
    /// more than a record has room for.
    var constantsToRecord: TensorConstants? {
        guard merge?.measures == true, constants.words.count <= TensorConstants.wordLimit else { return nil }
        return constants
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
        return work
    }

    func removeNextToMeasure() { toMeasure.removeFirst() }

    /// Adds what was measured of a chunk once all before it are added. After the last the phase is settled.
    /// - Returns: the chunks whose measurements are taken in.
    func addMeasured(_ work: ChunkWork) -> [ChunkWork] {
        measuredAhead[work.chunk] = work
        var added: [ChunkWork] = []
        while let next = measuredAhead.removeValue(forKey: chunksMeasured) {
            if let rows = next.sums { add(rows, rows: layout.phases[phase].sumsByRow ? next.rows.count : 1) }
            add(next.found)
            next.clearFound()
            chunksMeasured += 1
            added.append(next)
        }
        if chunksMeasured == layout.chunkCount { settle() }
        return added
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
        constants = merge.settle(layout.phases[phase], sums: sums, constants)
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
    /// What the reader should know of NaN and infinity in the tensor; empty as a rule.
    func warnings(modelNames: [String]) -> [String] {
        guard let result = found.last else { return [] }
        var warnings: [String] = []
        let name = layout.tensor.name
        for (index, count) in found.dropLast().enumerated() where count.nans + count.infinities > 0 {
            let model = layout.inputs[index].model
            let source = model < modelNames.count ? modelNames[model] : "input \(model)"
            warnings.append(
                "\(name): \(source) holds \(count.nans) NaN and \(count.infinities) infinite values")
        }
        if result.nans + result.infinities > 0 {
            let cause = warnings.isEmpty ? "overflowed: the result" : "the result"
            warnings.append(
                "\(name): \(cause) holds \(result.nans) NaN and \(result.infinities) infinite values")
        }
        if let remark = merge?.remark(constants) { warnings.append("\(name): \(remark)") }
        return warnings.map(\.printable)
    }
}
