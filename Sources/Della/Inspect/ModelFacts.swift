import StreamIO
import SystemPackage

/// What a model is, by its headers, its configuration and its card; no weight is read.
public struct ModelFacts: Sendable {
    /// Elements of one stored type.
    public struct Share: Hashable, Sendable {
        /// As a safetensors header has it, `BF16`.
        public var type: String
        public var elements: UInt64
    }

    /// A token that has a part in a conversation.
    public struct SpecialToken: Hashable, Sendable {
        /// `bos`, `eos`, `pad` or `unk`.
        public var role: String
        /// Its text; `nil` where only its id is known.
        public var text: String?
        /// By config.json; several where generation ends at any of them.
        public var ids: [Int]
    }

    /// What the model's head is.
    public enum Head: String, Sendable {
        /// The embedding stands for it.
        case tied
        /// A matrix of its own.
        case own
        /// There is none: an encoder, or a model saved without.
        case none
    }

    /// As it was asked for.
    public let name: String
    /// Where it was found.
    public let folder: String
    /// `safetensors` or `bin`.
    public let format: String
    public let files: Int
    /// Of all tensors' data, in bytes.
    public let bytes: UInt64
    public let tensors: Int
    /// `model_type` of config.json, the text model's behind it where that is another.
    public let architecture: String?
    /// The class that its weights are of, `LlamaForCausalLM`.
    public let className: String?
    /// Elements of floating-point tensors; of packed ones as they are stored.
    public let parameters: UInt64
    /// The most frequent first.
    public let types: [Share]
    /// Of the text model.
    public let layers: Int?
    public let hiddenSize: Int?
    /// Attention heads, and those of keys and values.
    public let heads: Int?
    public let keyHeads: Int?
    /// Experts of a layer.
    public let experts: Int?
    /// Tokens that it was made to read, `max_position_embeddings`.
    public let context: Int?
    /// Rows of the embedding.
    public let embeddingRows: Int?
    /// One more than the tokenizer's highest id; `nil` where its tokens are not known.
    public let tokens: Int?
    public let specialTokens: [SpecialToken]
    public let head: Head
    /// The method, in config.json's own word; `nil` where nothing is quantised.
    public let quantization: String?
    /// Of the card.
    public let licence: String?
    /// The models that the card says it was made from.
    public let madeFrom: [String]
    /// What an adapter does to it; `nil` without one.
    public let adapter: String?

    init(
        _ model: OpenModel, name: String, adapter: String?, readable: ReadableFolders, isStopped: () -> Bool
    ) {
        let profile = model.profile
        let card = CardFacts(in: model.folder, readable: readable)
        self.name = name
        self.adapter = adapter
        folder = model.folder.string
        format = model.checkpoint.format == .torch ? "bin" : "safetensors"
        files = model.checkpoint.shards.count
        tensors = model.checkpoint.tensors.count
        let types = [profile.json?["model_type"]?.stringValue, profile.text?["model_type"]?.stringValue]
            .compactMap(\.self)
        architecture =
            types.first.map { $0 + (types.last == types.first ? "" : " (\(types.last ?? ""))") }
        className = profile.className
        var elements: [ElementType: UInt64] = [:]
        var bytes: UInt64 = 0
        for tensor in model.checkpoint.tensors where !isStopped() {
            elements[tensor.type, default: 0] += UInt64(tensor.elementCount)
            bytes += tensor.byteCount
        }
        self.bytes = bytes
        self.types = elements.sorted { ($1.value, $0.key.rawValue) < ($0.value, $1.key.rawValue) }
            .map { Share(type: $0.key.rawValue, elements: $0.value) }
        parameters = elements.filter { FloatFormat($0.key) != nil || $0.key.isFloat8 }
            .reduce(0) { $0 + $1.value }
        func number(_ keys: String...) -> Int? {
            for key in keys {
                if let value = profile.text?[key]?.intValue ?? profile.json?[key]?.intValue { return value }
            }
            return nil
        }
        layers = model.mainStack == nil && profile.layerCount == nil ? nil : model.layerCount
        hiddenSize = number("hidden_size", "n_embd", "d_model")
        heads = number("num_attention_heads", "n_head", "num_heads")
        keyHeads = number("num_key_value_heads")
        experts = number("num_local_experts", "num_experts", "n_routed_experts")
        context = number("max_position_embeddings", "n_positions", "max_sequence_length")
        embeddingRows = model.embeddingRows
        tokens = (try? TokenizerVocabulary(folder: model.folder, in: readable, isStopped: isStopped))?.count
        specialTokens = SpecialTokens(of: model, readable: readable).list
        head = model.head != nil && model.hasOwnHead ? .own : Self.isTied(model) ? .tied : .none
        quantization = profile.quantization
        licence = card.licence
        madeFrom = card.madeFrom
    }

    private static func isTied(_ model: OpenModel) -> Bool {
        guard model.embedding != nil else { return false }
        if model.head != nil { return true }
        let isGenerating = model.profile.className.map {
            $0.hasSuffix("LMHeadModel") || $0.hasSuffix("ForCausalLM")
                || $0.hasSuffix("ForConditionalGeneration")
        }
        return model.profile.saysTied ?? ((isGenerating ?? false) && model.profile.tiesHead)
    }
}
