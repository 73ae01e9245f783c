import StreamIO

/// The parts of a config that are not about which models take part.
extension ConfigParser {
    mutating func parseMethod(_ pair: YAMLPair) {
        config.methodLine = pair.line
        guard let text = pair.value.text else {
            list.add(
                pair.line, "merge_method is \(pair.value.kindName)", "write della, or another of mergekit's"
            )
            return
        }
        config.method = MethodRules.named(text)
        guard config.method == nil else { return }
        list.add(
            pair.line, "unknown method '\(text.excerpt)'",
            NearestName.remedy(
                text, among: MethodRules.names,
                otherwise: "known are \(MethodRules.names.joined(separator: ", "))"))
    }

    mutating func parseFormat(_ pair: YAMLPair) -> FloatFormat? {
        guard let text = pair.value.text else {
            // mergekit's own way to say: as the inputs.
            if pair.value.isNull { return nil }
            list.add(
                pair.line, "\(pair.key) is \(pair.value.kindName)", "write bfloat16, float16 or float32")
            return nil
        }
        let name = text.hasPrefix("torch.") ? String(text.dropFirst(6)) : text
        if let format = FloatFormat(name: name) { return format }
        if name == "float64" {
            list.add(
                pair.line, "\(pair.key): float64 is not computed",
                "write float32, which F64 inputs are read as")
            return nil
        }
        let short = [
            "bf16": "bfloat16", "fp16": "float16", "half": "float16", "fp32": "float32",
            "float": "float32",
        ]
        let names = FloatFormat.allCases.map(\.name)
        list.add(
            pair.line, "unknown \(pair.key) '\(text.excerpt)'",
            short[name].map { "did you mean \($0)?" }
                ?? NearestName.remedy(name, among: names, otherwise: "write bfloat16, float16 or float32"))
        return nil
    }

    // MARK: Parameters

    mutating func parseParameters(_ node: YAMLNode, line: Int, level: Level) -> ParameterTable {
        guard !node.isNull else { return ParameterTable() }
        guard let pairs = node.pairs else {
            list.add(
                line, "parameters: is \(node.kindName), not a mapping", "indent the parameters below it")
            return ParameterTable(isDamaged: true)
        }
        var table = ParameterTable()
        for pair in pairs {
            guard let rule = parameterRule(pair, &table) else { continue }
            if level == .source, rule.scope == .merge {
                table.idle[rule.name] = pair.line
                list.warn(
                    pair.line,
                    "\(pair.key) under a model changes nothing, in mergekit as here: it is one for the merge")
                continue
            }
            if let setting = parseSetting(pair, rule) {
                table.settings[pair.key] = setting
                noteRange(setting, rule)
            } else {
                table.unread.insert(rule.name)
            }
        }
        return table
    }

    /// The parameter that a pair is of; `nil`, and a problem or warning noted, where the method has none of that name.
    private mutating func parameterRule(_ pair: YAMLPair, _ table: inout ParameterTable)
        -> ParameterRule?
    {
        if let warning = UnreadKey.warning(pair.key, in: .parameters) {
            list.warn(pair.line, warning)
            return nil
        }
        let owners = MethodRules.having(pair.key)
        guard let method = config.method else {
            if let first = owners.first { return first.parameter(pair.key) }
            unknown(pair, "parameter", among: MethodRules.parameterNames)
            table.isDamaged = true
            return nil
        }
        if let rule = method.parameter(pair.key) { return rule }
        if owners.isEmpty {
            let names = method.parameters.map(\.name)
            list.add(
                pair.line, "unknown parameter '\(pair.key.excerpt)'",
                NearestName.match(pair.key, among: names).map { "did you mean \($0)?" }
                    ?? NearestName.remedy(
                        pair.key, among: MethodRules.parameterNames,
                        otherwise: names.isEmpty
                            ? "\(method.name) has none"
                            : "\(method.name) has \(names.joined(separator: ", "))"))
            table.isDamaged = true
        } else {
            let names = owners.prefix(3).map(\.name).joined(separator: ", ")
            let more = owners.count > 3 ? " and others" : ""
            list.warn(
                pair.line,
                "\(pair.key) changes nothing: \(method.name) has no such parameter, but \(names)\(more)")
        }
        return nil
    }

