import StreamIO
import SystemPackage

/// The tokens that begin, end and fill a model's texts, by `tokenizer_config.json` and config.json.
struct SpecialTokens {
    /// Bytes of `tokenizer_config.json`, at most: some have chat templates and thousands of added tokens.
    private static let byteLimit = 8 << 20
    private static let valueLimit = 400_000
    private static let roles = ["bos", "eos", "pad", "unk"]

    let list: [ModelFacts.SpecialToken]

    init(of model: OpenModel, readable: ReadableFolders) {
        let names = ["tokenizer_config.json", "special_tokens_map.json"]
        let files = names.compactMap { name -> JSON? in
            guard
                let bytes = try? readable.readWhole(model.folder.appending(name), limit: Self.byteLimit)
            else { return nil }
            return try? JSON(
                parsing: bytes, allowsNonfinite: true, isLenient: true, valueLimit: Self.valueLimit)
        }
        let config = model.profile
        list = Self.roles.compactMap { role in
            let texts = files.compactMap { file -> String? in
                let value = file["\(role)_token"]
                return value?.stringValue ?? value?["content"]?.stringValue
            }
            let id = config.text?["\(role)_token_id"] ?? config.json?["\(role)_token_id"]
            let ids = id?.intValue.map { [$0] } ?? id?.arrayValue?.compactMap(\.intValue) ?? []
            guard !texts.isEmpty || !ids.isEmpty else { return nil }
            return ModelFacts.SpecialToken(role: role, text: texts.first, ids: ids)
        }
    }
}
