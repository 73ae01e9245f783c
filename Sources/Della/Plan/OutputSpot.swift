import StreamIO

/// One tensor of the output, before its parameters are known: which slice it belongs to, and which tensor of the
/// base it is made of.
struct OutputSpot {
    var name: String
    /// Index of the slice whose sources and parameters it takes.
    var slice: Int
    /// The tensor of the slice's base.
    var base: Checkpoint.Tensor
    /// What the base calls it, and models are asked for: not what `base` is called where that stands for another.
    var sought: String
    /// Its layer, from the slice's first; `nil` outside of the text model's layers.
    var layer: Int?
    /// Where its gradients are taken: 0 to 1.
    var t: Double
}

extension OutputSpot {
    /// Goes through the output's tensors in the order of the base's files by name and offset; a layer that is taken
    /// several times has its tensors where the first of them is.
    ///
    /// Tensors outside of the layers are the first slice's base's or, where they follow the layers, the last's.
    /// Those of lost slices are left out.
    ///
    /// - Parameter isStopped: asked for each tensor of a base.
    static func forEach(
        slices: [PlannedSlice], models: [OpenModel], isStopped: () -> Bool = { false },
        _ body: (OutputSpot) -> Void
    ) {
        var starts: [Int] = []
        var total = 0
        for slice in slices {
            starts.append(total)
            total += slice.length
        }
        var bases: [Int] = []
        for slice in slices where !slice.isLost && !bases.contains(slice.base) { bases.append(slice.base) }
        for base in bases {
            let model = models[base]
            for tensor in model.checkpoint.tensors where !isStopped() {
                if model.isScaled, WeightScales.isOne(tensor.name, in: model.checkpoint) { continue }
                let position = LayerPosition(tensor.name)
                if let position, position.stack == model.mainStack {
                    forEachLayer(tensor, position, base, slices, starts, models, body)
                } else {
                    let slice = LayerPosition.followsLayers(tensor.name) ? slices.count - 1 : 0
                    guard !slices[slice].isLost, slices[slice].base == base else { continue }
                    let name = Self.name(tensor.name, of: model, as: models[slices[0].base])
                    body(
                        OutputSpot(
                            name: name, slice: slice, base: tensor, sought: tensor.name, layer: nil,
                            t: position.map { gradientPlace($0.layer, of: model.stacks[$0.stack] ?? 1) } ?? 0)
                    )
                }
            }
        }
    }

    /// How much a plan of the output's tensors holds.
    ///
    /// - Parameter head: the one that the base has not.
    static func extent(
        slices: [PlannedSlice], models: [OpenModel], head: OutputSpot?, isStopped: () -> Bool = { false }
    ) -> FlatTensors.Extent {
        var extent = FlatTensors.Extent()
        func add(_ spot: OutputSpot) {
            extent.tensors += 1
            extent.nameBytes += spot.name.utf8.count
            extent.dimensions += spot.base.shape.count
            extent.inputs += 1 + slices[spot.slice].sources.count
        }
        forEach(slices: slices, models: models, isStopped: isStopped, add)
        if let head { add(head) }
        return extent
    }

    /// The head of an output whose base has none, as the embedding stands for it; the last.
    static func head(named name: String, of slices: [PlannedSlice], models: [OpenModel]) -> OutputSpot? {
        guard let slice = slices.last, !slice.isLost, let embedding = models[slice.base].embedding else {
            return nil
        }
        return OutputSpot(
            name: self.name(name, of: models[slice.base], as: models[slices[0].base]),
            slice: slices.count - 1, base: embedding, sought: name, layer: nil, t: 0)
    }

    /// What the output calls a base's tensor that lies outside of the layers: as the first slice's base would, whose names
    /// the layers have.
    private static func name(_ name: String, of model: OpenModel, as first: OpenModel) -> String {
        guard let theirs = model.textPrefix, let ours = first.textPrefix, theirs != ours else { return name }
        if let part = NamePart(name) {
            guard part.kind == .head else { return name }
            let head = (first.head?.name ?? first.usualHeadName).dropLast(".weight".utf8.count)
            return String(head) + name[part.prefix.endIndex...]
        }
        return name.hasPrefix(theirs) ? ours + name.dropFirst(theirs.count) : name
    }

    private static func forEachLayer(
        _ tensor: Checkpoint.Tensor, _ position: LayerPosition, _ base: Int, _ slices: [PlannedSlice],
        _ starts: [Int], _ models: [OpenModel], _ body: (OutputSpot) -> Void
    ) {
        // Layers past those that the config counts, as of multi-token prediction, are the last slice's.
        let stack = models[slices[0].base].mainStack ?? position.stack
        for (index, slice) in slices.enumerated() where !slice.isLost && slice.base == base {
            let layer = position.layer - slice.baseStart
            let isPast =
                slices.count == 1 && slice.baseStart == 0 && layer >= slice.length
                && slice.length == models[base].layerCount
            guard layer >= 0, layer < slice.length || isPast else { continue }
            body(
                OutputSpot(
                    name: "\(stack)\(starts[index] + layer)\(position.rest)", slice: index, base: tensor,
                    sought: tensor.name, layer: layer, t: gradientPlace(layer, of: slice.length)))
        }
    }

    /// `layer / (layers − 1)`, 1 where there is one layer.
    private static func gradientPlace(_ layer: Int, of layers: Int) -> Double {
        layers > 1 ? min(1, Double(layer) / Double(layers - 1)) : 1
    }
}
