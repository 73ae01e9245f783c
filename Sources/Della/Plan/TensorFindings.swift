import StreamIO

/// What is wrong with the tensors of a merge, gathered so that a hundred of them make one line.
struct TensorFindings {
    /// A density that leaves (0, 1), and the layers where it does.
    struct DensityPlace {
        var line: Int?
        var model: String
        /// The first place: the layer, `nil` outside of the layers, and the values.
        var layer: Int?
        var tensor: String
        var density: Double
        var epsilon: Double
        var layers: Set<Int>
    }

    /// A tensor's shape that is not the base's.
    private struct Shape {
        var name: String
        var shape: [Int]
        var base: [Int]
    }

    /// Names of tensors: the first few, and how many.
    struct Names {
        private static let limit = 8
        private(set) var first: [String] = []
        private(set) var count = 0

        mutating func note(_ name: String) {
            if first.count < Self.limit { first.append(name) }
            count += 1
        }
    }

    /// A parameter that somebody must have, a model or the method.
    private struct MissingPlace: Hashable, Comparable {
        var line: Int
        var owner: String
        var parameter: String
        /// Whether the model is the base, which the list does not have.
        var isAppended = false
        /// Whether it is one of the merge.
        var isMethod = false
        /// The line where it stands under a model and changes nothing, if there is one.
        var idleLine: Int?

        static func < (left: Self, right: Self) -> Bool {
            (left.line, left.owner, left.parameter) < (right.line, right.owner, right.parameter)
        }
    }

    /// By model.
    var missing: [Int: Names] = [:]
    var extra: [Int: Names] = [:]
    /// Tensors of parts that a text model cannot have.
    var parts: [Int: Names] = [:]
    /// Tensors of layers that predict further tokens, which a model has not.
    private var predictions: [Int: Names] = [:]
    /// Tensors of layers, by the model of their slice, that no layer of the model has whose config.json the output gets.
    var foreign: [Int: Names] = [:]
    /// Tensors that layers of slices lack, by the model of their slice: its other layers and another model have them.
    var lost: [Int: Names] = [:]
    /// As `lost`: every layer of the model has them whose config.json the output gets.
    var holes: [Int: Names] = [:]
    /// As `lost`: the model's other layers have them.
    var ownHoles: [Int: Names] = [:]
    /// Integer tensors that differ from the base's.
    var different: [Int: Names] = [:]
    var unreadable: [Int: String] = [:]
    /// The architectures of a model that has another than the base, and the base's, as a message has them.
    var architectures: [Int: String] = [:]
    private var shapes: [Int: (first: Shape, count: Int)] = [:]
    /// Tensors of types that cannot be computed, by model: the first, and the hashes of all names.
    private var types: [Int: (first: Checkpoint.Tensor, names: Set<Int>)] = [:]
    /// Tensors of types that are not the base's, and of which no more is said: the first, and the base's type.
    private var otherTypes: [Int: (first: Checkpoint.Tensor, base: ElementType, count: Int)] = [:]
    /// Parameters that there must be, by where they are missing.
    private var parameters: [MissingPlace: (tensor: String, count: Int)] = [:]
    /// Weights that add up to nothing, by the line of the slice.
    private var zeroSums: [Int: (method: String, weights: [Double], place: String, count: Int)] = [:]
    private var densities: [String: DensityPlace] = [:]

    /// Whether a model has all the base's tensors, in their shapes.
    func fits(_ model: Int) -> Bool { missing[model] == nil && shapes[model] == nil }

    mutating func notePart(_ name: String, of model: Int, isPrediction: Bool) {
        if isPrediction {
            predictions[model, default: .init()].note(name)
        } else {
            parts[model, default: .init()].note(name)
        }
    }

    /// - Parameter base: the base's shape.
    mutating func noteShape(_ tensor: Checkpoint.Tensor, of model: Int, base: [Int]) {
        shapes[model, default: (Shape(name: tensor.name, shape: tensor.shape, base: base), 0)].count += 1
    }

