import StreamIO

/// Turns a config's tree into a `MergeConfig`, noting everything that is wrong on the way.
///
/// Nothing is misread: what mergekit accepts and dellad does not do is named, with the remedy. And nothing that a
/// config names is ignored without a word: each key of each mapping is read, refused, or warned about. Whoever reads
/// a mapping therefore goes through all of its pairs, and returns only afterwards.
struct ConfigParser {
    var list = ProblemList()
    var config = MergeConfig()
    /// Whether what stands at top level may have been meant as parameters.
    private var hasStrayParameters = false
    /// Whether `tokenizer_source` or `tokenizer` was there.
    var hasTokenizerSetting = false
    /// Whether the text is one document of a recipe, whose name means something.
    private var isStage = false

    private static let topKeys = [
        "base_model", "models", "slices", "modules", "merge_method", "parameters", "dtype", "out_dtype",
        "tokenizer_source", "tokenizer", "chat_template", "name", "dellad",
    ]

    /// Whether a name is a key of the language that has a value in its line, as a rule.
    static func isKey(_ name: String) -> Bool {
        topKeys.contains(name) || ["model", "layer_range", "filter", "value"].contains(name)
            || MethodRules.parameterNames.contains(name)
    }

    /// Reads a config's text. What could be made out is returned even where problems were found.
    ///
    /// - Parameter isStage: whether it is one document of a recipe.
    static func parse(_ text: [UInt8], isStage: Bool = false) -> (
        config: MergeConfig, list: ProblemList
    ) {
        var parser = ConfigParser()
        parser.isStage = isStage
        let before = parser.list.problems.count
        if let root = YAMLReader.read(text, into: &parser.list) {
            parser.parseTop(root)
        } else if parser.list.problems.count == before {
            parser.list.add(1, "the config is empty", "see the README for one to start from")
        }
        return (parser.config, parser.list)
    }

    private mutating func parseTop(_ root: YAMLNode) {
        guard let pairs = root.pairs else {
            list.add(
                root.line, "a config is a mapping, this is \(root.kindName)",
                "it begins with keys such as base_model: and merge_method:")
            return
        }
        if let experts = pairs.first(where: { $0.key == "experts" }) {
            list.add(
                experts.line, "this is a config of mergekit-moe, which makes a mixture of experts",
                "run mergekit-moe; dellad merges models of one architecture, with models: or slices:")
            return
        }
        // Others are said in terms of the first of these, and the last in terms of the models.
        let first = ["base_model", "merge_method"]
        let last = ["tokenizer_source", "tokenizer"]
        for pair in pairs where first.contains(pair.key) { parseTop(pair) }
        for pair in pairs where !(first + last).contains(pair.key) { parseTop(pair) }
        for pair in pairs where last.contains(pair.key) { parseTop(pair) }
        if !pairs.contains(where: { $0.key == "merge_method" }) {
            list.add(1, "merge_method is missing", "write merge_method: della, or another of mergekit's")
        }
        if let method = config.method, method.base.isNeeded,
            !pairs.contains(where: { $0.key == "base_model" })
        {
            list.add(
                1, "base_model is missing",
                method.base == .start
                    ? "\(method.name) goes from the base to the other model: name one of the two"
                    : "\(method.name) takes differences to a base: name it")
        }
        checkLayout(pairs)
        if hasStrayParameters { config.parameters.isDamaged = true }
    }

    private mutating func parseTop(_ pair: YAMLPair) {
        let value = pair.value
        switch pair.key {
        case "merge_method": parseMethod(pair)
        case "base_model":
            if let model = parseModel(value, key: "base_model") {
                config.base = .init(value: model, line: pair.line)
            }
        case "models":
            config.layoutLine = pair.line
            config.layout = .models(parseSources(value, key: "models", inSlice: false))
        case "slices":
            config.layoutLine = pair.line
            config.layout = .slices(parseSlices(value))
        case "modules": parseModules(pair)
        case "parameters": config.parameters = parseParameters(value, line: pair.line, level: .global)
        case "dtype": config.format = parseFormat(pair)
        case "out_dtype": config.outputFormat = parseFormat(pair)
        case "tokenizer_source": parseTokenizerSource(pair)
        case "tokenizer": parseTokenizer(pair)
        case "chat_template": parseChatTemplate(pair)
        case "dellad": parseDelladSection(value)
        case "name": parseName(pair)
        default:
            if let warning = UnreadKey.warning(pair.key, in: .top) {
                list.warn(pair.line, warning)
            } else if MethodRules.parameterNames.contains(pair.key) {
                hasStrayParameters = true
                list.add(
                    pair.line, "the parameter \(pair.key) stands outside of parameters:",
                    "indent it below a parameters: line")
            } else {
                hasStrayParameters = hasStrayParameters || pair.value.pairs != nil
                unknown(pair, "key", among: Self.topKeys)
            }
        }
    }

