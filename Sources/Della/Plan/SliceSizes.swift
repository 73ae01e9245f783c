import StreamIO

/// Holds the tensors that slices of other models bring against those of the model whose config.json the output gets: what
/// has other sizes cannot be loaded by it.
///
/// A model whose layers differ among themselves lets each tensor of a layer have any of its shapes there.
struct SliceSizes {
    private let model: OpenModel
    /// By the name of a tensor within its layer.
    private var shapes: [String: Set<[Int]>] = [:]

    /// What a tensor is against the model's own.
    enum Fit: Hashable {
        case same
        /// The model has one of this shape in that place.
        case other([Int])
        /// No layer of the model has one of that name.
        case foreign
    }

    init(of model: OpenModel) {
        self.model = model
        for tensor in model.checkpoint.tensors {
            guard let position = LayerPosition(tensor.name), position.stack == model.mainStack else {
                continue
            }
            shapes[position.rest, default: []].insert(model.effective(tensor).shape)
        }
    }

    /// - Parameters:
    ///   - name: what the output calls it.
    ///   - isInLayer: whether it lies in a layer of the text model.
    ///   - vocabulary: whether tokens are matched, so that the rows of embedding and head are not its own.
    func fit(of tensor: Checkpoint.Tensor, named name: String, isInLayer: Bool, vocabulary: Bool) -> Fit {
        if ComputedTensor.isOne(name, shape: tensor.shape) { return .same }
        guard isInLayer, let position = LayerPosition(name) else {
            return fit(ofOuter: tensor, named: name, vocabulary: vocabulary)
        }
        guard !shapes.isEmpty else { return .same }
        guard let known = shapes[position.rest] else { return .foreign }
        return known.contains(tensor.shape) ? .same : known.first.map(Fit.other) ?? .same
    }

    private func fit(ofOuter tensor: Checkpoint.Tensor, named name: String, vocabulary: Bool) -> Fit {
        let own =
            model.checkpoint.tensor(named: name)
            ?? (OpenModel.isHead(name) ? model.head ?? model.embedding : nil)
        guard let own = own.map(model.effective), own.shape != tensor.shape else { return .same }
        let isAxis = vocabulary && VocabularyAxis.isOn(name: name)
        let rest = { (shape: [Int]) in VocabularyAxis.parts(of: shape, name: name).rest }
        return isAxis && rest(own.shape) == rest(tensor.shape) ? .same : .other(own.shape)
    }
}
