@testable import MergeReference

extension CaseGenerator {
    /// A config over the models, of the whole language.
    ///
    /// - Parameter isOfOneNamesake: whether all slices' tensors are named after the same model.
    mutating func makeRecipe(models: [ModelRecipe], layers: Int, isOfOneNamesake: Bool) -> Recipe {
        var namesakes = Self.namesakes(models)
        if isOfOneNamesake { namesakes = namesakes.randomElement(using: &random).map { [$0] } ?? [] }
        let base = makeBase(models.count, namesakes)
        var recipe = Recipe(method: method.name, base: base, layout: .models([]))
        // What a base that takes part as one more model is in a slice that does not list it is not settled.
        if layers > 0, chance(0.3), base == nil || method.base.isApart {
            recipe.layout = .slices(makeSlices(models, layers, base: base, namesakes))
        } else {
            recipe.layout = .models(
                makeSources(models.count, base: base, namesakes, listsBase: chance(0.3)))
        }
        recipe.isModule = chance(0.15)
        recipe.parameters = makeParameters(
            models: true, merges: true, layers: layers, share: 0.4,
            always: Set((method.modelParameters + method.mergeParameters).filter(\.isRequired).map(\.name)))
        if recipe.isModule {
            recipe.moduleParameters = makeParameters(models: true, merges: true, layers: layers, share: 0.2)
        }
        recipe.dtype = chance(0.25) ? nil : pick(StoredType.formats)
        recipe.outType = chance(0.5) ? nil : pick(StoredType.formats)
        recipe.seed = chance(0.5) ? UInt64(number(0...1 << 40)) : nil
        if chance(0.4) {
            let size = pick([1, 2, 5, 10, 20, 50, 100, 300])
            recipe.shardSize = pick([(size * 1000, "\(size)KB"), (size * 1024, "\(size)K")])
        }
        recipe.ignoresOwnLambda = chance(0.1) ? chance(0.7) : nil
        return recipe
    }

    /// Models that the output's tensors can be named after: all others have their tensors, or may lack them.
    private static func namesakes(_ models: [ModelRecipe]) -> [Int] {
        let haveHead = models.contains { $0.tensors.contains { $0.name == "lm_head.weight" } }
        return models.indices.filter { candidate in
            // What becomes of a head that the base lacks is another question.
            guard !haveHead || models[candidate].tensors.contains(where: { $0.name == "lm_head.weight" })
            else {
                return false
            }
            return models[candidate].tensors.allSatisfy { tensor in
                models.allSatisfy { other in
                    other.tensors.contains { $0.name == tensor.name } || Self.mayLack(tensor.name, other)
                }
            }
        }
    }

    private mutating func makeBase(_ count: Int, _ namesakes: [Int]) -> Int? {
        switch method.base {
        case .reference, .first: break
        case .optionalReference where count <= method.modelCount.lowerBound: return nil
        case .optionalReference, .oneMore, .listed: if chance(0.5) { return nil }
        }
        return chance(0.8) || namesakes.isEmpty ? namesakes.first ?? 0 : pick(namesakes)
    }

    /// Whether a model without the tensor can be merged all the same.
    private static func mayLack(_ name: String, _ model: ModelRecipe) -> Bool {
        let buffers = ["rotary_emb.inv_freq", "attn.masked_bias", "position_ids", "num_batches_tracked"]
        if buffers.contains(where: { name.hasSuffix($0) }) { return true }
        return name == "lm_head.weight" && model.tiesHead != false
            && model.tensors.contains {
                $0.name.hasSuffix("embed_tokens.weight") || $0.name.hasSuffix("wte.weight")
            }
    }

    /// - Parameter base: the base, whether it is listed or not.
    private mutating func makeSources(
        _ count: Int, base: Int?, _ namesakes: [Int], listsBase: Bool
    ) -> [Recipe.Source] {
        var others = (0..<count).filter { $0 != base }.shuffled(using: &random)
        // Without a base the first model gives the tensors their names.
        if base == nil, let first = namesakes.randomElement(using: &random) {
            others.removeAll { $0 == first }
            others.insert(first, at: 0)
        }
        // A base that is one of the models counts among them.
        let share = base != nil && !method.base.isApart ? 1 : 0
        let least = max(method.modelCount.lowerBound - share, 0)
        let most = min(method.modelCount.upperBound - share, others.count)
        let isEmpty = least == 0 && (most == 0 || chance(0.06)) && base != nil
        var chosen = Array(others.prefix(isEmpty ? 0 : number(max(least, 1)...max(most, 1))))
        if let base, listsBase || chosen.isEmpty || method.base.isListed { chosen.append(base) }
        if base != nil { chosen.shuffle(using: &random) }
        return chosen.map { model in
            Recipe.Source(
                model: model,
                parameters: makeParameters(
                    models: true, merges: false, layers: 4, share: 0.45, own: chance(0.12)))
        }
    }

