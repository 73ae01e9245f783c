import StreamIO

/// One output tensor under way: its parameters as the kernels take them, and the sums as they come in.
///
/// Written by the merge's thread before the tensor's rows are lent to workers, and between the phases.
final class TensorTask: @unchecked Sendable {
    let layout: TensorLayout
    let merge: TensorMerge?
    /// Random streams by term.
    let streams: [UInt64]
    /// By term; `nil` where nothing is drawn.
    let probabilities: [PruneProbabilities?]
    let seed: UInt64
    let electsSigns: Bool
    /// What `combine` takes; the factors are 1 until the sums are complete.
    private(set) var terms: [CombineTerm]
    /// Whether the second phase may begin.
    private(set) var isRescaleKnown: Bool
    /// Chunks, from the first, that stay in memory between the phases: the layout's, or fewer where memory is slow
    /// to come.
    private(set) var keptChunks: Int
    private var sums: [RowSums]
    private(set) var chunksSummed = 0
    /// Chunks written or lent for writing.
    var chunksEmitted = 0
    /// NaN and infinity by input; the last is the result's.
    private(set) var found: [NonfiniteCount]

    init(_ layout: TensorLayout, seed: UInt64, electsSigns: Bool) {
        self.layout = layout
        keptChunks = layout.keptChunks
        self.seed = seed
        self.electsSigns = electsSigns
        guard case .merge(let merge) = layout.tensor.source else {
            (merge, streams, probabilities, terms, sums, isRescaleKnown) = (nil, [], [], [], [], true)
            found = []
            return
        }
        self.merge = merge
        streams = merge.terms.map {
            RandomStream.identifier(tensor: layout.tensor.name, ordinal: $0.ordinal)
        }
        probabilities = merge.terms.map { term in
            guard term.isPruned else { return nil }
            return PruneProbabilities(
                density: term.density, epsilon: term.epsilon, rowLength: layout.tensor.rowLength)
        }
        terms = merge.terms.enumerated().map { index, term in
            CombineTerm(
                factor: layout.knownFactors?[index] ?? 1, weight: Float(term.weight),
                lambda: Float(term.lambda), dropped: term.isDropped, isPruned: term.isPruned)
        }
        sums = Array(repeating: RowSums(), count: merge.terms.count)
        isRescaleKnown = !layout.needsSums || layout.chunkCount == 0
        found = Array(repeating: NonfiniteCount(), count: merge.terms.count + 2)
    }

    /// The rescale factors by term, for the journal.
    var factors: [Float] { terms.map(\.factor) }

    /// Keeps no chunk from this one on; those before it are kept.
    /// - Returns: the bytes that will be read again because of it.
    func keepOnly(_ chunks: Int) -> UInt64 {
        precondition(chunks <= keptChunks, "chunks that were let go cannot be kept")
        let lost = layout.rows(ofChunks: chunks..<keptChunks)
        keptChunks = chunks
        return UInt64(layout.inputRowBytes.reduce(0, +) * lost.count)
    }

    /// Adds a chunk's row sums; chunks come in order. After the last the factors are known.
    func add(_ rowSums: UnsafePointer<RowSums>, rows: Int) {
        for term in sums.indices {
            var total = sums[term]
            for row in 0..<rows {
                let sum = rowSums[term * rows + row]
                total.total += sum.total
                total.kept += sum.kept
            }
            sums[term] = total
        }
        chunksSummed += 1
        guard chunksSummed == layout.chunkCount else { return }
        for term in terms.indices where terms[term].isPruned {
            terms[term].factor = RescaleFactor.factor(total: sums[term].total, kept: sums[term].kept)
        }
        isRescaleKnown = true
    }

    func add(_ counts: [NonfiniteCount]) {
        for index in found.indices where index < counts.count {
            found[index] += counts[index]
        }
    }
}

extension TensorTask {
    /// What the reader should know of NaN and infinity in the tensor; empty as a rule.
    func warnings(modelNames: [String]) -> [String] {
        guard let merge, let result = found.last else { return [] }
        var warnings: [String] = []
        let name = layout.tensor.name
        for (index, count) in found.dropLast().enumerated() where count.nans + count.infinities > 0 {
            let model = index == 0 ? 0 : merge.terms[index - 1].ordinal + 1
            let source = model < modelNames.count ? modelNames[model] : "input \(model)"
            warnings.append(
                "\(name): \(source) holds \(count.nans) NaN and \(count.infinities) infinite values")
        }
        if result.nans + result.infinities > 0 {
            let cause = warnings.isEmpty ? "overflowed: the result" : "the result"
            warnings.append(
                "\(name): \(cause) holds \(result.nans) NaN and \(result.infinities) infinite values")
        }
        return warnings.map(\.printable)
    }
}
