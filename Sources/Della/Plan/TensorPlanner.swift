import StreamIO
import SystemPackage

/// Plans each tensor of the output: where its bytes come from and with which parameters.
struct TensorPlanner {
    /// One model's part in an output tensor.
    private struct Input {
        var source: PlannedSlice.Source
        /// Among the slice's models.
        var ordinal: Int
        /// What the model calls the tensor.
        var name: String
        var tensor: Checkpoint.Tensor
        /// Whose file the tensor is in.
        var model: Int
        /// Why it is the base's in place of a model's.
        var standIn: StandIn?
    }

    /// What a base's tensor may stand for.
    private enum StandIn {
        case computed
        case part
    }

    let config: MergeConfig
    let models: [OpenModel]
    let slices: [PlannedSlice]
    /// The head that the base has not, the last of the output's tensors.
    private let head: OutputSpot?
    /// What integer tensors are compared in.
    var readable = ReadableFolders.all
    /// What the output's tensors with a vocabulary axis are made of; `nil` where all models' are taken as they are.
    var vocabulary: OutputVocabulary?
    /// The model whose config.json the output gets.
    let outputModel: Int?
    /// What it has in its layers, where slices are of other models too.
    private let sizes: SliceSizes?
    private let method: MethodRules
    private let resolver: ParameterResolver
    var tensors: FlatTensors
    var inputs: [InputFile] = []
    /// Places in `inputs` by path.
    var inputNumbers: [FilePath: Int] = [:]
    var files: [[Int: Int]]
    /// By model and number of rows, the map of a tensor whose rows are taken as they are.
    var wholeMaps: [[Int: VocabularyRows]]
    private var filters: FilterWatch
    var findings = TensorFindings()
    var matching: TensorMatching

    /// - Parameters:
    ///   - outputModel: the model whose config.json the output gets.
    ///   - extent: how much the plan will hold.
    ///   - recipeRoom: bytes of memory that there are for the parameters of its tensors.
    init(
        config: MergeConfig, models: [OpenModel], slices: [PlannedSlice], head: OutputSpot?,
        outputModel: Int?, extent: FlatTensors.Extent, recipeRoom: UInt64 = .max
    ) {
        self.config = config
        self.models = models
        self.slices = slices
        self.head = head
        self.outputModel = outputModel
        let isOfOthers = slices.contains { !$0.isLost && $0.base != outputModel }
        sizes = isOfOthers ? outputModel.map { SliceSizes(of: models[$0]) } : nil
        tensors = FlatTensors(extent, recipeRoom: recipeRoom)
        method = config.rules
        resolver = ParameterResolver(module: config.moduleParameters, global: config.parameters)
        files = Array(repeating: [:], count: models.count)
        wholeMaps = Array(repeating: [:], count: models.count)
        filters = FilterWatch(config, slices: slices)
        matching = TensorMatching(models: models)
    }

    /// How each model calls the tensors that its base calls otherwise; `nil` for one that does not.
    var namings: [String?] { matching.rules }

    mutating func planAll(isStopped: () -> Bool = { false }) {
        // By model and the place of its tensors.
        var used = models.map { Array(repeating: false, count: $0.checkpoint.tensors.count) }
        OutputSpot.forEach(slices: slices, models: models, isStopped: isStopped) { spot in
            if !isStopped() { plan(spot, used: &used, isStopped: isStopped) }
        }
        if let head, !isStopped() { plan(head, used: &used, isStopped: isStopped) }
        let isPartly: Bool
        if case .slices = config.layout { isPartly = true } else { isPartly = false }
        for index in models.indices where isPartly || !slices.contains(where: { $0.base == index }) {
            let layers = isPartly ? layersBesideBase(of: index) : []
            if isPartly, layers.isEmpty { continue }
            // A head that is tied is the embedding once more.
            let tiedHead = models[index].hasOwnHead ? nil : models[index].head?.name
            for place in used[index].indices where !used[index][place] && !isStopped() {
                let name = models[index].checkpoint.tensors.name(at: place)
                // Of layers and parts that no slice takes nothing is said.
                if isPartly {
                    guard let position = LayerPosition(name), position.stack == models[index].mainStack,
                        layers.contains(position.layer)
                    else { continue }
                }
                if name != tiedHead, !isNoLoss(place, of: index) {
                    findings.extra[index, default: .init()].note(name)
                }
            }
        }
        noteHoles(isStopped: isStopped)
        renumberInputs()
    }