    /// - Parameter base: what the base has, if the tensor is a model's.
    mutating func noteType(_ tensor: Checkpoint.Tensor, of model: Int, base: ElementType? = nil) {
        if let base, !Self.mayBeQuantised(tensor.type) || !Self.mayBeQuantised(base) && base.isInteger {
            otherTypes[model, default: (tensor, base, 0)].count += 1
            return
        }
        types[model, default: (tensor, [])].names.insert(tensor.name.hashValue)
    }

    /// Whether quantised weights are stored in the type: packed, or in 8 bits and less.
    static func mayBeQuantised(_ type: ElementType) -> Bool {
        switch type {
        case .bool, .i16, .u16, .i64, .u64, .f16, .bf16, .f32, .f64, .c64: false
        default: true
        }
    }

    mutating func noteMissing(_ rule: ParameterRule, for tensor: String, of source: PlannedSlice.Source) {
        let place = MissingPlace(
            line: source.entry.line, owner: source.entry.model.displayName, parameter: rule.name,
            isAppended: source.entry.isAppended)
        parameters[place, default: (tensor, 0)].count += 1
    }

    mutating func noteMissing(
        _ rule: ParameterRule, for tensor: String, line: Int, of method: MethodRules, idleLine: Int?
    ) {
        let place = MissingPlace(
            line: line, owner: method.name, parameter: rule.name, isMethod: true, idleLine: idleLine)
        parameters[place, default: (tensor, 0)].count += 1
    }

    mutating func noteZeroSum(_ weights: [Double], at spot: OutputSpot, line: Int, of method: MethodRules) {
        let place = LayerPosition(spot.name).map { "at layer \($0.layer)" } ?? "for \(spot.name)"
        zeroSums[line, default: (method.name, weights, place, 0)].count += 1
    }

    mutating func noteDensity(
        _ density: ParameterResolver.Resolved, _ epsilon: ParameterResolver.Resolved, at spot: OutputSpot,
        _ source: PlannedSlice.Source
    ) {
        let line = density.line ?? epsilon.line ?? source.entry.line
        let key = "\(line)|\(epsilon.line ?? 0)|\(source.entry.line)|\(source.entry.model.text)"
        let layer = LayerPosition(spot.name)?.layer
        var place =
            densities[key]
            ?? DensityPlace(
                line: line, model: source.entry.model.displayName, layer: layer, tensor: spot.name,
                density: density.value, epsilon: epsilon.value, layers: [])
        // A layer says more than a tensor outside of them.
        if place.layer == nil, let layer {
            (place.layer, place.density, place.epsilon) = (layer, density.value, epsilon.value)
        }
        if let layer { place.layers.insert(layer) }
        densities[key] = place
    }

    // MARK: Report

