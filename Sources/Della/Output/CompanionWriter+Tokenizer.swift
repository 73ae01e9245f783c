import StreamIO
import SystemPackage

/// What the tokenizer's files say otherwise than their source.
extension CompanionWriter {
    /// Tokens that `tokenizer_config.json` gets entries for, at most.
    private static let decoderLimit = 10_000

    /// Adds tokens to the tokenizer's files, and sets the chat template.
    mutating func applyTokenizer(
        _ files: inout [String: CompanionFile.Content], _ isStopped: () -> Bool
    ) {
        let name = "tokenizer_config.json"
        var template: String?
        if let choice = config.chatTemplate {
            template = self.template(choice.value, isStopped)
            if template == nil {
                warnings.append(
                    (choice.line, "chat_template: auto finds no template in any model: none is set"))
            }
        }
        if let tokenizer = vocabulary?.tokenizer { files["tokenizer.json"] = .tokenizer(tokenizer) }
        guard template != nil || vocabulary?.tokenizer != nil else { return }
        let folder = tokenizerModel.folder
        var settings = json(name, in: folder)
        if settings?.objectValue == nil { settings = nil }
        if let template {
            files["chat_template.jinja"] = .text(template)
            files["chat_template.json"] = nil
            if settings == nil { noteTemplateAlone(in: folder) }
            settings?["chat_template"] = .string(template)
        }
        let isChanged = addDecoderEntries(to: &settings) || template != nil
        if let settings, isChanged { files[name] = .text(settings.serialized(indentedBy: 2) + "\n") }
    }

    private mutating func noteTemplateAlone(in folder: FilePath) {
        let owner = folder == models[base].folder ? "the base" : tokenizerModel.name.text
        let isThere = ((try? FileSystem.status(folder.appending("tokenizer_config.json"))) ?? nil) != nil
        warnings.append(
            (
                config.chatTemplate?.line,
                isThere
                    ? "\(owner)'s tokenizer_config.json is not a JSON object: it is copied as it is, and the "
                        + "chat template stands alone"
                    : "\(owner) has no tokenizer_config.json: the chat template stands alone"
            ))
    }

    /// Gives the tokens that are added entries in `added_tokens_decoder`, where there is one; whether it did.
    private mutating func addDecoderEntries(to settings: inout JSON?) -> Bool {
        guard let tokens = vocabulary?.tokenizer?.tokens,
            case .object(var decoder) = settings?["added_tokens_decoder"]
        else { return false }
        guard tokens.count <= Self.decoderLimit else {
            warnings.append(
                (
                    config.tokenizer?.line,
                    "added_tokens_decoder of tokenizer_config.json stays as it is: \(tokens.count) tokens are added, and "
                        + "it gets at most \(Self.decoderLimit)"
                ))
            return false
        }
        let entries = (0..<tokens.count).map {
            ("\(tokens.firstID + $0)", tokens.entry($0, withID: false))
        }
        decoder = JSONObject(decoder.members.map { ($0.key, $0.value) } + entries)
        settings?["added_tokens_decoder"] = .object(decoder)
        return true
    }

    private mutating func template(_ name: String, _ isStopped: () -> Bool) -> String? {
        if let known = ChatTemplate(rawValue: name) { return known.jinja }
        guard name == "auto" else { return name }
        var counts: [(text: String, count: Int)] = []
        for text in models.compactMap({ isStopped() ? nil : template(of: $0) }) {
            if let index = counts.firstIndex(where: { $0.text == text }) {
                counts[index].count += 1
            } else {
                counts.append((text, 1))
            }
        }
        // The first of equals, which is the base's if it has one.
        return counts.max { $0.count < $1.count }?.text
    }

    private mutating func template(of model: OpenModel) -> String? {
        if let text = text("chat_template.jinja", in: model.folder) { return Self.trimmed(text) }
        let value = json("tokenizer_config.json", in: model.folder)?["chat_template"]
        if let text = value?.stringValue { return Self.trimmed(text) }
        let named = value?.arrayValue?.first { $0["name"]?.stringValue == "default" }
        return named?["template"]?.stringValue.map(Self.trimmed)
    }

    private static func trimmed(_ text: String) -> String {
        let start = text.drop { $0.isWhitespace }
        return String(start.reversed().drop { $0.isWhitespace }.reversed())
    }
}
