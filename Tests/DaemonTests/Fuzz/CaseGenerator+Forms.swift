@testable import MergeReference

/// Models as they come: more than checkpoints that match tensor for tensor.
extension CaseGenerator {
    /// How the rows of embeddings and heads correspond.
    enum Vocabulary {
        case byToken, padded
    }

    /// Gives models tokens, names, types and files as people have them, and adds adapted ones.
    ///
    /// - Returns: how rows correspond; `nil` by position alone.
    mutating func makeForms(_ models: inout [ModelRecipe], layers: Int) -> Vocabulary? {
        let vocabulary: Vocabulary? = chance(0.5) ? (chance(0.75) ? .byToken : .padded) : nil
        if let vocabulary { makeVocabularies(&models, vocabulary) }
        if chance(0.4) {
            for index in models.indices { models[index].names = makeNames(models[index], layers: layers) }
        }
        for index in models.indices {
            let matrices = models[index].tensors.filter {
                $0.type.isFloat && $0.shape.count == 2 && $0.name.hasSuffix(".weight")
            }
            // Beside weights of 8 bits integers look like packed ones.
            let hasPacked = models[index].tensors.contains {
                $0.type.isInteger && $0.type != .i64 && $0.type != .bool
            }
            if !hasPacked, chance(0.2) {
                models[index].scaled = Set(matrices.map(\.name).filter { _ in chance(0.7) })
            }
            // Where tensors without elements lie in an archive is nobody's business.
            if models[index].scaled.isEmpty, chance(0.25),
                !models[index].tensors.contains(where: { $0.shape.contains(0) })
            {
                models[index].torch = makeTorchStyle()
            }
        }
        if chance(0.5) {
            for number in 0..<self.number(1...3) {
                // Those of quantised models are refused.
                let bases = models.filter { $0.adapter == nil && $0.scaled.isEmpty }
                guard let base = bases.randomElement(using: &random) else { break }
                var adapted = base
                let adapter = makeAdapter(base, number)
                guard adapter.fits(base.tensors) else { continue }
                adapted.adapter = adapter
                models.append(adapted)
            }
        }
        return vocabulary
    }

    // MARK: Tokens

    private static let words =
        ["a", "b", "ab", "é", "\"q\"", "\\", " x", "日本", "<|im_start|>", "</s>", "#5", "w"]
        + (0..<90).map { "t\($0)" }

    private mutating func makeVocabularies(_ models: inout [ModelRecipe], _ vocabulary: Vocabulary) {
        let count = chance(0.7) ? self.number(2...20) : self.number(2...90)
        let width = pick([1, 3, 8, 17, 64, 130, 700])
        var first: ModelRecipe.Tokens?
        for index in models.indices {
            var tokens: ModelRecipe.Tokens
            if let first, vocabulary == .padded || chance(0.3) {
                tokens = first
                tokens.seed = random.next()
            } else {
                tokens = makeTokens(count, hasHoles: vocabulary == .byToken)
            }
            first = first ?? tokens
            let last = (tokens.own.values.max() ?? 0, tokens.added.values.max() ?? 0)
            let end = max(last.0, last.1) + 1
            let rows = max(1, end + self.number(vocabulary == .padded ? 0...5 : -2...3))
            tokens.limit = vocabulary == .byToken && chance(0.2) ? max(1, end - 1) : rows
            models[index].tokens = tokens
            let names = models[index].tensors.map(\.name)
            if !names.contains("model.embed_tokens.weight"), !names.contains("transformer.wte.weight") {
                let isTransformer = names.contains { $0.hasPrefix("transformer.") }
                models[index].tensors.append(
                    ModelRecipe.Tensor(
                        name: isTransformer ? "transformer.wte.weight" : "model.embed_tokens.weight",
                        type: .f32, shape: [], contents: TensorContents(kind: .weights, seed: 11)))
            }
            for place in models[index].tensors.indices
            where TokenizerRecipe.tokenTensors.contains(models[index].tensors[place].name) {
                models[index].tensors[place].shape = [rows, width]
                if !models[index].tensors[place].type.isFloat { models[index].tensors[place].type = .f32 }
            }
        }
    }

    private mutating func makeTokens(_ count: Int, hasHoles: Bool) -> ModelRecipe.Tokens {
        var words = Self.words.prefix(max(count, 12)).shuffled(using: &random)
        words.removeLast(words.count - max(1, min(words.count, number(count / 2...count))))
        var tokens = ModelRecipe.Tokens(own: [:], limit: 0, seed: random.next())
        var id = 0
        for word in words {
            if hasHoles, chance(0.1) { id += number(1...2) }
            if chance(0.3) {
                tokens.added[word] = id
                // Files have them twice, as a rule.
                if chance(0.5) { tokens.own[word] = id }
            } else {
                tokens.own[word] = id
            }
            id += 1
        }
        return tokens
    }