    /// Whether a tensor that the base lacks is none that would be missed: computed, or a copy.
    private func isNoLoss(_ place: Int, of index: Int) -> Bool {
        let tensor = models[index].checkpoint.tensors[place]
        if ComputedTensor.isOne(tensor.name, shape: tensor.shape) { return true }
        if models[index].isScaled, WeightScales.isOne(tensor.name, in: models[index].checkpoint) {
            return true
        }
        guard let copy = TiedCopy.of(tensor.name) else { return false }
        return copy.original(in: models[index]) != nil
    }

    /// Plans one tensor. Each model's problems are noted whatever another's are; a tensor with problems is left out.
    private mutating func plan(_ spot: OutputSpot, used: inout [[Bool]], isStopped: () -> Bool) {
        let slice = slices[spot.slice]
        var spot = spot
        var inputs = counterparts(of: spot, in: slice, used: &used)
        for index in inputs.indices {
            inputs[index].tensor = models[inputs[index].model].effective(inputs[index].tensor)
        }
        spot.base = models[slice.base].effective(spot.base)
        noteSize(spot, base: slice.base)
        filters.see(output: spot.name, slice: spot.slice)
        for input in inputs {
            filters.see(input.name, output: spot.name, slice: spot.slice, ordinal: input.ordinal)
        }
        if takesBase(spot, inputs, slice) { return }
        if spot.base.type.isInteger {
            copy(spot, inputs, base: slice.base, isStopped: isStopped)
            return
        }
        var formats: Set<FloatFormat> = []
        var isWhole = inputs.count == slice.sources.count
        let tokens = vocabulary.flatMap { VocabularyAxis.isOn(name: spot.name) ? $0 : nil }
        for (tensor, model) in [(spot.base, slice.base)] + inputs.map({ ($0.tensor, $0.model) }) {
            if let format = models[model].format(of: tensor) {
                formats.insert(format)
                let found = VocabularyAxis.parts(of: tensor.shape, name: spot.name)
                let isLike = found.rest == VocabularyAxis.parts(of: spot.base.shape, name: spot.name).rest
                let isFit =
                    tokens?.maps[model] == nil
                    ? tensor.shape == spot.base.shape
                        || tokens != nil && found.tokens == tokens?.rowCount && isLike
                    : isLike
                guard !isFit else { continue }
                findings.noteShape(tensor, of: model, base: spot.base.shape)
            } else {
                findings.noteType(tensor, of: model, base: model == slice.base ? nil : spot.base.type)
            }
            isWhole = false
        }
        let format = config.format ?? (formats.count == 1 ? formats.first ?? .float32 : .float32)
        let parameters = parameters(of: inputs, at: spot, slice)
        guard isWhole else { return }
        let merge = TensorMerge(
            inputs: inputs.map { input($0.tensor, of: $0.model, at: spot, in: slice, tokens) },
            reference: slice.isReference
                ? input(spot.base, of: slice.base, at: spot, in: slice, tokens) : nil, format: format,
            rule: inputs.isEmpty ? Self.unchanged : MergeRule(method.arithmetic, parameters))
        append(
            spot, type: (config.outputFormat ?? format).elementType, .merge(merge), rows: tokens?.rowCount)
    }

    /// Notes what the model whose config.json the output gets has in another size, or not at all.
    private mutating func noteSize(_ spot: OutputSpot, base: Int) {
        guard let sizes, base != outputModel else { return }
        let fit = sizes.fit(
            of: spot.base, named: spot.name, isInLayer: spot.layer != nil, vocabulary: vocabulary != nil)
        switch fit {
        case .same: break
        case .other(let shape): findings.noteShape(spot.base, of: base, base: shape)
        case .foreign: findings.foreign[base, default: .init()].note(spot.base.name)
        }
    }

    /// The base's values, whatever the method, where there is nothing to merge with them: a sum with 0 has another sign
    /// of zero.
    private static let unchanged = MergeRule.deltas(
        DeltaRule(terms: [], electsSigns: false, rescale: false, normalize: false, lambda: 1))

