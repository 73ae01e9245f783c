/// What is said of a model that lacks tensors of the base: that its names are others, that its head is, or that something
/// of it was lost.
struct MissingTensors {
    let names: TensorFindings.Names
    /// A tensor of the model that the base has not.
    let foreign: String?
    /// The architectures, where they differ, as a message has them.
    let architectures: String?
    let model: OpenModel
    let base: OpenModel

    /// Components of names that are heads of some class, with what lies before them.
    private static let heads: Set<Substring> = [
        "lm_head", "embed_out", "score", "classifier", "cls", "qa_outputs", "pooler", "pre_classifier",
        "classification_head", "sequence_summary", "v_head", "proj_out", "vocab_transform", "vocab_projector",
        "vocab_layer_norm", "generator_predictions", "generator_lm_head",
    ]

    /// What is wrong.
    var problem: String {
        let missing = "\(names.first[0])\(TensorFindings.more(names.count))"
        if let classes {
            return
                "\(model.reference.displayName) is a \(classes.model) and has no \(missing), which the base, a "
                + "\(classes.base), has"
        }
        return "\(model.reference.displayName) has no tensor \(missing), which the base has"
            + (foreign.map { ", and has \($0), which the base has not" } ?? "")
            + (isOfAnotherSize && !differences.isEmpty ? "; config.json: \(differences)" : "")
    }

    /// What to do.
    var remedy: String {
        if classes != nil { return "the heads of classes differ: merge models of one class" }
        if let architectures {
            return (foreign == nil ? "" : "the architectures' names differ: ")
                + "it is of the architecture \(architectures); merge models of one"
        }
        if foreign != nil {
            return
                "the architectures' names differ, and no known renaming serves: merge models of one, saved by one "
                + "version of transformers"
        }
        if isOfAnotherSize {
            return "none of its layers has it: merge models of one architecture and size"
        }
        return names.count > 20
            ? "is it of the base's architecture?" : "download it again, or use another model"
    }

    /// Whether no layer of the model has what is missing, so that nothing of it was lost: biases, more experts.
    private var isOfAnotherSize: Bool {
        guard foreign == nil, architectures == nil, model.layersHeld > 1 else { return false }
        let rests = names.first.compactMap { LayerPosition($0)?.rest }
        guard rests.count == names.first.count else { return false }
        return !model.checkpoint.tensors.contains { tensor in
            LayerPosition(tensor.name).map { rests.contains($0.rest) } ?? false
        }
    }

    /// What the configs say differently of which tensors there are.
    private var differences: String { ModelDifferences.tensors(of: model.profile, from: base.profile).text }

    /// The classes of both, where they differ and nothing but a head is missing.
    private var classes: (model: String, base: String)? {
        guard let ours = model.profile.className, let theirs = base.profile.className, ours != theirs,
            names.count == names.first.count,
            names.first.allSatisfy({ !Self.heads.isDisjoint(with: $0.split(separator: ".")) })
        else { return nil }
        return (ours, theirs)
    }
}