    /// What other documents of a recipe call what this one makes. What it may be is for the recipe to say.
    private mutating func parseName(_ pair: YAMLPair) {
        guard isStage else {
            list.warn(
                pair.line,
                "name changes nothing: the output is named after the config's file, or by the command")
            return
        }
        if let name = pair.value.text {
            config.name = .init(value: name, line: pair.line)
        } else if !pair.value.isNull {
            list.add(pair.line, "name: is \(pair.value.kindName), not a text", "write name: and a word")
        }
    }

    private mutating func checkLayout(_ pairs: [YAMLPair]) {
        let layouts = pairs.filter { ["models", "slices", "modules"].contains($0.key) }
        if layouts.isEmpty {
            list.add(1, "the config lists no models", "write models:, or slices:")
        }
        for extra in layouts.dropFirst() {
            list.add(
                extra.line, "\(extra.key) and \(layouts[0].key) in one config",
                "keep one: models for whole models, slices for ranges of layers")
        }
    }

    // MARK: Models

    enum Level { case global, module, slice, source }

    mutating func parseSources(_ node: YAMLNode, key: String, inSlice: Bool) -> [MergeConfig.Source] {
        guard let items = node.items, !items.isEmpty else {
            list.add(
                node.line,
                "\(key): is \(node.items == nil ? node.kindName : "empty"), not a list of models",
                "each entry begins with '- model: NAME'")
            return []
        }
        return items.compactMap { parseSource($0, inSlice: inSlice) }
    }

    private mutating func parseSource(_ node: YAMLNode, inSlice: Bool) -> MergeConfig.Source? {
        guard let pairs = node.pairs else {
            if let text = node.text, text.hasPrefix("model:") {
                list.add(
                    node.line, "there is no space after 'model:'",
                    "write '- model: \(String(text.dropFirst(6)).excerpt)'")
            } else if let text = node.text {
                list.add(
                    node.line, "'\(text.excerpt)' stands without a key", "write '- model: \(text.excerpt)'")
            } else {
                list.add(node.line, "\(node.kindName) where a model is listed", "write '- model: NAME'")
            }
            return nil
        }
        var model: ModelReference?
        var layers: MergeConfig.Located<Range<Int>>?
        var negative: MergeConfig.Located<String>?
        var parameters = ParameterTable()
        var isDamaged = false
        // The model first: others may be said in terms of it.
        for pair in pairs where pair.key == "model" { model = parseModel(pair.value, key: "model") }
        for pair in pairs where pair.key != "model" {
            switch pair.key {
            case "parameters":
                parameters = parseParameters(pair.value, line: pair.line, level: .source)
            case "layer_range" where inSlice:
                layers = parseRange(pair, negative: &negative)
            case "lora":
                if let adapter = parseAdapter(pair) {
                    model?.adapter = adapter
                } else {
                    isDamaged = isDamaged || !pair.value.isNull
                }
            default:
                unknownInSource(pair, inSlice: inSlice, model: model)
                isDamaged = true
            }
        }
        if !pairs.contains(where: { $0.key == "model" }) {
            list.add(node.line, "an entry without model:", "write '- model: NAME'")
        }
        if inSlice, !pairs.contains(where: { $0.key == "layer_range" }) {
            list.add(
                node.line, "layer_range is missing", "write layer_range: [FIRST, END], END not included")
        }
        parameters.isDamaged = parameters.isDamaged || isDamaged
        return model.map {
            MergeConfig.Source(
                model: $0, line: node.line, layers: layers, negativeLayers: negative, parameters: parameters)
        }
    }

    private mutating func unknownInSource(_ pair: YAMLPair, inSlice: Bool, model: ModelReference?) {
        if MethodRules.parameterNames.contains(pair.key) {
            list.add(
                pair.line, "the parameter \(pair.key) stands beside the model, not below its parameters:",
                "indent it below a parameters: line of this model")
        } else if pair.key == "revision", let model, model.revision == nil, let text = pair.value.text {
            let revised = ModelReference(path: model.path, revision: text, adapter: model.adapter)
            list.add(
                pair.line, "the revision stands beside the model, not in its name:",
                "write model: \(revised.text.excerpt)")
        } else if pair.key == "layer_range" {
            list.add(
                pair.line, "layer_range under models:",
                "ranges of layers are written with slices: and sources:")
        } else {
            unknown(pair, "key", among: ["model", "parameters"] + (inSlice ? ["layer_range"] : []))
        }
    }

    private mutating func parseRange(
        _ pair: YAMLPair, negative: inout MergeConfig.Located<String>?
    ) -> MergeConfig.Located<Range<Int>>? {
        let items = pair.value.items ?? []
        let bounds = items.compactMap { $0.number }.compactMap { Int(exactly: $0) }
        guard items.count == 2, bounds.count == 2 else {
            list.add(
                pair.line, "layer_range is not a pair of whole numbers",
                "write layer_range: [FIRST, END], END not included")
            return nil
        }
        let (first, end) = (bounds[0], bounds[1])
        // What is said of them depends on the model's number of layers, which is not known yet.
        guard first >= 0, end >= 0 else {
            negative = .init(value: "[\(first), \(end)]", line: pair.line)
            return nil
        }
        guard first <= LayerPosition.layerLimit, end <= LayerPosition.layerLimit else {
            list.add(
                pair.line,
                "layer_range [\(first), \(end)] reaches beyond \(LayerPosition.layerLimit) layers, and no model has more",
                "END is at most the model's number of layers")
            return nil
        }
        // Whether an empty range means something, its place among the slices says.
        guard end >= first else {
            addEmptyRange(first, end, line: pair.line)
            return nil
        }
        return .init(value: first..<end, line: pair.line)
    }