    private mutating func makeSlices(
        _ models: [ModelRecipe], _ layers: Int, base: Int?, _ namesakes: [Int]
    ) -> [Recipe.Slice] {
        // Which head an output has whose embedding is one model's and whose head another's is another question.
        func have(_ name: (String) -> Bool) -> [Bool] {
            models.map { $0.tensors.contains { name($0.name) } }
        }
        let mayMix =
            have { $0 == "lm_head.weight" }.allSatisfy { $0 }
            || !have { $0.hasSuffix("embed_tokens.weight") || $0.hasSuffix("wte.weight") }.contains(true)
        return (0..<number(1...3)).map { _ in
            let length = number(1...layers)
            let own = base != nil && mayMix && chance(0.2) ? namesakes.randomElement(using: &random) : nil
            var sources = makeSources(models.count, base: own ?? base, namesakes, listsBase: true)
            for index in sources.indices {
                let start = number(0...layers - length)
                sources[index].layers = start..<start + length
            }
            return Recipe.Slice(
                base: own, sources: sources,
                parameters: makeParameters(models: true, merges: true, layers: length, share: 0.2))
        }
    }

    // MARK: Parameters

    /// Parameters of one level.
    ///
    /// - Parameters:
    ///   - share: the share of parameters that are given.
    ///   - own: whether a model gets a lambda of its own.
    ///   - always: parameters that are given, with a value for every tensor.
    private mutating func makeParameters(
        models: Bool, merges: Bool, layers: Int, share: Double, own: Bool = false, always: Set<String> = []
    ) -> Recipe.Parameters {
        var table: Recipe.Parameters = [:]
        let parameters = (models ? method.modelParameters : []) + (merges ? method.mergeParameters : [])
        for parameter in parameters where always.contains(parameter.name) || chance(share) {
            var setting = makeSetting(parameter, layers: layers)
            if always.contains(parameter.name) {
                setting.append(Recipe.Condition(values: [makeValue(parameter)]))
            }
            table[parameter.name] = setting
        }
        if own, method.mergeParameters.contains(where: { $0.name == "lambda" }) {
            table["lambda"] = makeSetting(.lambda, layers: layers)
        }
        return table
    }

    private mutating func makeSetting(
        _ parameter: ReferenceMethod.Parameter, layers: Int
    ) -> Recipe.Setting {
        guard chance(0.25) else { return [Recipe.Condition(values: makeValues(parameter))] }
        let filters = [
            "mlp", "self_attn", "norm", "embed", "weight", "layers.1.", "h.0.", ".up_", "nowhere", "lm_head",
        ]
        var setting = (0..<number(1...3)).map { _ in
            Recipe.Condition(filter: pick(filters), values: makeValues(parameter))
        }
        if chance(0.4) {
            setting.append(Recipe.Condition(filter: chance(0.5) ? "*" : nil, values: makeValues(parameter)))
        }
        return setting
    }

    private mutating func makeValues(_ parameter: ReferenceMethod.Parameter) -> [Double] {
        let isGradient = chance(0.2) && parameter.name != "max_iter"
        // Between a density that keeps all and one that does not lie some that fit no epsilon.
        let isMiddle = isGradient && chance(0.9)
        return (0..<(isGradient ? number(2...5) : 1)).map { _ in makeValue(parameter, isMiddle: isMiddle) }
    }

    private mutating func makeValue(_ parameter: ReferenceMethod.Parameter, isMiddle: Bool = false) -> Double
    {
        if parameter.isFlag { return chance(0.5) ? 1 : 0 }
        switch parameter.name {
        case "density":
            if !isMiddle, chance(0.2) { return pick([1, 1, 0, 1.5, -0.25]) }
            return digits(0.3, 0.7)
        case "epsilon" where method.name.hasPrefix("ram"): return pick([0, 1e-5, 0.001, 0.01])
        case "epsilon":
            return chance(0.04) ? digits(0.25, 0.5) : chance(0.05) ? -digits(0, 0.2) : digits(0, 0.25)
        case "weight":
            return pick([0, 1, 0.5, 0.5, digits(0, 1), digits(0, 1), digits(-1, 2), digits(-1, 2)])
        case "max_iter": return Double(number(0...12))
        case "tol": return pick([1e-5, 1e-7, 0.001])
        case "eps": return pick([1e-8, 1e-6, 0.001])
        case "scale": return digits(-1, 2)
        case "lambda": return pick([1, 1, 0, digits(0, 2), digits(-1, 1)])
        default: return digits(0, 1)
        }
    }

    /// A number with few digits, or sometimes with all of them.
    private mutating func digits(_ low: Double, _ high: Double) -> Double {
        let value = Double.random(in: low...high, using: &random)
        guard chance(0.8) else { return abs(value) < 0.001 ? 0.25 : value }
        return (value * 100).rounded() / 100 + 0  // No -0: a config says 0 of it.
    }
}