    private mutating func noteRange(_ setting: ParameterSetting, _ rule: ParameterRule) {
        guard let range = rule.range else { return }
        for condition in setting.conditions {
            guard let value = condition.values.first(where: { !range.meant.contains($0) }) else {
                continue
            }
            let effect = value > range.meant.upperBound ? range.above : range.below
            let low = ParameterRule.decimal(range.meant.lowerBound)
            let high = ParameterRule.decimal(range.meant.upperBound)
            list.warn(
                condition.line,
                "\(rule.name) \(ParameterRule.decimal(value)) \(effect): it is meant to lie between \(low) and \(high)"
            )
        }
    }

    private mutating func parseSetting(_ pair: YAMLPair, _ rule: ParameterRule) -> ParameterSetting? {
        let node = pair.value
        let nodes: [YAMLNode]
        if node.pairs != nil {
            nodes = [node]
        } else if let items = node.items, items.contains(where: { $0.pairs != nil }) {
            nodes = items
        } else {
            let values = parseValues(node, line: pair.line, rule)
            return values.map { values in
                ParameterSetting(
                    conditions: [.init(filter: nil, values: values, line: pair.line)], line: pair.line)
            }
        }
        // All of them, so that each one's problem is noted.
        let conditions = nodes.map { parseCondition($0, rule) }
        let known = conditions.compactMap { $0 }
        guard known.count == conditions.count else { return nil }
        noteUnreached(known, name: pair.key)
        return ParameterSetting(conditions: known, line: pair.line)
    }

    /// Conditions after one that matches every tensor are never asked.
    private mutating func noteUnreached(_ conditions: [ParameterSetting.Condition], name: String) {
        guard let last = conditions.firstIndex(where: \.matchesAll) else { return }
        for condition in conditions[(last + 1)...] {
            list.warn(
                condition.line,
                "this condition of \(name) is never reached: the one in line \(conditions[last].line) matches every "
                    + "tensor, and the first that matches is taken")
        }
    }

    private mutating func parseCondition(
        _ node: YAMLNode, _ rule: ParameterRule
    ) -> ParameterSetting.Condition? {
        let name = rule.name
        guard let pairs = node.pairs else {
            list.add(
                node.line, "\(name) mixes numbers and conditions", "give each its '- filter:' and 'value:'")
            return nil
        }
        var filter: String?
        var values: [Double]?
        var isDamaged = false
        for pair in pairs {
            switch pair.key {
            case "filter":
                if pair.value.isNull { continue }
                filter = pair.value.text
                if filter == nil {
                    list.add(
                        pair.line, "filter is \(pair.value.kindName)", "write a part of the tensors' names")
                    isDamaged = true
                }
            case "value":
                values = parseValues(pair.value, line: pair.line, rule)
                isDamaged = isDamaged || values == nil
            default:
                unknown(pair, "key", among: ["filter", "value"])
                isDamaged = true
            }
        }
        if !pairs.contains(where: { $0.key == "value" }) {
            list.add(
                node.line, "a condition of \(name) without value:", "write value: and a number or a list")
        }
        guard let values, !isDamaged else { return nil }
        return ParameterSetting.Condition(filter: filter, values: values, line: node.line)
    }

    private mutating func parseValues(_ node: YAMLNode, line: Int, _ rule: ParameterRule) -> [Double]? {
        guard let items = node.items else { return parseValue(node, line: line, rule).map { [$0] } }
        guard !items.isEmpty else {
            list.add(
                line, "\(rule.name) is an empty list", "write \(Self.what(rule)), or a list of them")
            return nil
        }
        let values = items.map { parseValue($0, line: $0.line, rule) }
        let known = values.compactMap { $0 }
        return known.count == values.count ? known : nil
    }

    private static func what(_ rule: ParameterRule) -> String {
        switch rule.kind {
        case .flag: "true or false"
        case .number: "a number"
        case .count: "a whole number"
        }
    }

