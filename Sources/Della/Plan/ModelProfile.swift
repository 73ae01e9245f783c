import StreamIO
import SystemPackage

/// What a model's `config.json` says that a merge needs to know.
struct ModelProfile: Sendable {
    /// Bytes of a `config.json`, at most, and values in it.
    static let byteLimit = 4 << 20
    static let valueLimit = 100_000

    /// The whole file, its order kept; `nil` where there is none.
    var json: JSON?

    /// Reads a model's `config.json`; a damaged one is a problem, a missing one is not yet.
    ///
    /// - Parameter library: says whether the file, which may be a link, may be read.
    init(folder: FilePath, library: ModelLibrary) throws(ProfileError) {
        let path = folder.appending("config.json")
        let bytes: [UInt8]
        do {
            guard let status = try library.readable.status(path) else { return }
            guard status.isRegular else { throw ProfileError(path: path, reason: "not a file") }
            bytes = try library.readable.readWhole(path, limit: Self.byteLimit)
        } catch let error as ProfileError {
            throw error
        } catch let error as IOError {
            if error.errno == .improperLink {
                throw ProfileError(
                    path: path, reason: ModelLibrary.forbidden.problem, remedy: ModelLibrary.forbidden.remedy)
            }
            throw ProfileError(path: path, reason: "\(error.operation): \(error.errno)")
        } catch {
            throw ProfileError(path: path, reason: "\(error)")
        }
        do {
            let json = try JSON(
                parsing: bytes, allowsNonfinite: true, isLenient: true, valueLimit: Self.valueLimit)
            guard json.objectValue != nil else { throw ProfileError(path: path, reason: "not a JSON object") }
            self.json = json
        } catch let error as ProfileError {
            throw error
        } catch let error as JSONError {
            throw ProfileError(path: path, reason: "\(error)", remedy: error.remedy ?? "download it again")
        } catch {
            throw ProfileError(path: path, reason: "\(error)")
        }
    }

    /// What the values take, in bytes, at most.
    var memory: UInt64 { UInt64((json?.valueCount ?? 0) * JSON.bytesPerValue) }

    /// Where the number of layers stands: the section, `nil` for the top level, and the key.
    var layerCountKey: (section: String?, key: String)? {
        for key in ["num_hidden_layers", "n_layer", "n_layers", "num_layers"] {
            if json?[key]?.intValue != nil { return (nil, key) }
            if json?["text_config"]?[key]?.intValue != nil { return ("text_config", key) }
            if json?["llm_config"]?[key]?.intValue != nil { return ("llm_config", key) }
        }
        return nil
    }

    /// The number of layers of the text model.
    var layerCount: Int? {
        guard let place = layerCountKey else { return nil }
        let section = place.section.map { json?[$0] } ?? json
        return section?[place.key]?.intValue
    }

    /// What the config says of the head: whether the embedding stands for it; `nil` where it says nothing.
    var saysTied: Bool? {
        json?["tie_word_embeddings"]?.boolValue ?? json?["text_config"]?["tie_word_embeddings"]?.boolValue
    }

    /// Whether a missing head is the embedding: what the config says, and where it says nothing, yes, as
    /// transformers leaves out its own default.
    var tiesHead: Bool { saysTied ?? true }

    /// The section that describes the text model: the whole of a text model's.
    var text: JSON? {
        guard let place = layerCountKey else { return json?["text_config"] ?? json?["llm_config"] ?? json }
        return place.section.map { json?[$0] } ?? json
    }

    /// The architectures that the config names, the text model's too, without the suffixes that tell a part from
    /// the whole: `gemma3` for `gemma3_text`.
    var architectures: Set<String> {
        let types = [json, json?["text_config"], json?["llm_config"]].compactMap {
            $0?["model_type"]?.stringValue
        }
        return Set(
            types.map(Self.family))
    }

    /// The architecture of the text model inside of a multimodal one, as `architectures` has it; `nil` where that is not
    /// said.
    var innerArchitecture: String? {
        (json?["text_config"] ?? json?["llm_config"])?["model_type"]?.stringValue.map(Self.family)
    }

    private static func family(_ type: String) -> String {
        var type = type.replacing("_vl_moe", with: "_moe")[...]
        for suffix in ["_text", "_vl"] where type.hasSuffix(suffix) { type = type.dropLast(suffix.count) }
        return String(type)
    }

    /// Whether it describes a tower for pictures or sound.
    var hasTowers: Bool {
        ["vision_config", "audio_config", "thinker_config"].contains { json?[$0]?.objectValue != nil }
    }

    /// Whether it describes several models, or one for more than text.
    var isComposite: Bool {
        hasTowers || ["text_config", "llm_config"].contains { json?[$0]?.objectValue != nil }
    }

    /// The class that its weights are of, `LlamaForCausalLM`; `nil` where it does not say.
    var className: String? { json?["architectures"]?.arrayValue?.first?.stringValue }

    /// Whether the class has the head of a classifier in place of a language model's.
    var isClassifier: Bool {
        ["Classification", "QuestionAnswering", "RewardModel", "MultipleChoice"].contains {
            className?.containsText($0) == true
        }
    }

    /// Whether the class has a head for tokens; `nil` where it is not said.
    var hasTokenHead: Bool? {
        className.map { name in
            [
                "ForCausalLM", "LMHead", "ForConditionalGeneration", "DoubleHeads", "ChatModel",
                "ForImageTextToText",
            ].contains { name.containsText($0) }
        }.map { $0 || isOfMaskedTokens }
    }

    /// Whether the class guesses hidden tokens, as BERT does, with a head that is called otherwise.
    var isOfMaskedTokens: Bool {
        ["ForMaskedLM", "ForPreTraining"].contains { className?.containsText($0) == true }
    }

    /// How the weights are quantised, in the config's own word; `nil` where they are not.
    var quantization: String? {
        for section in [json, json?["text_config"]] {
            guard let settings = section?["quantization_config"]?.objectValue else { continue }
            return settings["quant_method"]?.stringValue ?? "quantised"
        }
        return nil
    }
}
