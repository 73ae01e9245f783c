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

    /// Sets the number of layers where the base has it, and cuts along what is said by a layer's place.
    ///
    /// - Parameter layers: for each layer of the output, where it came from.
    /// - Returns: what can no longer be said.
    mutating func setLayers(_ layers: [LayerOrigin], place: (section: String?, key: String)) -> [String] {
        guard let inner = place.section.map({ json[$0] }) ?? json else { return [] }
        let settings = LayerSettings(inner, key: place.key, origins: layers)
        if let section = place.section { json[section] = settings.config } else { json = settings.config }
        return settings.warnings
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

    /// Says that no layers predict further tokens; `false` where it speaks of none.
    mutating func dropPrediction(in section: String?) -> Bool {
        let key = "num_nextn_predict_layers"
        guard let count = (section.map({ json[$0] }) ?? json)?[key]?.intValue, count > 0 else { return false }
        if let section { json[section]?[key] = .int(0) } else { json[key] = .int(0) }
        return true
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

    /// The file's text.
    var text: String { json.serialized(indentedBy: 2) + "\n" }
}
