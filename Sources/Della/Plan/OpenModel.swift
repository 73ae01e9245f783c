import StreamIO
import SystemPackage

/// A model of a merge, found and opened, headers only.
struct OpenModel: Sendable {
    var reference: ModelReference
    /// What others may call it.
    var name: ModelName
    /// The line of the config that first names it.
    var line: Int
    var folder: FilePath
    /// The folder, links resolved.
    var place: FilePath
    var checkpoint: Checkpoint
    var profile: ModelProfile
    /// Layers by stack, the stack's prefix as key: one more than its highest layer.
    let stacks: [String: Int]
    /// The prefix of the text model's layers, `model.layers.`; `nil` for a model without layers.
    let mainStack: String?

    init(
        reference: ModelReference, name: ModelName, line: Int, folder: FilePath, place: FilePath,
        opened: OpenFolder
    ) {
        self.reference = reference
        self.name = name
        self.line = line
        self.folder = folder
        self.place = place
        checkpoint = opened.checkpoint
        profile = opened.profile
        (stacks, mainStack) = (opened.stacks, opened.mainStack)
    }

    /// The number of layers of the text model: the config's, else the tensors'.
    var layerCount: Int {
        profile.layerCount ?? layersHeld
    }

    /// The layers that there are tensors of: one more than the highest.
    var layersHeld: Int { mainStack.flatMap { stacks[$0] } ?? 0 }

    /// Whether there are tensors of fewer layers than the config says, of one that has layers at all.
    var lacksLayers: Bool { mainStack != nil && layersHeld < layerCount }

    /// The names before the text model's layers: `model.`, `language_model.model.`.
    var textPrefix: String? {
        guard let mainStack else { return nil }
        let parts = mainStack.split(separator: ".").dropLast()
        return parts.map { $0 + "." }.joined()
    }

    /// The embedding that a tied head stands for.
    var embedding: Checkpoint.Tensor? {
        let ends = [
            "embed_tokens.weight", "wte.weight", "word_embeddings.weight", "tok_embeddings.weight",
            "embed_in.weight",
        ]
        return checkpoint.tensors.first { tensor in
            ends.contains { tensor.name == $0 || tensor.name.hasSuffix("." + $0) }
        }
    }
}

extension OpenModel {
    /// The tensor that corresponds to `tensor` of `base`, in this model's layer `layer` where it lies in a layer
    /// of the text model.
    func counterpart(of tensor: Checkpoint.Tensor, layer: Int?, in base: OpenModel) -> Counterpart {
        let names = names(for: tensor.name, layer: layer, in: base)
        for name in names {
            if let match = checkpoint.tensor(named: name) { return .tensor(match) }
        }
        if tensor.name.hasSuffix("rotary_emb.inv_freq") { return .base }
        let isHead = tensor.name == "lm_head.weight" || tensor.name.hasSuffix(".lm_head.weight")
        if isHead, profile.tiesHead, let embedding { return .tied(embedding) }
        return .missing(name: names[0])
    }

    /// Names under which this model may have a base's tensor, the likeliest first: text models have other
    /// prefixes inside multimodal ones.
    private func names(for name: String, layer: Int?, in base: OpenModel) -> [String] {
        if let layer, let position = LayerPosition(name), position.stack == base.mainStack {
            return ["\(mainStack ?? position.stack)\(layer)\(position.rest)"]
        }
        var names = [name]
        guard let ours = textPrefix, let theirs = base.textPrefix, ours != theirs else { return names }
        if name.hasPrefix(theirs) { names.append(ours + name.dropFirst(theirs.count)) }
        if name == "lm_head.weight" || name.hasSuffix(".lm_head.weight") {
            names += [
                "lm_head.weight", "language_model.lm_head.weight", "model.language_model.lm_head.weight",
            ]
        }
        return names
    }
}