    /// A setting that names models which take part.
    mutating func makeTokenizer(_ recipe: Recipe, _ models: [ModelRecipe]) -> TokenizerRecipe {
        let taking = Array(
            Set(recipe.sources.map(\.model) + (recipe.base.map { [$0] } ?? [])).filter { $0 < models.count }
        ).sorted()
        let source: ReferenceVocabulary.Source = pick([.union, .union, .base, .model(pick(taking))])
        var setting = TokenizerRecipe(source: source, isLong: chance(0.3))
        guard chance(0.5) else { return setting }
        if chance(0.5) { setting.multiple = number(1...9) }
        for word in (Self.words.prefix(20) + ["new", "new2"]).shuffled(using: &random).prefix(number(0...4)) {
            var entry = ReferenceVocabulary.Entry(token: word, isForced: chance(0.5))
            let model = pick(taking)
            let tokens = models[model].tokens!
            let known = tokens.own.merging(tokens.added) { $1 }
            switch number(0...5) {
            case 0: entry.row = .zero
            case 1: entry.row = .id(model, number(0...max(0, known.count - 1)))
            case 2: entry.row = known.keys.sorted().randomElement(using: &random).map { .token(model, $0) }
            case 3 where known[word] != nil || chance(0.1): entry.row = .model(model)
            default: break
            }
            setting.entries.append(entry)
        }
        return setting
    }

    // MARK: Names and files

    private mutating func makeNames(_ model: ModelRecipe, layers: Int) -> NameStyle {
        let wrapper = NameStyle.wrapped(pick(NameStyle.wrappers))
        // By their layers alone names are known to be other ones.
        guard layers > 0, chance(0.7) else { return chance(0.5) ? wrapper : .plain }
        let isTransformer = model.tensors.contains { $0.name.hasPrefix("transformer.") }
        let stem = isTransformer ? "transformer." : "model."
        let hasOthers = model.tensors.contains { tensor in
            !tensor.name.hasPrefix(stem) && !tensor.name.hasPrefix("lm_head.")
                && !tensor.name.hasPrefix("extra.")
        }
        let inner = isTransformer ? .plain : pick(NameStyle.inners)
        return pick([.plain, wrapper, hasOthers ? .plain : .bare(stem: stem), inner])
    }

    private mutating func makeTorchStyle() -> TorchFile.Style {
        TorchFile.Style(
            alignment: pick([0, 1, 3, 8, 64, 4096]), isWide: chance(0.3), hasDescriptors: chance(0.5),
            isPlain: chance(0.5), wrapper: chance(0.3) ? pick(["state_dict", "model"]) : nil,
            pickleVersion: pick([2, 4]), byteOrder: chance(0.7) ? "little" : nil)
    }

    private mutating func makeAdapter(_ base: ModelRecipe, _ number: Int) -> AdapterRecipe {
        var adapter = AdapterRecipe(
            name: pick(["ad\(number)", "Org/ad-\(number)"]), parts: [:],
            rank: chance(0.3) ? 8 : self.number(1...16), alpha: pick([1, 8, 16, 7.5, 0.5, -2]))
        adapter.usesRootOfRank = chance(0.3)
        adapter.hasInputsFirst = chance(0.15)
        adapter.isTorch = chance(0.2)
        adapter.alignment = chance(0.5) ? nil : self.number(0...4095)
        adapter.namesCopies = chance(0.5)
        adapter.isTerse = chance(0.5)
        adapter.hasRankExpressions = chance(0.3)
        let rank = chance(0.6) ? adapter.rank : nil
        for tensor in base.tensors where chance(0.6) && tensor.type.isFloat {
            let kind: AdapterRecipe.Kind
            if chance(0.15) || tensor.shape.count < 2 {
                guard chance(0.4) else { continue }
                kind = .saved
            } else if tensor.shape.count == 2,
                tensor.name.hasSuffix("embed_tokens.weight") || tensor.name.hasSuffix("wte.weight")
            {
                kind = .embedding
            } else {
                let mayHaveLengths = !adapter.hasInputsFirst && tensor.shape.count == 2
                kind = mayHaveLengths && chance(0.2) ? .dora : .lora
            }
            adapter.parts[tensor.name] = AdapterRecipe.Part(
                kind: kind, rank: rank ?? self.number(1...9), type: pick([.f32, .bf16, .f16]),
                seed: random.next())
        }
        let patterns = [
            "up_proj", "mlp.down_proj", "q_proj", "lm_head", #".*layers\.1\..*"#,
            #"model\.layers\.0\.mlp\.\w+"#,
            "embed_tokens", "attn.scale", "self_attn.[qo]_proj", "up.proj", "self.attn.q_pro.",
            "mlp...._proj",
            "^model.layers.0.mlp.up_proj", "k_proj|v_proj", "down_proj$", "_proj", ".*",
        ]
        if chance(0.4) {
            adapter.alphas = patterns.shuffled(using: &random).prefix(self.number(1...3)).map {
                ($0, pick([2, 3.5, 32]))
            }
        }
        return adapter
    }
}
