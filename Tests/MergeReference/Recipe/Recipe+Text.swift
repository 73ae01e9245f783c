extension Recipe {
    /// The config's tree.
    ///
    /// - Parameter names: of the models, by number.
    func tree(names: [String], using random: inout SeededRandom) -> [(key: String, value: YAMLText)] {
        var top: [(key: String, value: YAMLText)] = []
        if let base { top.append(("base_model", model(names[base], using: &random))) }
        top.append(("merge_method", .text(method)))
        if let dtype { top.append(("dtype", .text(dtype.configName!))) }
        if let outType { top.append(("out_dtype", .text(outType.configName!))) }
        if !parameters.isEmpty { top.append(("parameters", Self.tree(parameters, using: &random))) }
        let layout = layoutTree(names, using: &random)
        if isModule {
            var module = [layout]
            if !moduleParameters.isEmpty {
                module.append(("parameters", Self.tree(moduleParameters, using: &random)))
            }
            top.append(("modules", .map([("text", .map(module))])))
        } else {
            top.append(layout)
        }
        if let tokenizer { top.append(tokenizer.tree(names: names)) }
        var own: [(key: String, value: YAMLText)] = []
        if let seed { own.append(("seed", .plain("\(seed)"))) }
        if let shardSize { own.append(("shard_size", .text(shardSize.text))) }
        if let ignoresOwnLambda { own.append(("mergekit_compat", .plain("\(ignoresOwnLambda)"))) }
        if !own.isEmpty { top.append(("dellad", .map(own))) }
        return top.shuffled(using: &random)
    }

    /// The config's text.
    func text(names: [String], adding lines: [(key: String, value: YAMLText)] = []) -> String {
        var random = SeededRandom(seed: style)
        return YAMLText.map(tree(names: names, using: &random) + lines).rendered(using: &random)
    }

    private func model(_ name: String, using random: inout SeededRandom) -> YAMLText {
        let parts = name.components(separatedBy: "+")
        if parts.count == 2 {
            let adapter = YAMLText.text(parts[1])
            return switch Int.random(in: 0..<4, using: &random) {
            case 0: .map([("model", .text(parts[0])), ("lora", adapter)])
            case 1: .map([("lora", .map([("path", adapter)])), ("model", .map([("path", .text(parts[0]))]))])
            default: .text(name)
            }
        }
        return switch Int.random(in: 0..<12, using: &random) {
        case 0: .map([("path", .text(name))])
        case 1: .map([("model", .map([("path", .text(name))]))])
        default: .text(name)
        }
    }

    private func layoutTree(
        _ names: [String], using random: inout SeededRandom
    ) -> (key: String, value: YAMLText) {
        switch layout {
        case .models(let sources):
            return ("models", .list(sources.map { tree($0, names, using: &random) }))
        case .slices(let slices):
            return (
                "slices",
                .list(
                    slices.map { slice in
                        var pairs: [(key: String, value: YAMLText)] = [
                            ("sources", .list(slice.sources.map { tree($0, names, using: &random) }))
                        ]
                        if let base = slice.base {
                            pairs.append(("base_model", model(names[base], using: &random)))
                        }
                        if !slice.parameters.isEmpty {
                            pairs.append(("parameters", Self.tree(slice.parameters, using: &random)))
                        }
                        return .map(pairs.shuffled(using: &random))
                    })
            )
        }
    }

    private func tree(_ source: Source, _ names: [String], using random: inout SeededRandom) -> YAMLText {
        var pairs = [("model", model(names[source.model], using: &random))]
        if let layers = source.layers {
            pairs.append(
                ("layer_range", .list([.plain("\(layers.lowerBound)"), .plain("\(layers.upperBound)")])))
        }
        if !source.parameters.isEmpty {
            pairs.append(("parameters", Self.tree(source.parameters, using: &random)))
        }
        return .map(pairs)
    }

    private static let flags: Set<String> = [
        "rescale", "normalize", "int8_mask", "normalize_weights", "nuslerp_flatten", "nuslerp_row_wise",
        "filter_wise",
    ]

    private static func tree(_ parameters: Parameters, using random: inout SeededRandom) -> YAMLText {
        .map(
            parameters.sorted { $0.key < $1.key }.map { name, conditions in
                (name, tree(conditions, isFlag: flags.contains(name), using: &random))
            })
    }

    private static func tree(
        _ conditions: Setting, isFlag: Bool, using random: inout SeededRandom
    ) -> YAMLText {
        if conditions.count == 1, conditions[0].filter == nil {
            return values(conditions[0].values, isFlag, &random)
        }
        let items = conditions.map { condition -> YAMLText in
            var pairs: [(key: String, value: YAMLText)] = []
            if let filter = condition.filter { pairs.append(("filter", .text(filter))) }
            pairs.append(("value", values(condition.values, isFlag, &random)))
            return .map(pairs)
        }
        return items.count == 1 && Bool.random(using: &random) ? items[0] : .list(items)
    }

    private static func values(
        _ values: [Double], _ isFlag: Bool, _ random: inout SeededRandom
    ) -> YAMLText {
        let words = values.map { value -> YAMLText in
            if isFlag {
                let word = value != 0 ? ["true", "yes", "on", "1"] : ["false", "no", "off", "0"]
                return .plain(Bool.random(using: &random) ? word[0] : word.randomElement(using: &random)!)
            }
            let isWhole = value == value.rounded() && abs(value) < 1e6
            return .plain(isWhole && Bool.random(using: &random) ? "\(Int(value))" : "\(value)")
        }
        return words.count == 1 && Int.random(in: 0..<8, using: &random) > 0 ? words[0] : .list(words)
    }
}
