import StreamIO

/// Plans each tensor of the output: where its bytes come from and with which parameters.
struct TensorPlanner {
    let method: MergeMethod
    let config: MergeConfig
    let models: [OpenModel]
    let slices: [PlannedSlice]
    /// The output's tensors, in order.
    let seedOrder: [OutputSpot]
    private let resolver: ParameterResolver
    private(set) var tensors: [OutputTensor] = []
    private(set) var inputs: [InputFile] = []
    private var files: [[Int: Int]]
    var findings = TensorFindings()

    init(
        method: MergeMethod, config: MergeConfig, models: [OpenModel], slices: [PlannedSlice],
        seedOrder: [OutputSpot]
    ) {
        self.method = method
        self.config = config
        self.models = models
        self.slices = slices
        self.seedOrder = seedOrder
        resolver = ParameterResolver(
            method: method, module: config.moduleParameters, global: config.parameters)
        files = Array(repeating: [:], count: models.count)
    }

    mutating func planAll(isStopped: () -> Bool = { false }) {
        tensors.reserveCapacity(seedOrder.count)
        var used: [Set<String>] = Array(repeating: [], count: models.count)
        for spot in seedOrder where !isStopped() { plan(spot, used: &used, isStopped: isStopped) }
        for index in models.indices where index > 0 {
            findings.extra[index] = models[index].checkpoint.tensors.map(\.name)
                .filter { !used[index].contains($0) && !$0.hasSuffix("rotary_emb.inv_freq") }
        }
        if case .slices = config.layout { findings.extra = [:] }
        renumberInputs()
    }

    private mutating func plan(_ spot: OutputSpot, used: inout [Set<String>], isStopped: () -> Bool) {
        let slice = slices[spot.slice]
        var inputs: [(source: PlannedSlice.Source, name: String, tensor: Checkpoint.Tensor, model: Int)] = []
        for source in slice.sources {
            let layer = spot.layer.map { $0 + source.start }
            switch models[source.model].counterpart(of: spot.base, layer: layer, in: models[slice.base]) {
            case .tensor(let tensor):
                used[source.model].insert(tensor.name)
                inputs.append((source, tensor.name, tensor, source.model))
            case .tied(let tensor):
                inputs.append((source, spot.base.name, tensor, source.model))
            case .base:
                inputs.append((source, spot.base.name, spot.base, slice.base))
            case .missing(let name):
                findings.missing[source.model, default: []].append(name)
            }
        }
        guard inputs.count == slice.sources.count else { return }
        for input in inputs where input.tensor.shape != spot.base.shape {
            findings.noteShape(input.tensor, of: input.model, base: spot.base)
        }
        guard inputs.allSatisfy({ $0.tensor.shape == spot.base.shape }) else { return }
        if spot.base.type.isInteger {
            copy(spot, inputs.map { ($0.model, $0.tensor) }, base: slice.base, isStopped: isStopped)
            return
        }
        var formats: Set<FloatFormat> = []
        for (model, tensor) in [(slice.base, spot.base)] + inputs.map({ ($0.model, $0.tensor) }) {
            guard let format = FloatFormat(tensor.type) else {
                findings.noteType(tensor, of: model)
                continue
            }
            formats.insert(format)
        }
        guard findings.types.isEmpty else { return }
        let format = config.format ?? (formats.count == 1 ? formats.first ?? .float32 : .float32)
        let terms = inputs.enumerated().map { ordinal, input in
            term(
                spot, slice, ordinal: ordinal, input.source, name: input.name,
                input: self.input(input.tensor, of: input.model))
        }
        append(
            spot, type: (config.outputFormat ?? format).elementType,
            .merge(
                TensorMerge(
                    base: input(spot.base, of: slice.base), terms: terms, format: format,
                    rescale: resolver.flag(.rescale, slice: slice.parameters, tensor: spot.name, t: spot.t),
                    normalize: resolver.flag(
                        .normalize, slice: slice.parameters, tensor: spot.name, t: spot.t),
                    lambda: resolver.number(.lambda, slice: slice.parameters, tensor: spot.name, t: spot.t)?
                        .value ?? 1)))
    }

