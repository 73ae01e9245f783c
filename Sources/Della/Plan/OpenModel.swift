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
    /// What its files are read from.
    var readable = ReadableFolders.all
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
        embedding = opened.embedding.map { opened.checkpoint.tensors[$0] }
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

    /// Whether some tensors are of types in which quantised weights are stored.
    var holdsPackedTensors: Bool {
        checkpoint.tensors.contains { FloatFormat($0.type) == nil && $0.type != .i64 && $0.type != .bool }
    }

    /// The embedding that a tied head stands for.
    let embedding: Checkpoint.Tensor?
}

/// The head.
extension OpenModel {
    /// Whether a tensor of that name is a language model's head.
    static func isHead(_ name: String) -> Bool {
        ["lm_head.weight", "embed_out.weight"].contains { name == $0 || name.hasSuffix("." + $0) }
    }

    /// The stored head, which may be the embedding once more.
    var head: Checkpoint.Tensor? {
        let tensors = checkpoint.tensors
        return tensors.indices.first { Self.isHead(tensors.name(at: $0)) }.map { tensors[$0] }
    }

    /// Whether the head is another matrix than the embedding: what the config says and, where it says nothing,
    /// the bytes.
    var hasOwnHead: Bool {
        guard let head else { return false }
        if let ties = profile.saysTied { return !ties }
        guard let embedding, embedding.type == head.type, embedding.shape == head.shape else { return true }
        let isCopy = try? FileBytes.areEqual(
            checkpoint.shards[head.shard].path, at: head.offset,
            checkpoint.shards[embedding.shard].path, at: embedding.offset, count: head.byteCount,
            in: readable)
        return isCopy != true
    }

    /// What the head of this model would be called, where another's is called `name` there.
    func headName(like name: String, of other: OpenModel) -> String {
        textPrefix == other.textPrefix ? name : usualHeadName
    }

    /// What a head of this model would be called.
    var usualHeadName: String {
        let parts = (textPrefix ?? "").split(separator: ".")
        guard parts.last == "model", parts.count > 1 else { return "lm_head.weight" }
        return parts.dropLast().joined(separator: ".") + ".lm_head.weight"
    }
}

extension OpenModel {
    /// The tensor that corresponds to the one that `base` calls `name`, in this model's layer `layer` where it lies
    /// in a layer of the text model.
    func counterpart(of name: String, layer: Int?, in base: OpenModel) -> Counterpart {
        let names = names(for: name, layer: layer, in: base)
        for name in names {
            if let match = checkpoint.tensor(named: name) { return .tensor(match) }
        }
        if name.hasSuffix("rotary_emb.inv_freq") { return .base }
        if Self.isHead(name), profile.tiesHead, let embedding { return .tied(embedding) }
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