    mutating func parseSlices(_ node: YAMLNode) -> [MergeConfig.Slice] {
        guard let items = node.items, !items.isEmpty else {
            list.add(
                node.line, "slices: is \(node.items == nil ? node.kindName : "empty"), not a list",
                "each entry begins with '- sources:'")
            return []
        }
        var slices = items.map { parseSlice($0) }
        for index in slices.indices where slices.count == 1 || index > 0 && index < slices.count - 1 {
            for source in slices[index].sources {
                guard let layers = source.layers, layers.value.isEmpty else { continue }
                addEmptyRange(layers.value.lowerBound, layers.value.upperBound, line: layers.line)
                slices[index].isDamaged = true
            }
        }
        return slices
    }

    /// Only the first slice, whose embedding is taken, and the last, whose head is, may have no layer.
    private mutating func addEmptyRange(_ first: Int, _ end: Int, line: Int) {
        list.add(
            line, "layer_range [\(first), \(end)] holds no layer",
            "END is not included, and larger than FIRST")
    }

    private mutating func parseSlice(_ node: YAMLNode) -> MergeConfig.Slice {
        var slice = MergeConfig.Slice(line: node.line, sources: [])
        guard let pairs = node.pairs else {
            list.add(node.line, "\(node.kindName) where a slice is listed", "write '- sources:'")
            slice.isDamaged = true
            return slice
        }
        for pair in pairs {
            switch pair.key {
            case "sources":
                slice.sources = parseSources(pair.value, key: "sources", inSlice: true)
                if slice.sources.count != pair.value.items?.count { slice.isDamaged = true }
            case "base_model":
                if let model = parseModel(pair.value, key: "base_model") {
                    slice.base = .init(value: model, line: pair.line)
                } else {
                    slice.isDamaged = true
                }
            case "parameters":
                slice.parameters = parseParameters(pair.value, line: pair.line, level: .slice)
            default:
                if let warning = UnreadKey.warning(pair.key, in: .slice) {
                    list.warn(pair.line, warning)
                    continue
                }
                unknown(pair, "key", among: ["sources", "base_model", "parameters"])
                slice.isDamaged = true
            }
        }
        if !pairs.contains(where: { $0.key == "sources" }) {
            list.add(node.line, "a slice without sources:", "list the models whose layers it takes")
        }
        return slice
    }

    private mutating func parseModules(_ pair: YAMLPair) {
        config.layoutLine = pair.line
        guard let modules = pair.value.pairs, let module = modules.first else {
            list.add(
                pair.line, "modules: is \(pair.value.kindName)", "write models: for a model of one module")
            return
        }
        for extra in modules.dropFirst() {
            list.add(
                extra.line,
                "the module '\(extra.key.excerpt)' beside '\(module.key.excerpt)': models of several modules are "
                    + "not merged by module",
                "write models: at top level, which merges every tensor of the base")
        }
        guard let parts = module.value.pairs else {
            list.add(
                module.line, "the module '\(module.key.excerpt)' is \(module.value.kindName)",
                "it has models:")
            return
        }
        for part in parts {
            switch part.key {
            case "models":
                config.layout = .models(parseSources(part.value, key: "models", inSlice: false))
            case "slices": config.layout = .slices(parseSlices(part.value))
            case "parameters":
                config.moduleParameters = parseParameters(part.value, line: part.line, level: .module)
            default:
                unknown(part, "key", among: ["models", "slices", "parameters"])
                config.moduleParameters.isDamaged = true
            }
        }
        if parts.count(where: { ["models", "slices"].contains($0.key) }) != 1 {
            list.add(module.line, "a module has either models: or slices:", "write one of them")
        }
    }

    /// Notes a key that nobody reads.
    mutating func unknown(_ pair: YAMLPair, _ what: String, among names: [String]) {
        list.add(
            pair.line, "unknown \(what) '\(pair.key.excerpt)'",
            NearestName.remedy(
                pair.key, among: names,
                otherwise: Self.advice[pair.key] ?? "known here: \(names.joined(separator: ", "))"))
    }

    /// What to do about keys that configs of other tools or versions have.
    private static let advice = [
        "random_seed": "write dellad: {seed: N}, or --seed N",
        "seed": "write dellad: {seed: N}, or --seed N",
        "allow_crimes": "write dellad: {allow_crimes: true}, or --allow-crimes",
        "shard_size": "write dellad: {shard_size: 5GB}",
        "out_shard_size": "write dellad: {shard_size: 5GB}",
        "input_model_parameters": "write each model's below it, as its parameters:",
    ]
}
