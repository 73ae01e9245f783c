import StreamIO
import SystemPackage

/// What keeps an adapter's tensors from being applied to a base's.
extension OpenAdapter {
    private static let otherBase = "name the model that the adapter was made for"

    /// The rank of a module's matrices, which fit the base's tensor and the config.
    static func rank(
        of module: Module, _ down: Checkpoint.Tensor, _ up: Checkpoint.Tensor, _ name: String,
        on tensor: Checkpoint.Tensor, isTransposed: Bool, _ config: AdapterConfig, _ path: FilePath
    ) throws(AdapterProblem) -> Int {
        for part in [down, up, module.magnitude] {
            if let part, part.shape.contains(0) { throw empty(part, path) }
        }
        let (outputs, inputs) =
            isTransposed
            ? (tensor.shape.last ?? 0, tensor.shape.dropLast())
            : (tensor.shape.first ?? 0, tensor.shape.dropFirst())
        let rank = down.shape.first ?? 0
        // Of a convolution A has the kernel's places, and B's kernel is of one.
        let ones = Array(repeating: 1, count: max(0, tensor.shape.count - 2))
        guard tensor.shape.count >= 2, rank > 0, down.shape == [rank] + inputs,
            up.shape == [outputs, rank] + ones
        else {
            throw AdapterProblem(
                "\(path): lora_A \(down.shape) and lora_B \(up.shape) of \(name) do not fit the base's \(tensor.shape)",
                tensor.shape.count == 2 ? otherBase : AdapterConfig.mergeRemedy)
        }
        let rows = tensor.shape.dropLast().reduce(1, *)
        guard rows <= VocabularyRows.rowLimit else {
            throw AdapterProblem(
                "\(path): \(tensor.name) has \(rows) rows, and one that is adapted at most "
                    + "\(VocabularyRows.rowLimit)", AdapterConfig.mergeRemedy)
        }
        if let misfit = config.misfit(ofRank: rank, of: name) {
            throw AdapterProblem(
                "\(path): \(name) \(misfit)",
                "download both files again, or correct r, or rank_pattern, as it was trained")
        }
        guard let magnitude = module.magnitude else {
            guard !config.usesMagnitudes else {
                throw AdapterProblem(
                    "\(path): \(name) has no lora_magnitude_vector, and use_dora is true", "download it again"
                )
            }
            return rank
        }
        guard !isTransposed, tensor.shape.count == 2 else {
            let reason = isTransposed ? "whose inputs come first" : "a convolution"
            throw AdapterProblem(
                "\(path): DoRA of \(name), \(reason), is not applied", AdapterConfig.mergeRemedy)
        }
        guard magnitude.shape.reduce(1, *) == outputs else {
            throw AdapterProblem(
                "\(path): lora_magnitude_vector \(magnitude.shape) of \(name) does not fit the base's \(tensor.shape)",
                otherBase)
        }
        return rank
    }

    /// Checks that all can be computed with.
    static func checkTypes(
        _ parts: [Checkpoint.Tensor?], on tensor: Checkpoint.Tensor, _ path: FilePath
    ) throws(AdapterProblem) {
        guard FloatFormat(tensor.type) != nil else {
            throw AdapterProblem(
                "\(path): \(tensor.name) is of type \(tensor.type.rawValue) in the base, and only plain weights are adapted",
                "name the model in bfloat16, float16 or float32")
        }
        for part in parts {
            guard let part, FloatFormat(part.type) == nil else { continue }
            throw AdapterProblem(
                "\(path): \(part.name) is of type \(part.type.rawValue), which cannot be computed with",
                AdapterConfig.mergeRemedy)
        }
    }

    /// Checks a tensor that takes the place of the base's: one of another shape would make a model that no program loads.
    static func check(
        _ tensor: Checkpoint.Tensor, inPlaceOf own: Checkpoint.Tensor, _ path: FilePath
    ) throws(AdapterProblem) {
        guard tensor.type.isInteger == own.type.isInteger else {
            throw AdapterProblem(
                "\(path): \(tensor.name) is of type \(tensor.type.rawValue), and the base's of type \(own.type.rawValue)",
                otherBase)
        }
        guard tensor.shape != own.shape else { return }
        if tensor.shape.contains(0) { throw empty(tensor, path) }
        // More tokens than the base has, or fewer.
        if VocabularyAxis.isOn(name: own.name), tensor.shape.count == own.shape.count,
            VocabularyAxis.parts(of: tensor.shape, name: own.name).rest
                == VocabularyAxis.parts(of: own.shape, name: own.name).rest
        {
            return
        }
        throw AdapterProblem(
            "\(path): \(tensor.name) has the shape \(tensor.shape), the base's \(own.shape)", otherBase)
    }

    /// The first tensor, by name, that has another number of rows than the base's in whose place it stands.
    func resized(of base: Checkpoint) -> (name: String, rows: Int, baseRows: Int)? {
        for (name, tensor) in saved.sorted(by: { $0.key < $1.key }) {
            guard let own = base.tensor(named: name), own.shape != tensor.shape else { continue }
            return (
                name, VocabularyAxis.parts(of: tensor.shape, name: name).tokens,
                VocabularyAxis.parts(of: own.shape, name: name).tokens
            )
        }
        return nil
    }

    /// Why its rows cannot be the output's: the base's tensors with a row for each token had as many as each other, and
    /// with the adapter have not. `nil` where they have.
    func rowsMisfit(of base: Checkpoint) -> String? {
        guard let (first, rows, baseRows) = resized(of: base) else { return nil }
        for place in base.tensors.indices {
            let name = base.tensors.name(at: place)
            guard VocabularyAxis.isOn(name: name) else { continue }
            let own = base.tensors[place]
            guard VocabularyAxis.parts(of: own.shape, name: name).tokens == baseRows else { continue }
            let count = VocabularyAxis.parts(of: (saved[name] ?? own).shape, name: name).tokens
            guard count != rows else { continue }
            return "\(first) has \(rows) rows, and \(name) \(count)"
        }
        return nil
    }

    private static func empty(_ tensor: Checkpoint.Tensor, _ path: FilePath) -> AdapterProblem {
        AdapterProblem(
            "\(path): \(tensor.name) is empty, of shape \(tensor.shape), as ZeRO-3 saves what it has not gathered",
            "save it again from the training's checkpoint with zero_to_fp32.py, or download it again")
    }
}
