import StreamIO

/// What slices leave out of layers: tensors that a layer should have, and those that a model has beside the first's.
extension TensorPlanner {
    /// How often a model's layers have a tensor, by its name in the layer.
    private struct Places {
        var count = 0
        /// The sum of the layers.
        var sum = 0
    }

    /// Notes tensors that layers of slices lack: a program that goes by the config.json fills them with values of its own.
    mutating func noteHoles(isStopped: () -> Bool) {
        guard case .slices = config.layout, let outputModel else { return }
        var taken: [Int: Set<Int>] = [:]
        // Where several models are merged, what they have beside the first is told of.
        var alone: [Int: Set<Int>] = [:]
        for slice in slices where !slice.isLost {
            let layers = slice.baseStart..<slice.baseStart + slice.length
            taken[slice.base, default: []].formUnion(layers)
            if slice.sources.count < 2 { alone[slice.base, default: []].formUnion(layers) }
        }
        for (model, layers) in taken.sorted(by: { $0.key < $1.key }) where !isStopped() {
            let places = places(of: model)
            let own = alone[model] ?? []
            let other = model == outputModel ? taken.keys.sorted().first { $0 != model } : outputModel
            if let other, isLike(model, other) {
                noteLost(of: model, in: own, places, from: other, isStopped: isStopped)
            }
            guard findings.lost[model] == nil else { continue }
            if model != outputModel { noteForeignHoles(of: model, in: layers, isStopped: isStopped) }
            if findings.holes[model] == nil { noteOwnHoles(of: model, in: own, places) }
        }
    }

    /// Notes what a model lacks in a layer where another of its kind has it, though its own other layers have it.
    private mutating func noteLost(
        of model: Int, in layers: Set<Int>, _ places: [String: Places], from other: Int, isStopped: () -> Bool
    ) {
        for tensor in models[other].checkpoint.tensors where !isStopped() {
            guard let position = LayerPosition(tensor.name), position.stack == models[other].mainStack,
                layers.contains(position.layer), places[position.rest] != nil,
                !isScale(tensor, of: other),
                case .missing(let name) = matching.counterpart(
                    of: tensor.name, tensor, layer: position.layer, of: model, in: other)
            else { continue }
            findings.lost[model, default: .init()].note(name)
        }
    }

    /// Notes what layers of a model lack though every layer of the one has it whose config.json the output gets.
    private mutating func noteForeignHoles(of model: Int, in layers: Set<Int>, isStopped: () -> Bool) {
        guard let outputModel else { return }
        let places = places(of: outputModel)
        let count = models[outputModel].layerCount
        for tensor in models[outputModel].checkpoint.tensors where !isStopped() {
            guard let position = LayerPosition(tensor.name), position.layer == 0,
                position.stack == models[outputModel].mainStack,
                let found = places[position.rest], found.count == count, !isScale(tensor, of: outputModel)
            else { continue }
            for layer in layers.sorted() {
                let theirs = matching.counterpart(
                    of: tensor.name, tensor, layer: layer, of: model, in: outputModel)
                if case .missing(let name) = theirs { findings.holes[model, default: .init()].note(name) }
            }
        }
    }

    /// Notes what one layer of a model lacks and all its others have, where its config.json tells of no kinds of layers.
    private mutating func noteOwnHoles(of model: Int, in layers: Set<Int>, _ places: [String: Places]) {
        let count = models[model].layerCount
        guard let stack = models[model].mainStack, count > 2, models[model].layersHeld == count,
            LayerSettings.areAlike(in: models[model].profile.text ?? .null)
        else { return }
        let all = count * (count - 1) / 2
        // A layer that has what no other has is of another kind.
        let odd = Set(places.values.filter { $0.count == 1 }.map(\.sum))
        for (rest, found) in places.sorted(by: { $0.key < $1.key }) where found.count == count - 1 {
            let layer = all - found.sum
            guard layer > 0, layer < count - 1, layers.contains(layer), !odd.contains(layer) else { continue }
            findings.ownHoles[model, default: .init()].note("\(stack)\(layer)\(rest)")
        }
    }

    /// Tensors of the layers that the config counts.
    private func places(of model: Int) -> [String: Places] {
        var places: [String: Places] = [:]
        for tensor in models[model].checkpoint.tensors {
            guard let position = LayerPosition(tensor.name), position.stack == models[model].mainStack,
                position.layer < models[model].layerCount, !isScale(tensor, of: model),
                !ComputedTensor.isOne(tensor.name, shape: tensor.shape)
            else { continue }
            places[position.rest, default: Places()].count += 1
            places[position.rest]?.sum += position.layer
        }
        return places
    }

    private func isScale(_ tensor: Checkpoint.Tensor, of model: Int) -> Bool {
        models[model].isScaled && WeightScales.isOne(tensor.name, in: models[model].checkpoint)
    }

    /// Whether two models' layers of one number have the same tensors, as far as their configs say.
    private func isLike(_ model: Int, _ other: Int) -> Bool {
        let (ours, theirs) = (models[model], models[other])
        return ours.layerCount == theirs.layerCount
            && ours.profile.architectures == theirs.profile.architectures
            && ModelDifferences.tensors(of: ours.profile, from: theirs.profile).settings.isEmpty
            && LayerSettings.kinds(in: ours.profile.text ?? .null)
                == LayerSettings.kinds(in: theirs.profile.text ?? .null)
    }

    /// Layers of a model that slices take beside another's, whose tensors the output has.
    func layersBesideBase(of model: Int) -> Set<Int> {
        var layers: Set<Int> = []
        for slice in slices where !slice.isLost && slice.base != model {
            for source in slice.sources where source.model == model {
                layers.formUnion(source.start..<source.start + slice.length)
            }
        }
        return layers
    }
}