    /// Notes one problem or warning for each kind and model.
    func report(into list: inout ProblemList, models: [OpenModel]) {
        for (model, names) in missing.sorted(by: { $0.key < $1.key }) {
            let foreign = extra[model]?.first.first { models[0].checkpoint.place(named: $0) == nil }
            let missing = MissingTensors(
                names: names, foreign: foreign, architectures: architectures[model], model: models[model],
                base: models[0])
            list.add(models[model].line, missing.problem, missing.remedy)
        }
        reportHoles(&list, models)
        for (model, found) in shapes.sorted(by: { $0.key < $1.key }) {
            reportShapes(found, of: models[model], models[0], &list)
        }
        reportTypes(&list, models)
        for (model, names) in different.sorted(by: { $0.key < $1.key }) {
            list.add(
                models[model].line,
                "\(models[model].reference.displayName): the integer tensor \(names.first[0])\(Self.more(names.count)) "
                    + "differs from the base's",
                "integers are not averaged: use models that share them")
        }
        for (model, reason) in unreadable.sorted(by: { $0.key < $1.key }) {
            list.add(models[model].line, reason, "check the file", kind: .missingInput)
        }
        reportParameters(&list)
        for (line, found) in zeroSums.sorted(by: { $0.key < $1.key }) {
            let weights = found.weights.map(ParameterRule.decimal).joined(separator: ", ")
            let many = found.count > 1 ? " and for \(found.count - 1) more tensors" : ""
            list.add(
                line,
                "the weights of \(found.method) (\(weights)) add up to 0 \(found.place)\(many), and are divided by it",
                "write weights with another sum")
        }
        for (_, place) in densities.sorted(by: { $0.key < $1.key }) { reportDensity(place, &list) }
        for (model, names) in parts.sorted(by: { $0.key < $1.key }) where missing[model] == nil {
            list.warn(
                models[model].line,
                "\(models[model].name.text) is a text model: \(names.count) \(names.count == 1 ? "tensor" : "tensors") "
                    + "of parts that it cannot have (\(names.first[0])\(Self.more(names.count))) "
                    + "\(names.count == 1 ? "is" : "are") the base's")
        }
        for (model, names) in predictions.sorted(by: { $0.key < $1.key }) where missing[model] == nil {
            list.warn(
                models[model].line,
                "\(models[model].name.text) has no layers that predict further tokens: \(names.first[0])"
                    + "\(Self.more(names.count)) \(names.count == 1 ? "is" : "are") the base's")
        }
        for (model, names) in foreign.sorted(by: { $0.key < $1.key }) where shapes[model] == nil {
            list.warn(
                models[model].line,
                "\(models[model].name.text): \(names.first[0])\(Self.more(names.count)) "
                    + "\(names.count == 1 ? "is a tensor" : "are tensors") that no layer of the model has whose config.json "
                    + "the output gets: a program that goes by it may leave \(names.count == 1 ? "it" : "them") out"
            )
        }
        for (model, names) in extra.sorted(by: { $0.key < $1.key })
        where missing[model] == nil {
            // Of another architecture's tensors more are worth a name.
            let shown = names.first.prefix(architectures[model] == nil ? 1 : 8)
            let more = Self.more(names.count - shown.count + 1)
            list.warn(
                models[model].line,
                "\(models[model].name.text): \(shown.joined(separator: ", "))\(more) \(shown.count > 1 ? "are" : "is") "
                    + "not in the base, and left out")
        }
    }

    /// What a program that loads the output would fill with values of its own.
    private func reportHoles(_ list: inout ProblemList, _ models: [OpenModel]) {
        for (model, names) in lost.sorted(by: { $0.key < $1.key }) where missing[model] == nil {
            list.add(
                models[model].line,
                "\(models[model].reference.displayName) has no tensor \(names.first[0])\(Self.more(names.count)), which its "
                    + "other layers have",
                "download it again, or use another model")
        }
        for (model, names) in holes.sorted(by: { $0.key < $1.key }) where missing[model] == nil {
            list.warn(
                models[model].line,
                "\(models[model].name.text) has no tensor \(names.first[0])\(Self.more(names.count)), and all layers of the "
                    + "model have one whose config.json the output gets: a program that goes by it puts values of its own there"
            )
        }
        for (model, names) in ownHoles.sorted(by: { $0.key < $1.key }) where missing[model] == nil {
            list.warn(
                models[model].line,
                "\(models[model].name.text) has no tensor \(names.first[0])\(Self.more(names.count)), and all its other layers "
                    + "have one: download it again if that is not meant")
        }
    }

