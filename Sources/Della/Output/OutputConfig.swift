import StreamIO

/// The output's `config.json`: the base's, with its type of weights and number of layers set.
struct OutputConfig {
    private var json: JSON

    init(base: JSON) {
        json = base
    }

    /// Sets the type of the weights under the key that the config already uses, `dtype` or `torch_dtype`, in its
    /// sections too; `torch_dtype`, which every reader knows, where it has neither.
    mutating func setFormat(_ format: FloatFormat) {
        let value = JSON.string(format.name)
        var isThere = false
        for key in ["dtype", "torch_dtype"] where json[key] != nil {
            json[key] = value
            isThere = true
        }
        for name in json.objectValue?.keys ?? []
        where name.hasSuffix("_config") && name != "quantization_config" {
            for key in ["dtype", "torch_dtype"] where json[name]?[key].map({ !$0.isNull }) == true {
                json[name]?[key] = value
            }
        }
        if !isThere { json["torch_dtype"] = value }
    }

    /// Sets the number of layers where the base has it, and picks the entries of lists that have one per layer.
    ///
    /// - Parameter layers: for each layer of the output, the base's layer it came from.
    mutating func setLayers(_ layers: [Int], place: (section: String?, key: String)) {
        guard let section = place.section else {
            json = Self.withLayers(json, layers, key: place.key)
            return
        }
        if let inner = json[section] { json[section] = Self.withLayers(inner, layers, key: place.key) }
    }

    /// Sets the number of rows of the embedding where the config has it, in its sections too; at top level where it has
    /// it nowhere.
    mutating func setVocabulary(_ rows: Int) {
        var isThere = false
        if json["vocab_size"] != nil {
            json["vocab_size"] = .int(rows)
            isThere = true
        }
        for name in ["text_config", "llm_config", "language_config"]
        where json[name]?["vocab_size"] != nil {
            json[name]?["vocab_size"] = .int(rows)
            isThere = true
        }
        if !isThere { json["vocab_size"] = .int(rows) }
    }

    /// Drops what says that the weights are quantised: none of an output's are.
    mutating func dropQuantization() {
        json["quantization_config"] = nil
        for name in json.objectValue?.keys ?? [] where json[name]?["quantization_config"] != nil {
            json[name]?["quantization_config"] = nil
        }
    }

    /// Says that the head is a matrix of its own, in the section too that says otherwise.
    mutating func untieHead() {
        json["tie_word_embeddings"] = .bool(false)
        for name in json.objectValue?.keys ?? [] where json[name]?["tie_word_embeddings"] != nil {
            json[name]?["tie_word_embeddings"] = .bool(false)
        }
    }

    private static func withLayers(_ json: JSON, _ layers: [Int], key: String) -> JSON {
        var json = json
        let before = json[key]?.intValue
        json[key] = .int(layers.count)
        for list in ["layer_types", "layers_block_type", "no_rope_layers"] {
            guard let entries = json[list]?.arrayValue, entries.count == before else { continue }
            json[list] = .array(layers.filter { $0 < entries.count }.map { entries[$0] })
        }
        return json
    }

    /// The file's text.
    var text: String { json.serialized(indentedBy: 2) + "\n" }
}
