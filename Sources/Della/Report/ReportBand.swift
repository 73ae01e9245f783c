/// A layer of a report, or several together where a model has very many; or the tensors outside of the layers.
struct ReportBand: Hashable, Sendable {
    /// The stack of layers, by its place among the report's.
    var stack: Int
    /// The layers that were seen.
    private(set) var layers: ClosedRange<Int>
    /// All of its tensors, with pairs of models.
    private(set) var all = GroupFigures()
    /// By kind.
    private(set) var kinds = [GroupFigures?](repeating: nil, count: TensorKind.allCases.count)
    /// By the parameter's number, then by slot.
    private(set) var parameters: [[FigureMean]] = []

    /// A band without tensors.
    init(stack: Int, layer: Int) {
        self.stack = stack
        layers = layer...layer
    }

    /// Adds a tensor. `parameter` is the number of a parameter's name, `nil` to leave it out.
    mutating func add(
        _ tensor: ReportedTensor, _ kind: TensorKind, slot: (Int) -> Int?, parameter: (String) -> Int?
    ) {
        all.add(tensor.statistics, withPairs: true, slot: slot)
        kinds[kind.index, default: GroupFigures()].add(tensor.statistics, withPairs: false, slot: slot)
        for (input, values) in zip(tensor.statistics.inputs, tensor.parameters) {
            guard let slot = slot(input.model) else { continue }
            for value in values {
                guard let number = parameter(value.name) else { continue }
                while parameters.count <= number { parameters.append([]) }
                while parameters[number].count <= slot { parameters[number].append(FigureMean()) }
                parameters[number][slot].add(value.value, weight: Double(tensor.statistics.elements))
            }
        }
    }

    /// Counts a layer among those that were seen.
    mutating func cover(_ layer: Int) {
        layers = min(layers.lowerBound, layer)...max(layers.upperBound, layer)
    }

    /// Adds another band, of the same stack.
    mutating func add(_ other: Self) {
        layers =
            min(layers.lowerBound, other.layers.lowerBound)...max(layers.upperBound, other.layers.upperBound)
        all.add(other.all)
        for place in kinds.indices {
            guard let figures = other.kinds[place] else { continue }
            kinds[place, default: GroupFigures()].add(figures)
        }
        while parameters.count < other.parameters.count { parameters.append([]) }
        for (number, means) in other.parameters.enumerated() {
            while parameters[number].count < means.count { parameters[number].append(FigureMean()) }
            for (slot, mean) in means.enumerated() { parameters[number][slot].add(mean) }
        }
    }

    /// A kind's figures; `nil` where it has none here.
    subscript(kind: TensorKind) -> GroupFigures? { kinds[kind.index] }

    /// A model's parameter.
    func parameter(_ number: Int, _ slot: Int) -> FigureMean? {
        guard number < parameters.count, slot < parameters[number].count else { return nil }
        return parameters[number][slot]
    }
}

extension Array {
    /// The element, or a value where there is none yet.
    fileprivate subscript<Wrapped>(place: Int, default value: @autoclosure () -> Wrapped) -> Wrapped
    where Element == Wrapped? {
        get { self[place] ?? value() }
        _modify {
            var element = self[place] ?? value()
            self[place] = nil
            defer { self[place] = element }
            yield &element
        }
    }
}
