import StreamIO

/// Finds what the models have for the tensors of a base.
struct TensorMatching {
    private struct Pair: Hashable {
        var model: Int
        var base: Int
    }

    let models: [OpenModel]
    private var namings: [Pair: ModelNaming] = [:]
    /// Whether a model is one of text alone, by model.
    private var isText: [Int: Bool] = [:]
    /// Whether a model predicts further tokens, by model.
    private var predicts: [Int: Bool] = [:]

    init(models: [OpenModel]) {
        self.models = models
    }

    /// How each model calls the tensors that a base calls otherwise; `nil` for one that does not.
    var rules: [String?] {
        models.indices.map { model in
            namings.filter { $0.key.model == model }.sorted { $0.key.base < $1.key.base }
                .compactMap(\.value.text).first
        }
    }

    /// The tensor of a model that corresponds to one of a base's.
    ///
    /// - Parameters:
    ///   - name: what the base calls it.
    ///   - tensor: the base's: another one where that stands for it.
    ///   - layer: the model's layer, where it lies in a layer of the text model.
    mutating func counterpart(
        of name: String, _ tensor: Checkpoint.Tensor, layer: Int?, of model: Int, in base: Int
    ) -> Counterpart {
        var sought = name
        if let layer, let position = LayerPosition(name), position.layer != layer {
            sought = position.name(inLayer: layer)
        }
        if let found = find(sought, of: model, in: base) {
            // Masks were stored in many types, and counters count what the model was trained with.
            let hasInteger = found.type.isInteger || tensor.type.isInteger
            let isLonger = found.shape != tensor.shape && !VocabularyAxis.isSecond(name: name, found.shape)
            let isOther = isLonger || hasInteger && found.type != tensor.type
            if isOther && ComputedTensor.isOne(name, shape: tensor.shape) || ComputedTensor.isCounter(name) {
                return .computed
            }
            return .tensor(found)
        }
        if ComputedTensor.isOne(name, shape: tensor.shape) { return .computed }
        let other = models[model]
        if OpenModel.isHead(name), other.profile.tiesHead, let embedding = other.embedding,
            !other.profile.isClassifier || !models[base].hasOwnHead
        {
            return .tied(embedding)
        }
        if let original = TiedCopy.of(name)?.original(in: other) { return .tied(original) }
        if NamePart(name)?.kind == .tower, isTextModel(model) { return .part }
        if models[base].isOfPrediction(name), !hasPrediction(model) { return .part }
        return .missing(name: sought)
    }

    private mutating func find(_ name: String, of model: Int, in base: Int) -> Checkpoint.Tensor? {
        if let found = models[model].checkpoint.tensor(named: name) { return found }
        let pair = Pair(model: model, base: base)
        return namings[pair, default: ModelNaming(of: models[model], from: models[base])]
            .tensor(named: name, in: models[model].checkpoint)
    }

    private mutating func hasPrediction(_ model: Int) -> Bool {
        if let known = predicts[model] { return known }
        let found = models[model].hasPrediction
        predicts[model] = found
        return found
    }

    /// Whether a model has no part for anything but text, and does not say that it should.
    private mutating func isTextModel(_ model: Int) -> Bool {
        if let known = isText[model] { return known }
        let tensors = models[model].checkpoint.tensors
        let found =
            !models[model].profile.hasTowers
            && !tensors.indices.contains { NamePart(tensors.name(at: $0))?.kind == .tower }
        isText[model] = found
        return found
    }
}
