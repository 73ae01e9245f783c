import StreamIO

/// `tokenizer_source`, `tokenizer` and `chat_template`.
extension ConfigParser {
    mutating func parseTokenizerSource(_ pair: YAMLPair) {
        guard !pair.value.isNull else { return }
        let source = parseTokenizerSource(pair.value, key: "tokenizer_source")
        set(source.map { TokenizerSetting(source: $0, line: pair.line) }, line: pair.line)
    }

    private mutating func parseTokenizerSource(
        _ node: YAMLNode, key: String
    ) -> TokenizerSetting.Source? {
        switch node.text {
        case let text? where isOldForm(text):
            // As mergekit's first releases had it: `model:` and a name.
            let name = text.dropFirst(5).dropFirst().drop(while: \.isWhitespace)
            let model = YAMLNode(.scalar(String(name), isPlain: false), line: node.line, column: node.column)
            return parseModel(model, key: key).map { .model($0) }
        case "base": return .base
        case "union": return .union
        case nil where node.pairs == nil:
            list.add(
                node.line, "\(key): is \(node.kindName), not a tokenizer",
                "write base, union, or one of the models")
            return nil
        default: return parseModel(node, key: key).map { .model($0) }
        }
    }

    /// Whether a text names a tokenizer with `model:` before the model's name, and no model is called so.
    private func isOldForm(_ text: String) -> Bool {
        text.hasPrefix("model:") && !config.namedModels.contains { $0.model.text == text }
    }

    /// Takes a setting, of which there may be one.
    private mutating func set(_ setting: TokenizerSetting?, line: Int) {
        if hasTokenizerSetting {
            list.add(line, "tokenizer_source and tokenizer in one config", "keep one")
        }
        hasTokenizerSetting = true
        config.tokenizer = setting
    }

    mutating func parseTokenizer(_ pair: YAMLPair) {
        if pair.value.isNull { return }
        guard let parts = pair.value.pairs else {
            list.add(
                pair.line, "tokenizer: is \(pair.value.kindName), not a mapping",
                "write tokenizer: {source: \(pair.value.text?.excerpt ?? "base")}")
            return
        }
        var setting: TokenizerSetting? = TokenizerSetting(line: pair.line)
        for part in parts {
            switch part.key {
            case "source":
                guard !part.value.isNull else { continue }
                if let source = parseTokenizerSource(part.value, key: "tokenizer source") {
                    setting?.source = source
                    setting?.line = part.line
                } else {
                    setting = nil
                }
            case "tokens":
                guard !part.value.isNull else { continue }
                if let tokens = parseTokens(part) { setting?.tokens = tokens } else { setting = nil }
            case "pad_to_multiple_of":
                guard !part.value.isNull else { continue }
                if let multiple = parseMultiple(part) { setting?.multiple = multiple } else { setting = nil }
            default: unknown(part, "key", among: ["source", "tokens", "pad_to_multiple_of"])
            }
        }
        set(setting, line: pair.line)
    }

    private mutating func parseMultiple(_ pair: YAMLPair) -> Int? {
        let limit = UInt64(PlanLimits.ids)
        guard let multiple = pair.value.unsignedInteger, multiple > 0, multiple <= limit else {
            list.add(
                pair.line,
                "tokenizer pad_to_multiple_of: '\(pair.value.text?.excerpt ?? pair.value.kindName)' is no whole number "
                    + "from 1 to \(limit)", "write pad_to_multiple_of: 64, or leave it out")
            return nil
        }
        return Int(multiple)
    }

    // MARK: Tokens

    /// The entries of `tokens`; `nil` where one is wrong, all problems noted.
    private mutating func parseTokens(_ pair: YAMLPair) -> [TokenizerSetting.Token]? {
        guard let entries = pair.value.pairs else {
            list.add(
                pair.line, "tokenizer tokens: is \(pair.value.kindName), not a mapping",
                "write each token as a key, and below it source: and a model")
            return nil
        }
        let tokens = entries.map { parseToken($0) }
        let known = tokens.compactMap { $0 }
        return known.count == tokens.count ? known : nil
    }

