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
        return names.count > 20
            ? "is it of the base's architecture?" : "download it again, or use another model"
    }

    /// The classes of both, where they differ and nothing but a head is missing.
    private var classes: (model: String, base: String)? {
        guard let ours = model.profile.className, let theirs = base.profile.className, ours != theirs,
            names.count == names.first.count,
            names.first.allSatisfy({ !Self.heads.isDisjoint(with: $0.split(separator: ".")) })
        else { return nil }
        return (ours, theirs)
    }
}