    /// Plans a tensor that is the base's whatever the method: one that code computes and some model lacks, or of a part
    /// that no model has.
    private mutating func takesBase(_ spot: OutputSpot, _ inputs: [Input], _ slice: PlannedSlice) -> Bool {
        // Where tokens are matched, the base's has other rows too.
        let isMapped = vocabulary != nil && VocabularyAxis.isOn(name: spot.name)
        if !isMapped, inputs.contains(where: { $0.standIn == .computed }) {
            append(spot, type: spot.base.type, .copy(input(spot.base, of: slice.base)))
            return true
        }
        guard inputs.count == slice.sources.count, inputs.contains(where: { $0.standIn == .part }),
            inputs.allSatisfy({ $0.model == slice.base }),
            let stored = models[slice.base].format(of: spot.base)
        else { return false }
        let format = config.format ?? stored
        let type = (config.outputFormat ?? format).elementType
        let base = input(spot.base, of: slice.base, at: spot, in: slice, nil)
        guard base.rows != nil || type != spot.base.type || format.elementType != type else {
            append(spot, type: type, .copy(base))
            return true
        }
        append(
            spot, type: type,
            .merge(TensorMerge(inputs: [], reference: base, format: format, rule: Self.unchanged)))
        return true
    }

    /// The tensors of a slice's models that correspond to a base's; what is missing is noted.
    private mutating func counterparts(
        of spot: OutputSpot, in slice: PlannedSlice, used: inout [[Bool]]
    ) -> [Input] {
        var inputs: [Input] = []
        for (ordinal, source) in slice.sources.enumerated() {
            let layer = spot.layer.map { $0 + source.start }
            var input = Input(
                source: source, ordinal: ordinal, name: spot.sought, tensor: spot.base, model: source.model
            )
            if source.model == slice.base {
                markUsed(spot.base.name, of: source.model, in: &used)
                inputs.append(input)
                continue
            }
            let found = matching.counterpart(
                of: spot.sought, spot.base, layer: layer, of: source.model, in: slice.base)
            switch found {
            case .tensor(let tensor):
                markUsed(tensor.name, of: source.model, in: &used)
                (input.name, input.tensor) = (tensor.name, tensor)
            case .tied(let tensor):
                input.tensor = tensor
            case .computed:
                (input.model, input.standIn) = (slice.base, .computed)
            case .part:
                (input.model, input.standIn) = (slice.base, .part)
                findings.notePart(
                    spot.sought, of: source.model,
                    isPrediction: models[slice.base].isOfPrediction(spot.sought))
            case .missing(let name):
                findings.missing[source.model, default: .init()].note(name)
                continue
            }
            inputs.append(input)
        }
        return inputs
    }

    private func markUsed(_ name: String, of model: Int, in used: inout [[Bool]]) {
        if let place = models[model].checkpoint.place(named: name) { used[model][place] = true }
    }

    // MARK: Parameters

    /// The method's parameters for one tensor; what is missing or cannot be is noted.
    private mutating func parameters(
        of inputs: [Input], at spot: OutputSpot, _ slice: PlannedSlice
    ) -> ResolvedParameters {
        var found = ResolvedParameters()
        for rule in method.parameters where !rule.seesModels {
            let value = resolver.value(rule, slice: slice.parameters, tensor: spot.name, t: spot.t)
            if let value {
                found.shared[rule.name] = value.value
            } else if rule.isRequired, !resolver.mayHide(rule, slice: slice.parameters) {
                let idle = config.slices[spot.slice].sources.compactMap { $0.parameters.idle[rule.name] }
                findings.noteMissing(
                    rule, for: spot.name, line: config.methodLine ?? 1, of: method, idleLine: idle.first)
            }
        }
        found.models = inputs.map { parameters(of: $0, at: spot, slice) }
        noteWeights(found, at: spot, slice)
        return found
    }

    private mutating func parameters(
        of input: Input, at spot: OutputSpot, _ slice: PlannedSlice
    ) -> ResolvedParameters.Model {
        let source = input.source.entry.parameters
        var found = ResolvedParameters.Model(ordinal: input.ordinal)
        var values: [String: ParameterResolver.Resolved] = [:]
        for rule in method.parameters where rule.seesModels {
            let value = resolver.value(
                rule, source: source, slice: slice.parameters, tensor: input.name, t: spot.t)
            values[rule.name] = value
            found.values[rule.name] = value?.value
            guard value == nil, rule.isRequired else { continue }
            if !resolver.mayHide(rule, source: source, slice: slice.parameters) {
                findings.noteMissing(rule, for: input.name, of: input.source)
            }
        }
        if let density = values[ParameterRule.density.name], let reach = values[ParameterRule.reach.name] {
            noteReach(density, reach, of: input, at: spot, slice)
        }
        if method.parameters.contains(where: { $0.scope == .mergeOrModel }), !config.dellad.followsMergekit {
            found.ownLambda = resolver.ownValue(.lambda, source: source, tensor: spot.name, t: spot.t)
        }
        return found
    }

