/// The names of models, in mergekit's short form and in its long one.
extension ConfigParser {
    /// A model's name, or mergekit's long form `{model: {path:, revision:}}`.
    mutating func parseModel(_ node: YAMLNode, key: String) -> ModelReference? {
        if let pairs = node.pairs { return parseLongModel(pairs, line: node.line, key: key) }
        guard let text = node.text else {
            list.add(
                node.line, "\(key): is \(node.kindName), not a model's name", "write Org/Name, or a path")
            return nil
        }
        guard !refuses(byteCount: text.utf8.count, of: text, line: node.line, key: key) else { return nil }
        guard let model = ModelReference(text) else {
            let problem = ModelReference.problem(of: text)
            list.add(node.line, problem.message, problem.remedy)
            return nil
        }
        return model
    }

    /// The adapter that a `lora:` names; `nil` where it names none, or several, which is noted.
    mutating func parseAdapter(_ pair: YAMLPair) -> String? {
        if pair.value.isNull { return nil }
        let count = pair.value.items?.count ?? 1
        guard count == 1, let name = Self.adapterName(pair.value), !name.isEmpty else {
            list.add(
                pair.line,
                count > 1 ? "lora: names \(count) adapters for one model" : "lora: names no adapter",
                count > 1
                    ? "list the model once with each, or merge all but one with peft's merge_and_unload"
                    : "write lora: {path: FOLDER}")
            return nil
        }
        return name
    }

    /// What the long form of a model's name says, the model inside of it included.
    private struct LongModel {
        /// Taken to the letter, `+` and `@` too.
        var path: String?
        var revision: String?
        /// What the adapter is called.
        var adapter: String?
        /// Whether a problem that is noted keeps it from being believed.
        var isDamaged = false
    }

    private mutating func parseLongModel(_ pairs: [YAMLPair], line: Int, key: String) -> ModelReference? {
        var model = LongModel()
        for pair in pairs { parseLongModel(pair, isInner: false, into: &model) }
        guard !model.isDamaged else { return nil }
        let path = model.path ?? ""
        let length = path.utf8.count + (model.revision.map { $0.utf8.count + 1 } ?? 0)
        guard !refuses(byteCount: length, of: path, line: line, key: key) else { return nil }
        guard !path.isEmpty else {
            list.add(line, "\(key): names no model", "write Org/Name, or a path")
            return nil
        }
        return ModelReference(path: path, revision: model.revision, adapter: model.adapter)
    }

    private mutating func parseLongModel(_ pair: YAMLPair, isInner: Bool, into model: inout LongModel) {
        switch pair.key {
        case "model" where !isInner && pair.value.pairs != nil:
            for inner in pair.value.pairs ?? [] { parseLongModel(inner, isInner: true, into: &model) }
        case "model" where !isInner:
            // mergekit looks for a revision here, and for no adapter.
            guard let text = text(of: pair, into: &model) else { return }
            let parts = text.split(separator: "@", omittingEmptySubsequences: false).map(String.init)
            set(parts[0], as: \.path, at: pair, of: &model)
            if parts.count == 2, !parts[1].isEmpty { set(parts[1], as: \.revision, at: pair, of: &model) }
            if parts.count > 2 || parts.count == 2 && (parts[0].isEmpty || parts[1].isEmpty) {
                list.add(
                    pair.line, "'\(text.excerpt)' is no model's name",
                    "write Org/Name, Org/Name@commit, or path: with a path of any characters")
                model.isDamaged = true
            }
        case "path":
            if let text = text(of: pair, into: &model) { set(text, as: \.path, at: pair, of: &model) }
        case "revision":
            if let text = text(of: pair, into: &model) { set(text, as: \.revision, at: pair, of: &model) }
        case "lora" where !isInner:
            if pair.value.isNull { return }
            model.adapter = parseAdapter(pair)
            if model.adapter == nil { model.isDamaged = true }
        default:
            if !isInner, let warning = UnreadKey.warning(pair.key, in: .model) {
                if !pair.value.isNull { list.warn(pair.line, warning) }
                return
            }
            unknown(
                pair, "key", among: isInner ? ["path", "revision"] : ["model", "path", "revision", "lora"])
            model.isDamaged = true
        }
    }

    /// The text of one entry of a long form; `nil` for null, and where a problem is noted.
    private mutating func text(of pair: YAMLPair, into model: inout LongModel) -> String? {
        if pair.value.isNull { return nil }
        guard let text = pair.value.text else {
            list.add(
                pair.line, "\(pair.key): is \(pair.value.kindName), not a text", "write \(pair.key): TEXT")
            model.isDamaged = true
            return nil
        }
        return text
    }

    private mutating func set(
        _ text: String, as part: WritableKeyPath<LongModel, String?>, at pair: YAMLPair,
        of model: inout LongModel
    ) {
        if let other = model[keyPath: part], other != text {
            list.add(
                pair.line, "\(pair.key): '\(text.excerpt)' beside '\(other.excerpt)' for one model",
                "keep one")
            model.isDamaged = true
        }
        model[keyPath: part] = text
    }

    /// What an adapter is called: its text, its path, or that of the first of several.
    private static func adapterName(_ node: YAMLNode) -> String? {
        if let text = node.text { return text }
        if let first = node.items?.first { return adapterName(first) }
        let inner = node.pairs?.first { $0.key == "model" && $0.value.pairs != nil }?.value.pairs
        let path = (inner ?? node.pairs ?? []).first { ["path", "model"].contains($0.key) }
        return path?.value.text
    }

    /// Refuses a name that no file can have before it is taken apart.
    private mutating func refuses(byteCount: Int, of text: String, line: Int, key: String) -> Bool {
        if text.utf8.contains(0) {
            list.add(
                line, "\(key): the name '\(text.excerpt)' holds a NUL character, at which every path ends",
                "write Org/Name, or a path")
            return true
        }
        guard byteCount > ModelReference.byteLimit else { return false }
        list.add(
            line,
            "\(key): the name '\(text.excerpt)' has \(byteCount) bytes, and no path more than "
                + "\(ModelReference.byteLimit)", "write Org/Name, or a path")
        return true
    }
}