    private func reportTypes(_ list: inout ProblemList, _ models: [OpenModel]) {
        for (model, found) in types.sorted(by: { $0.key < $1.key }) {
            let name = models[model].reference.displayName
            list.add(
                models[model].line,
                "\(name): \(found.first.name) is of type \(found.first.type.rawValue)\(Self.more(found.names.count)), "
                    + "which cannot be computed with",
                "quantised checkpoints are not merged: name the model in bfloat16, float16 or float32")
        }
        for (model, found) in otherTypes.sorted(by: { $0.key < $1.key }) {
            list.add(
                models[model].line,
                "\(models[model].reference.displayName): \(found.first.name) is of type \(found.first.type.rawValue)"
                    + "\(Self.more(found.count)), the base's of type \(found.base.rawValue)",
                "integers are copied, and not converted: save the tensor in one type in both")
        }
    }

    private func reportParameters(_ list: inout ProblemList) {
        for (place, found) in parameters.sorted(by: { $0.key < $1.key }) {
            let many = found.count > 1 ? " and \(found.count - 1) more tensors" : ""
            let idle = place.idleLine.map {
                ": the \(place.parameter) in line \($0) stands under a model, where it changes nothing"
            }
            list.add(
                place.line,
                "\(place.owner) has no \(place.parameter) for \(found.tensor)\(many)\(idle ?? "")",
                remedy(place))
        }
    }

    private func remedy(_ place: MissingPlace) -> String {
        let name = place.parameter
        if place.isAppended {
            return "base_model is one more model here: list it with a \(name), or leave base_model out"
        }
        if place.idleLine != nil { return "write \(name): under the parameters: at top level" }
        let owner = place.isMethod ? "" : "the model's "
        return "write \(name): under \(owner)parameters, or a condition without filter"
    }

    private func reportShapes(
        _ found: (first: Shape, count: Int), of model: OpenModel, _ base: OpenModel,
        _ list: inout ProblemList
    ) {
        let first = found.first
        let name = model.reference.displayName
        let isVocabulary =
            first.shape.count == first.base.count && first.shape.dropFirst() == first.base.dropFirst()
            && ["embed", "lm_head", "wte", "output"].contains { first.name.containsText($0) }
        if isVocabulary, found.count <= 2 {
            list.add(
                model.line,
                "\(name) has a vocabulary of \(first.shape[0]) tokens, the base of \(first.base[0]) (\(first.name))",
                "write tokenizer: {source: base}, or union, to match tokens by name")
        } else {
            list.add(
                model.line,
                "\(name): \(first.name) has the shape \(first.shape)\(Self.more(found.count)), the base's \(first.base)",
                "merge models of one architecture and size")
        }
    }

    private func reportDensity(_ place: DensityPlace, _ list: inout ProblemList) {
        let density = ParameterRule.decimal(place.density),
            epsilon = ParameterRule.decimal(abs(place.epsilon))
        let low = ParameterRule.decimal(place.density - abs(place.epsilon))
        let high = ParameterRule.decimal(place.density + abs(place.epsilon))
        let here = place.layer.map { "at layer \($0)" } ?? "for \(place.tensor)"
        let others = Self.ranges(place.layers.subtracting([place.layer ?? -1]))
        let room = ParameterRule.decimal(min(place.density, 1 - place.density))
        list.add(
            place.line,
            "\(place.model): density \(density) ± epsilon \(epsilon) \(here) reaches from \(low) to \(high), "
                + "out of (0, 1)" + (others.isEmpty ? "" : "; also at \(others)"),
            "write an epsilon below \(room) there")
    }

    /// `layer 3`, `layers 1, 4–6`; empty for none.
    private static func ranges(_ layers: Set<Int>) -> String {
        var ranges: [ClosedRange<Int>] = []
        for layer in layers.sorted() {
            if let last = ranges.last, last.upperBound == layer - 1 {
                ranges[ranges.count - 1] = last.lowerBound...layer
            } else {
                ranges.append(layer...layer)
            }
        }
        let texts = ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)–\($0.upperBound)" }
        return texts.isEmpty ? "" : (layers.count == 1 ? "layer " : "layers ") + texts.joined(separator: ", ")
    }

    static func more(_ count: Int) -> String { count > 1 ? " (and \(count - 1) more)" : "" }
}
