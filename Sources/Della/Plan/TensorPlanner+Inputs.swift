import StreamIO

/// What models have of the output's tensors: ranges of files, rows by token, what adapters add.
extension TensorPlanner {
    /// The tensor's bytes; `file` holds the model and shard until `renumberInputs`.
    mutating func input(_ tensor: Checkpoint.Tensor, of model: Int) -> InputTensor {
        let number = files[model][tensor.shard] ?? number(of: models[model].shard(of: tensor))
        files[model][tensor.shard] = number
        return InputTensor(
            file: number, type: tensor.type, offset: tensor.offset, byteCount: tensor.byteCount, model: model)
    }

    /// The number of an input file: one for all models that it is a file of, as of a base with several adapters.
    private mutating func number(of shard: Checkpoint.Shard) -> Int {
        if let number = inputNumbers[shard.path] { return number }
        inputNumbers[shard.path] = inputs.count
        inputs.append(
            InputFile(
                path: shard.path, size: shard.byteCount, inode: shard.inode, modified: shard.modified,
                changed: shard.changed, headerChecksum: shard.headerChecksum))
        return inputs.count - 1
    }

    /// What a model has of a tensor: where it has a vocabulary axis, rows by token.
    mutating func input(
        _ tensor: Checkpoint.Tensor, of model: Int, at spot: OutputSpot, in slice: PlannedSlice,
        _ tokens: OutputVocabulary?
    ) -> InputTensor {
        var own = input(tensor, of: model)
        guard let rows = tokens?.maps[model] else {
            let adapter = adapterPart(of: tensor, model), scale = scalePart(of: tensor, model)
            if adapter != nil || scale != nil {
                own.rows = RowSources(
                    allRows(of: model, count: tensor.shape.dropLast().reduce(1, *)), of: [model: own],
                    adapters: adapter.map { [model: $0] } ?? [:], scales: scale.map { [model: $0] } ?? [:])
            }
            return own
        }
        var tensors: [Int: InputTensor] = [:]
        var adapters: [Int: AdapterPart] = [:]
        var scales: [Int: ScalePart] = [:]
        for other in rows.models {
            let found: Checkpoint.Tensor
            switch other == model ? .tensor(tensor) : counterpart(of: spot, in: other, slice) {
            case .tensor(let plain), .tied(let plain): found = models[other].effective(plain)
            case .computed, .part:
                // The base's row of the same number is another token's where there is one.
                guard
                    rows.lastRow(of: other)
                        < VocabularyAxis.parts(of: spot.base.shape, name: spot.name).tokens
                else {
                    findings.missing[other, default: .init()].note(spot.sought)
                    return own
                }
                tensors[other] = input(spot.base, of: slice.base)
                continue
            case .missing(let name):
                findings.missing[other, default: .init()].note(name)
                return own
            }
            let parts = VocabularyAxis.parts(of: found.shape, name: spot.name)
            guard models[other].format(of: found) != nil,
                parts.rest == VocabularyAxis.parts(of: tensor.shape, name: spot.name).rest,
                rows.lastRow(of: other) < parts.tokens
            else {
                findings.noteShape(found, of: other, base: spot.base.shape)
                return own
            }
            tensors[other] = input(found, of: other)
            adapters[other] = adapterPart(of: found, other)
            scales[other] = scalePart(of: found, other)
        }
        own.rows = RowSources(rows, of: tensors, adapters: adapters, scales: scales)
        return own
    }

    /// A model's tensor of so many rows as it is: one map for all its tensors of that size.
    private mutating func allRows(of model: Int, count: Int) -> VocabularyRows {
        if let rows = wholeMaps[model][count] { return rows }
        let rows = VocabularyRows.identity(model: model, count: count)
        wholeMaps[model][count] = rows
        return rows
    }

    /// What any model of the merge has of a tensor outside of the layers.
    mutating func counterpart(
        of spot: OutputSpot, in model: Int, _ slice: PlannedSlice
    ) -> Counterpart {
        if model == slice.base { return .tensor(spot.base) }
        return matching.counterpart(of: spot.sought, spot.base, layer: nil, of: model, in: slice.base)
    }

    /// What a model's adapter adds to a tensor; `nil` where it has none, or nothing for it.
    mutating func adapterPart(of tensor: Checkpoint.Tensor, _ model: Int) -> AdapterPart? {
        guard let part = models[model].adapter?.parts[tensor.name] else { return nil }
        return AdapterPart(
            down: input(part.down, of: model), up: input(part.up, of: model), rank: part.rank,
            scale: part.scale, isTransposed: part.isTransposed,
            magnitude: part.magnitude.map { input($0, of: model) })
    }

    /// The scales of a model's weight of 8 bits; `nil` of any other.
    mutating func scalePart(of tensor: Checkpoint.Tensor, _ model: Int) -> ScalePart? {
        guard let scales = models[model].scales(of: tensor) else { return nil }
        let columns = tensor.shape[1]
        return ScalePart(
            values: input(scales.tensor, of: model), blockRows: scales.blockRows,
            blockColumns: scales.blockColumns,
            columnCount: (columns + scales.blockColumns - 1) / scales.blockColumns)
    }

    /// Orders the input files: the base's first, then the models' in their order, each by name.
    mutating func renumberInputs() {
        var seen: Set<Int> = []
        let order = files.flatMap { shards in shards.sorted { $0.key < $1.key }.map(\.value) }
            .filter { seen.insert($0).inserted }
        var numbers = Array(repeating: 0, count: inputs.count)
        for (new, old) in order.enumerated() { numbers[old] = new }
        inputs = order.map { inputs[$0] }
        tensors.renumberFiles(numbers)
        tensors.complete()
    }
}