    private mutating func parseValue(_ node: YAMLNode, line: Int, _ rule: ParameterRule) -> Double? {
        let name = rule.name
        guard let text = node.text else {
            list.add(
                line, "\(name) is \(node.kindName), not \(Self.what(rule))",
                "write \(name): and \(Self.what(rule))")
            return nil
        }
        if rule.kind == .flag {
            if let flag = node.flag { return flag ? 1 : 0 }
            list.add(line, "\(name): '\(text.excerpt)' is neither true nor false", "write true or false")
            return nil
        }
        guard let number = node.number else {
            let meant = YAMLNode.numberMeant(by: text).map { "write \(name): \($0)" }
            let items = YAMLNode.listMeant(by: text).map { "write \(name): \($0), without quotes" }
            list.add(
                line, "\(name): '\(text.excerpt)' is no number",
                meant ?? items ?? "write \(name): and \(Self.what(rule))")
            return nil
        }
        guard number.isFinite else {
            list.add(line, "\(name) is \(text)", "every parameter is a finite number")
            return nil
        }
        guard Float(number).isFinite else {
            list.add(
                line, "\(name) is \(text), which float32 cannot hold",
                "every parameter lies within ±3.4e38")
            return nil
        }
        if rule.kind == .count,
            number != number.rounded() || !(0...ParameterRule.countLimit).contains(number)
        {
            list.add(
                line,
                "\(name): \(text) is no whole number from 0 to \(ParameterRule.decimal(ParameterRule.countLimit))",
                "write \(name): and \(Self.what(rule))")
            return nil
        }
        return number
    }

    // MARK: dellad

    private static let delladKeys = [
        "seed", "shard_size", "memory", "mergekit_compat", "allow_crimes", "retry", "keep",
    ]

    mutating func parseDelladSection(_ node: YAMLNode) {
        guard !node.isNull else { return }
        guard let pairs = node.pairs else {
            list.add(node.line, "dellad: is \(node.kindName), not a mapping", "write dellad: {seed: 0}")
            return
        }
        for pair in pairs {
            switch pair.key {
            case "seed":
                config.dellad.seed = pair.value.unsignedInteger
                if config.dellad.seed == nil {
                    list.add(pair.line, "seed is no whole number from 0 to 2^64−1", "write seed: 42")
                }
            case "shard_size": config.dellad.shardSize = parseSize(pair) { ByteCount(ofShard: $0) }
            case "memory":
                config.dellad.memory = parseSize(pair, { ByteCount($0) }).map {
                    .init(value: $0, line: pair.line)
                }
            case "mergekit_compat":
                config.dellad.followsMergekit = pair.value.flag ?? false
                if pair.value.flag == nil {
                    list.add(pair.line, "mergekit_compat is neither true nor false", "write true or false")
                }
            case "allow_crimes":
                config.dellad.allowsCrimes = pair.value.flag ?? false
                if pair.value.flag == nil {
                    list.add(pair.line, "allow_crimes is neither true nor false", "write true or false")
                }
            case "retry":
                if let count = pair.value.unsignedInteger, count <= 1_000 {
                    config.dellad.retries = Int(count)
                } else {
                    list.add(pair.line, "retry is no whole number from 0 to 1000", "write retry: 3")
                }
            case "keep":
                config.dellad.keep = pair.value.flag.map { .init(value: $0, line: pair.line) }
                if pair.value.flag == nil {
                    list.add(pair.line, "keep is neither true nor false", "write true or false")
                }
            default:
                unknown(pair, "key", among: Self.delladKeys)
            }
        }
    }

    private mutating func parseSize(_ pair: YAMLPair, _ read: (String) -> ByteCount?) -> UInt64? {
        if let size = pair.value.text.flatMap(read), size.bytes > 0 { return size.bytes }
        list.add(
            pair.line, "\(pair.key): '\(pair.value.text?.excerpt ?? pair.value.kindName)' is no size",
            "write \(ByteCount.remedy)")
        return nil
    }
}
