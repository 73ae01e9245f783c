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
    /// Weights of 8 bits.
    let scaledCount: Int
    /// What tensors of it may be copies of.
    let originals: TiedCopy.Originals
    /// What is added to its tensors, or takes their place.
    var adapter: OpenAdapter?
    var profile: ModelProfile
    /// Layers by stack, the stack's prefix as key: one more than its highest layer.
    let stacks: [String: Int]
    /// The stacks but for those of towers.
    let textStacks: [String: Int]
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
        scaledCount = opened.scaledCount
        originals = opened.originals
        (stacks, mainStack) = (opened.stacks, opened.mainStack)
        textStacks = opened.stacks.filter {
            !NamePart.isTower(stack: $0.key) && !PredictionLayers.isOne($0.key)
        }
        embedding = opened.embedding.map { opened.checkpoint.tensors[$0] }
    }

    /// Where its files of weights are: its folder, by the name that it was first opened by.
    var weightsFolder: FilePath { checkpoint.shards.first?.path.removingLastComponent() ?? folder }

    /// Its folder and its adapter's, links resolved: what one model has alone, whatever it is called.
    var places: [FilePath] {
        [place] + (adapter.map { [(try? FileSystem.resolved($0.folder)) ?? $0.folder] } ?? [])
    }

    /// The number of layers of the text model: the config's, else the tensors'. Where there are several stacks for text,
    /// an encoder's and a decoder's, the main one's tensors: configs count the layers of either, or of none.
    var layerCount: Int {
        textStacks.count > 1 ? layersHeld : profile.layerCount ?? layersHeld
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

    /// The types that its weights are computed in.
    var formats: Set<FloatFormat> { Set(checkpoint.tensors.compactMap(format(of:))) }

    /// Whether some tensors are of types in which quantised weights are stored.
    var holdsPackedTensors: Bool {
        checkpoint.tensors.contains {
            format(of: $0) == nil && $0.type != .i64 && $0.type != .bool
        }
    }

    /// The embedding that a tied head stands for.
    let embedding: Checkpoint.Tensor?

    /// Rows of the embedding; `nil` for a model without one.
    var embeddingRows: Int? { embedding.map(effective)?.shape.first }

    /// Those of them that tokens may have: `vocab_size` of config.json, where that is less.
    var vocabularyRows: Int? {
        guard let rows = embeddingRows else { return nil }
        let stated = profile.text?["vocab_size"]?.countValue ?? profile.json?["vocab_size"]?.countValue
        return min(rows, VocabularyRows.rowLimit, stated.map { Int(clamping: $0) } ?? .max)
    }
}

/// The adapter.
extension OpenModel {
    /// What the model has in place of one of its checkpoint's tensors: the adapter's, if that was saved whole.
    func effective(_ tensor: Checkpoint.Tensor) -> Checkpoint.Tensor { adapter?.saved[tensor.name] ?? tensor }

    /// The file that a tensor lies in, the adapter's after the checkpoint's.
    func shard(of tensor: Checkpoint.Tensor) -> Checkpoint.Shard {
        if let adapter, tensor.shard == checkpoint.shards.count { return adapter.shard }
        return checkpoint.shards[tensor.shard]
    }
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

    /// The stored decoder of a model of masked tokens, which may be the embedding once more.
    var decoder: Checkpoint.Tensor? {
        let tensors = checkpoint.tensors
        return tensors.indices.first { TiedCopy.of(tensors.name(at: $0))?.isHead == true }.map { tensors[$0] }
    }

    /// Whether its class reads a head for tokens; of one without a name, yes.
    var mayHaveHead: Bool { profile.hasTokenHead ?? true || head != nil || decoder != nil }

    /// What the head that it does not store would be called; `nil` where that is not known.
    var missingHeadName: String? {
        let tensors = checkpoint.tensors
        let found = tensors.indices.lazy.compactMap { TiedCopy.headName(beside: tensors.name(at: $0)) }.first
        return found ?? (profile.isOfMaskedTokens ? nil : usualHeadName)
    }

    /// Whether it says that it has a head of its own, and has none: a model saved without it.
    var isHeadless: Bool { head == nil && profile.saysTied == false && decoder == nil }

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
        let wrapper = ModelNaming.wrapper(of: checkpoint)
        let parts = (textPrefix ?? "").dropFirst(wrapper.count).split(separator: ".")
        let above = ["model", "transformer"].contains(parts.last) ? parts.dropLast() : []
        return wrapper + (above + ["lm_head", "weight"]).joined(separator: ".")
    }
}