    /// MAGPRUNE's probabilities lie between 0 and 1.
    private mutating func noteReach(
        _ density: ParameterResolver.Resolved, _ epsilon: ParameterResolver.Resolved, of input: Input,
        at spot: OutputSpot, _ slice: PlannedSlice
    ) {
        guard density.value > 0, density.value < 1 else { return }
        let reach = abs(epsilon.value)
        let isWithin = density.value - reach > 0 && density.value + reach < 1
        let isHidden = [ParameterRule.density, .reach].contains {
            resolver.mayHide($0, source: input.source.entry.parameters, slice: slice.parameters)
        }
        guard !isWithin, !isHidden, !slice.isLengthDoubtful else { return }
        findings.noteDensity(density, epsilon, at: spot, input.source)
    }

    /// Weights that are divided by their sum must have one.
    private mutating func noteWeights(
        _ parameters: ResolvedParameters, at spot: OutputSpot, _ slice: PlannedSlice
    ) {
        let divides: Bool
        switch method.arithmetic {
        case .linear: divides = parameters[flag: "normalize"]
        case .multislerp: divides = parameters[flag: "normalize_weights"]
        default: divides = false
        }
        let weights = parameters.models.map { $0[.weight] }
        let isHidden = slice.sources.contains {
            resolver.mayHide(.weight, source: $0.entry.parameters, slice: slice.parameters)
        }
        guard divides, !isHidden, !slice.isLengthDoubtful, weights.count == slice.sources.count,
            parameters.models.allSatisfy({ $0.values[ParameterRule.weight.name] != nil }),
            weights.reduce(Float(0), { $0 + Float($1) }) == 0
        else { return }
        findings.noteZeroSum(weights, at: spot, line: slice.line, of: method)
    }

    /// Integer tensors are the base's, if all models agree.
    private mutating func copy(
        _ spot: OutputSpot, _ others: [Input], base: Int, isStopped: () -> Bool
    ) {
        let path = models[base].shard(of: spot.base).path
        for other in others {
            if other.tensor.type != spot.base.type {
                // Where only one of them can be computed, the other may be quantised.
                if FloatFormat(other.tensor.type) != nil, TensorFindings.mayBeQuantised(spot.base.type) {
                    findings.noteType(spot.base, of: base)
                } else {
                    findings.noteType(other.tensor, of: other.model, base: spot.base.type)
                }
                continue
            }
            guard other.tensor.shape == spot.base.shape else {
                findings.noteShape(other.tensor, of: other.model, base: spot.base.shape)
                continue
            }
            let otherPath = models[other.model].shard(of: other.tensor).path
            do {
                let isEqual = try FileBytes.areEqual(
                    path, at: spot.base.offset, otherPath, at: other.tensor.offset,
                    count: spot.base.byteCount, in: readable, isStopped: isStopped)
                if !isEqual { findings.different[other.model, default: .init()].note(spot.name) }
            } catch {
                findings.unreadable[other.model] = "\(error)"
            }
        }
        append(spot, type: spot.base.type, .copy(input(spot.base, of: base)))
    }

    /// Notes what was found wrong.
    func report(into list: inout ProblemList) {
        findings.report(into: &list, models: models)
        filters.report(into: &list)
    }

    /// - Parameter rows: what the first dimension is where it is not the base's.
    private mutating func append(
        _ spot: OutputSpot, type: ElementType, _ source: OutputTensor.Source, rows: Int? = nil
    ) {
        var shape = spot.base.shape
        if let rows { shape = VocabularyAxis.shape(shape, name: spot.name, tokens: rows) }
        let count = shape.reduce(UInt64(1)) { $0 * UInt64($1) }
        tensors.append(
            OutputTensor(
                name: spot.name, type: type, shape: shape, offset: 0,
                byteCount: count * UInt64(type.bitWidth / 8), source: source))
    }
}