    private mutating func parseToken(_ pair: YAMLPair) -> TokenizerSetting.Token? {
        var token = TokenizerSetting.Token(text: pair.key, line: pair.line)
        if pair.value.isNull { return token }
        guard let parts = pair.value.pairs else {
            list.add(
                pair.line, "the token '\(pair.key.excerpt)' is \(pair.value.kindName), not a mapping",
                "write source: and a model below it")
            return nil
        }
        var isDamaged = false
        for part in parts {
            switch part.key {
            case "source":
                guard !part.value.isNull else { continue }
                token.row = parseRow(part.value, of: pair.key)
                token.line = part.line
                isDamaged = isDamaged || token.row == nil
            case "force":
                token.isForced = part.value.flag ?? false
                guard part.value.flag == nil else { continue }
                list.add(part.line, "force is neither true nor false", "write true or false")
                isDamaged = true
            default:
                unknown(part, "key", among: ["source", "force"])
                isDamaged = true
            }
        }
        return isDamaged ? nil : token
    }

    private mutating func parseRow(_ node: YAMLNode, of token: String) -> TokenizerSetting.Row? {
        guard let pairs = node.pairs, let kind = pairs.first(where: { $0.key == "kind" }) else {
            return parseModel(node, key: "source").map { .model($0) }
        }
        switch kind.value.text {
        case "zero":
            guard let other = pairs.first(where: { $0.key != "kind" }) else { return .zero }
            unknown(other, "key", among: ["kind"])
            return nil
        case "model_token": return parseModelToken(pairs, line: node.line, of: token)
        default:
            list.add(
                kind.line,
                "the source of the token '\(token.excerpt)' is of an unknown kind, "
                    + "'\(kind.value.text?.excerpt ?? kind.value.kindName)'", "write model_token or zero")
            return nil
        }
    }

    private mutating func parseModelToken(
        _ pairs: [YAMLPair], line: Int, of token: String
    ) -> TokenizerSetting.Row? {
        var model: ModelReference?, text: String?, id: Int?
        var isDamaged = false
        for pair in pairs where pair.key != "kind" && !pair.value.isNull {
            switch pair.key {
            case "model":
                model = parseModel(pair.value, key: "model")
                isDamaged = isDamaged || model == nil
            case "token":
                text = pair.value.text
                guard text == nil else { continue }
                list.add(
                    pair.line, "token: is \(pair.value.kindName), not a text", "write token: and a token")
                isDamaged = true
            case "token_id":
                id = pair.value.unsignedInteger.flatMap { Int(exactly: $0) }
                guard id == nil else { continue }
                list.add(
                    pair.line,
                    "token_id: '\(pair.value.text?.excerpt ?? pair.value.kindName)' is no whole number from 0 on",
                    "write token_id: and a token's number")
                isDamaged = true
            default:
                unknown(pair, "key", among: ["kind", "model", "token", "token_id"])
                isDamaged = true
            }
        }
        guard !isDamaged else { return nil }
        guard let model else {
            list.add(
                line, "the source of the token '\(token.excerpt)' names no model", "write model: and a model")
            return nil
        }
        switch (text, id) {
        case (let text?, nil): return .token(model, text)
        case (nil, let id?): return .id(model, id)
        default:
            list.add(
                line,
                "the source of the token '\(token.excerpt)' has \(text == nil ? "neither token nor" : "both token and") "
                    + "token_id", "write one of them")
            return nil
        }
    }

    // MARK: Chat template

    mutating func parseChatTemplate(_ pair: YAMLPair) {
        guard let text = pair.value.text else {
            if !pair.value.isNull {
                list.add(pair.line, "chat_template is \(pair.value.kindName)", "write a Jinja text or a name")
            }
            return
        }
        if text.isEmpty { return }
        let isName = !text.contains("{") && !text.contains("\n")
        if isName, text != "auto", ChatTemplate(rawValue: text) == nil {
            list.add(
                pair.line, "unknown chat_template '\(text.excerpt)'",
                NearestName.remedy(
                    text, among: ChatTemplate.allCases.map(\.rawValue) + ["auto"],
                    otherwise: "write auto, a Jinja text, or one of "
                        + ChatTemplate.allCases.map(\.rawValue).joined(separator: ", ")))
        } else {
            config.chatTemplate = .init(value: text, line: pair.line)
        }
    }
}
