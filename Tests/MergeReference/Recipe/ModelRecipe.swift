/// A checkpoint as a value, from which its folder is written.
struct ModelRecipe {
    struct Tensor {
        var name: String
        var type: StoredType
        var shape: [Int]
        var contents: TensorContents
        /// Which of the model's files it is in.
        var file = 0
    }

    /// Of the folder below the models' folder; may have two parts.
    var name: String
    /// Among the case's models: others are near to number 0.
    var number: Int
    /// In the order of their data.
    var tensors: [Tensor]
    /// By file: where the data begin after a multiple of 4096 bytes; `nil` right after the header.
    var alignments: [Int?]
    var layers: Int
    /// What `config.json` says of a head that is the embedding; `nil` for nothing.
    var tiesHead: Bool?

    /// How its files call its tensors.
    var names = NameStyle.plain
    /// Tensors that are kept in 8 bits with scales, by what most call them.
    var scaled: Set<String> = []
    /// A `.bin` checkpoint's style; `nil` for safetensors.
    var torch: TorchFile.Style?
    /// Its tokenizer; the embedding's rows are its tokens'.
    var tokens: Tokens?
    /// What is added to a model that is there without, too, under the same name.
    var adapter: AdapterRecipe?

    /// Tokens by id, of the tokenizer's own and added ones.
    struct Tokens {
        var own: [String: Int]
        var added: [String: Int] = [:]
        /// `vocab_size` of `config.json`.
        var limit: Int
        var seed: UInt64
    }

    /// What a config calls it.
    var reference: String { adapter.map { "\(name)+\($0.name)" } ?? name }

    /// Whether a reference reads it as it is from its files.
    var isPlain: Bool { names == .plain && scaled.isEmpty && torch == nil && tokens == nil && adapter == nil }

    func write(below root: String) throws {
        if let adapter {
            try adapter.write(for: tensors, called: names.called, below: root)
            return
        }
        let groups = groups.map { tensors, alignment in
            (tensors: tensors.flatMap { stored($0) }, alignment: alignment)
        }
        let folder = root + "/" + name
        if let torch {
            try TorchFile.write(groups.map(\.tensors), torch, config: config, to: folder)
        } else {
            try CheckpointFolder.write(groups, config: config, to: folder)
        }
        if let tokens {
            let text = TokenizerRecipe.file(tokens.own, added: tokens.added, seed: tokens.seed)
            try CheckpointFolder.write(Array(text.utf8), to: folder + "/tokenizer.json")
        }
    }

    /// The tensors of each file that has some.
    private var groups: [(tensors: [Tensor], alignment: Int?)] {
        alignments.enumerated().map { file, alignment in
            (tensors: tensors.filter { $0.file == file }, alignment: alignment)
        }.filter { !$0.tensors.isEmpty }
    }

    private var config: String {
        var text = "{\"model_type\": \"llama\""
        // A model has a layer, or says nothing of layers.
        if layers > 0 { text += ", \"num_hidden_layers\": \(layers)" }
        if let tiesHead { text += ", \"tie_word_embeddings\": \(tiesHead)" }
        if let tokens { text += ", \"vocab_size\": \(tokens.limit)" }
        if tensors.contains(where: { scales($0) != nil }) {
            let size = "[\(ReferenceScales.blockRows), \(ReferenceScales.blockColumns)]"
            text += ", \"quantization_config\": {\"quant_method\": \"fp8\", \"weight_block_size\": \(size)}"
        }
        return text + "}"
    }
}

/// What it means.
extension ModelRecipe {
    /// The model as merges must see it: its own names, nothing scaled, the adapter applied.
    func meant() -> CheckpointFolder {
        let names = CheckpointFolder.fileNames(groups.count)
        let files = zip(names, groups).map { name, group in
            (name: name, file: TensorFile(tensors: group.tensors.map(meant)))
        }
        var config: [String: Any] = layers > 0 ? ["num_hidden_layers": layers] : [:]
        if let tiesHead { config["tie_word_embeddings"] = tiesHead }
        return CheckpointFolder(files: files, config: config)
    }

    private func meant(_ tensor: Tensor) -> TensorFile.Tensor {
        var plain = plain(tensor)
        if let scales = scales(tensor) {
            plain.type = .bf16
            plain.exact = Array(scales.values.joined())
        }
        guard let adapter else { return plain }
        return adapter.applied(to: plain, of: tensor, called: names.called(tensor.name))
    }

    private func plain(_ tensor: Tensor) -> TensorFile.Tensor {
        TensorFile.Tensor(
            name: names.called(tensor.name), type: tensor.type, shape: tensor.shape,
            bytes: tensor.contents.bytes(tensor.type, count: tensor.shape.reduce(1, *), model: number))
    }

    private func scales(_ tensor: Tensor) -> ReferenceScales? {
        guard scaled.contains(tensor.name), tensor.type.isFloat, tensor.shape.count == 2,
            !tensor.shape.contains(0)
        else { return nil }
        var random = SeededRandom(seed: tensor.contents.seed &+ UInt64(number))
        return ReferenceScales(rows: tensor.shape[0], columns: tensor.shape[1], using: &random)
    }

    /// What its files have of a tensor: its scales beside it.
    private func stored(_ tensor: Tensor) -> [TensorFile.Tensor] {
        var plain = plain(tensor)
        guard let scales = scales(tensor) else { return [plain] }
        (plain.type, plain.bytes) = (.f8, scales.bytes)
        let beside = TensorFile.Tensor(
            name: plain.name + scales.suffix, type: .f32, shape: scales.shape,
            bytes: ReferenceFormat.encode(scales.scales, as: .f32))
        return tensor.contents.seed % 2 == 0 ? [plain, beside] : [beside, plain]
    }
}
