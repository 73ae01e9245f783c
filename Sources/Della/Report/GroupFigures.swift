import StreamIO

/// What was measured of several tensors together. Sums of the tensors' sums, so that a group may be put together in any
/// number of parts.
struct GroupFigures: Hashable, Sendable {
    private(set) var tensors = 0
    /// Of these, tensors that a model's differences were taken in.
    private(set) var compared = 0
    /// Of these, tensors in which any model differs from the reference.
    private(set) var differing = 0
    private(set) var elements: UInt64 = 0
    /// Σb² and Σ(out − b)², without tensors where either is not finite.
    private(set) var referenceSquares: Double = 0
    private(set) var changeSquares: Double = 0
    private(set) var changed: UInt64 = 0
    private(set) var conflicts: UInt64 = 0
    /// Elements of the tensors where terms are summed.
    private(set) var conflictsOf: UInt64 = 0
    private(set) var outputPeak: Float = 0
    private(set) var outputNaNs: UInt64 = 0
    private(set) var outputInfinities: UInt64 = 0
    /// By slot.
    private(set) var models: [ModelFigures] = []
    /// By `pair(_:_:)` of two slots; empty where none are taken.
    private(set) var pairs: [PairFigures] = []

    /// The place of two slots' pair, `i < j`: (0, 1), (0, 2), (1, 2), (0, 3), …, so that it stays as slots are added.
    static func pair(_ i: Int, _ j: Int) -> Int { j * (j - 1) / 2 + i }

    /// Adds a tensor.
    ///
    /// - Parameters:
    ///   - slot: where a model's figures go; `nil` to leave them out.
    ///   - withPairs: whether pairs of models are added too.
    mutating func add(_ tensor: TensorStatistics, withPairs: Bool, slot: (Int) -> Int?) {
        tensors += 1
        compared += tensor.inputs.isEmpty ? 0 : 1
        let isDiffering = tensor.inputs.contains { $0.squares > 0 || $0.equal < tensor.elements }
        differing += isDiffering ? 1 : 0
        elements = elements.addingSaturated(tensor.elements)
        if tensor.referenceSquares.isFinite, tensor.changeSquares.isFinite {
            referenceSquares += tensor.referenceSquares
            changeSquares += tensor.changeSquares
        }
        changed = changed.addingSaturated(tensor.changed)
        if let conflicts = tensor.conflicts {
            self.conflicts = self.conflicts.addingSaturated(conflicts)
            conflictsOf = conflictsOf.addingSaturated(tensor.elements)
        }
        outputPeak = max(outputPeak, tensor.outputPeak)
        outputNaNs = outputNaNs.addingSaturated(tensor.outputNaNs)
        outputInfinities = outputInfinities.addingSaturated(tensor.outputInfinities)
        for input in tensor.inputs {
            guard let slot = slot(input.model) else { continue }
            while models.count <= slot { models.append(ModelFigures()) }
            models[slot].add(input, of: tensor)
        }
        if withPairs { addPairs(of: tensor, slot) }
    }

    private mutating func addPairs(of tensor: TensorStatistics, _ slot: (Int) -> Int?) {
        var place = -1
        for i in tensor.inputs.indices {
            for j in tensor.inputs.indices.dropFirst(i + 1) {
                place += 1
                guard place < tensor.products.count else { return }
                guard let first = slot(tensor.inputs[i].model), let second = slot(tensor.inputs[j].model),
                    first != second
                else { continue }
                let pair = Self.pair(min(first, second), max(first, second))
                while pairs.count <= pair { pairs.append(PairFigures()) }
                let squares = (tensor.inputs[i].squares, tensor.inputs[j].squares)
                let (low, high) = first < second ? squares : (squares.1, squares.0)
                pairs[pair].add(product: tensor.products[place], firstSquares: low, secondSquares: high)
            }
        }
    }

    /// Adds other tensors' figures.
    mutating func add(_ other: Self) {
        tensors += other.tensors
        compared += other.compared
        differing += other.differing
        elements = elements.addingSaturated(other.elements)
        referenceSquares += other.referenceSquares
        changeSquares += other.changeSquares
        changed = changed.addingSaturated(other.changed)
        conflicts = conflicts.addingSaturated(other.conflicts)
        conflictsOf = conflictsOf.addingSaturated(other.conflictsOf)
        outputPeak = max(outputPeak, other.outputPeak)
        outputNaNs = outputNaNs.addingSaturated(other.outputNaNs)
        outputInfinities = outputInfinities.addingSaturated(other.outputInfinities)
        while models.count < other.models.count { models.append(ModelFigures()) }
        for (slot, model) in other.models.enumerated() { models[slot].add(model) }
        while pairs.count < other.pairs.count { pairs.append(PairFigures()) }
        for (place, pair) in other.pairs.enumerated() { pairs[place].add(pair) }
    }

    /// ‖out − b‖/‖b‖; `nil` where nothing was measured or the reference is 0.
    var relativeChange: Double? {
        referenceSquares > 0 ? (changeSquares / referenceSquares).squareRoot() : nil
    }
    /// The share of elements of the output that differ from the reference's.
    var changedShare: Double? { elements > 0 ? Double(changed) / Double(elements) : nil }
    /// The share of elements of which terms have both signs, where terms are summed.
    var conflictShare: Double? { conflictsOf > 0 ? Double(conflicts) / Double(conflictsOf) : nil }
    /// NaN and infinities of the output.
    var nonfinite: UInt64 { outputNaNs.addingSaturated(outputInfinities) }

    /// A model's figures; `nil` where it has none here.
    func model(_ slot: Int) -> ModelFigures? {
        slot < models.count && models[slot].tensors > 0 ? models[slot] : nil
    }

    /// ‖δ‖/‖b‖ of a model.
    func relativeDifference(_ slot: Int) -> Double? { model(slot)?.relativeDifference }

    /// The cosine between two models' differences.
    func cosine(_ i: Int, _ j: Int) -> Double? {
        let pair = Self.pair(min(i, j), max(i, j))
        return pair < pairs.count ? pairs[pair].cosine : nil
    }
}