    private mutating func term(
        _ spot: OutputSpot, _ slice: PlannedSlice, ordinal: Int, _ source: PlannedSlice.Source, name: String,
        input: InputTensor
    ) -> MergeTerm {
        func resolve(_ parameter: ParameterName) -> ParameterResolver.Resolved? {
            resolver.number(
                parameter, source: source.entry.parameters, slice: slice.parameters, tensor: name, t: spot.t)
        }
        let density = resolve(.density) ?? .init(value: 1)
        let epsilon = resolve(.epsilon) ?? .init(value: 0.15)
        let weight = resolve(.weight)
        if weight == nil, !isDamaged(source, slice) { findings.noteWeight(missingFor: name, of: source) }
        if density.value > 0, density.value < 1 {
            let reach = abs(epsilon.value)
            if !(density.value - reach > 0 && density.value + reach < 1) {
                findings.noteDensity(density, epsilon, at: spot, source)
            }
        }
        let own = resolver.ownLambda(source: source.entry.parameters, tensor: name, t: spot.t)
        return MergeTerm(
            input: input, ordinal: ordinal, density: density.value, epsilon: epsilon.value,
            weight: weight?.value ?? 0, lambda: config.dellad.followsMergekit ? 1 : own)
    }

    /// Whether a weight may have been meant where something could not be read.
    private func isDamaged(_ source: PlannedSlice.Source, _ slice: PlannedSlice) -> Bool {
        [source.entry.parameters, slice.parameters, config.moduleParameters, config.parameters]
            .contains(where: \.isDamaged)
    }

    /// Integer tensors are the base's, if all models agree.
    private mutating func copy(
        _ spot: OutputSpot, _ others: [(model: Int, tensor: Checkpoint.Tensor)], base: Int,
        isStopped: () -> Bool
    ) {
        let path = models[base].checkpoint.shards[spot.base.shard].path
        for other in others {
            if other.tensor.type != spot.base.type {
                findings.noteType(other.tensor, of: other.model)
                continue
            }
            let otherPath = models[other.model].checkpoint.shards[other.tensor.shard].path
            do {
                let isEqual = try FileBytes.areEqual(
                    path, at: spot.base.offset, otherPath, at: other.tensor.offset,
                    count: spot.base.byteCount,
                    isStopped: isStopped)
                if !isEqual { findings.different[other.model, default: []].append(spot.name) }
            } catch {
                findings.unreadable[other.model] = "\(error)"
            }
        }
        append(spot, type: spot.base.type, .copy(input(spot.base, of: base)))
    }

    private mutating func append(_ spot: OutputSpot, type: ElementType, _ source: OutputTensor.Source) {
        let count = UInt64(spot.base.elementCount)
        tensors.append(
            OutputTensor(
                name: spot.name, type: type, shape: spot.base.shape, offset: 0,
                byteCount: count * UInt64(type.bitWidth / 8), source: source))
    }

    // MARK: Inputs

    /// The tensor's bytes; `file` holds the model and shard until `renumberInputs`.
    private mutating func input(_ tensor: Checkpoint.Tensor, of model: Int) -> InputTensor {
        let number = files[model][tensor.shard] ?? inputs.count
        if number == inputs.count {
            let shard = models[model].checkpoint.shards[tensor.shard]
            files[model][tensor.shard] = number
            inputs.append(
                InputFile(
                    path: shard.path, size: shard.byteCount, inode: shard.inode, modified: shard.modified,
                    headerChecksum: shard.headerChecksum))
        }
        return InputTensor(
            file: number, type: tensor.type, offset: tensor.offset, byteCount: tensor.byteCount)
    }

    /// Orders the input files: the base's first, then the models' in their order, each by name.
    private mutating func renumberInputs() {
        let order = files.flatMap { shards in shards.sorted { $0.key < $1.key }.map(\.value) }
        var numbers = Array(repeating: 0, count: inputs.count)
        for (new, old) in order.enumerated() { numbers[old] = new }
        inputs = order.map { inputs[$0] }
        for index in tensors.indices {
            switch tensors[index].source {
            case .copy(var input):
                input.file = numbers[input.file]
                tensors[index].source = .copy(input)
            case .merge(var merge):
                merge.base.file = numbers[merge.base.file]
                for term in merge.terms.indices {
                    merge.terms[term].input.file = numbers[merge.terms[term].input.file]
                }
                tensors[index].source = .merge(merge)
            }
        }
    }
}
