@testable import MergeReference

extension CaseGenerator {
    /// Checkpoints of one architecture, with the oddities that checkpoints have.
    mutating func makeModels(layers: Int, atLeast least: Int) -> [ModelRecipe] {
        let count = max(least, pick([2, 2, 3, 3, 4, 6]))
        let isTransformer = chance(0.2)
        let stack = isTransformer ? "transformer.h." : "model.layers."
        var tensors = makeTensors(
            outside: isTransformer
                ? ["transformer.wte.weight", "transformer.ln_f.weight", "lm_head.weight"]
                : ["model.embed_tokens.weight", "model.norm.weight", "lm_head.weight", "model.bias"],
            stack: stack, layers: layers)
        // A head may be missing where it is the embedding.
        let embedding = tensors.first {
            $0.name.hasSuffix("embed_tokens.weight") || $0.name.hasSuffix("wte.weight")
        }
        let head = tensors.firstIndex { $0.name == "lm_head.weight" }
        let mayTie = embedding != nil && head != nil && chance(0.3)
        if mayTie, let embedding, let head { tensors[head].shape = embedding.shape }
        let hasFrequencies = layers > 0 && chance(0.1)
        let buffer = chance(0.1) ? makeBuffer(stack: stack, layers: layers) : nil
        let scheme = number(0...2)
        let common = pick(StoredType.floats)
        return (0..<count).map { number in
            let own = pick(StoredType.floats)
            var mine = tensors
            for index in mine.indices where mine[index].type.isFloat {
                mine[index].type = scheme == 0 ? common : scheme == 1 ? own : pick(StoredType.floats)
            }
            var ties: Bool? = chance(0.3) ? true : nil
            if mayTie, number > 0, chance(0.5) {
                mine.removeAll { $0.name == "lm_head.weight" }
            } else if !mayTie {
                ties = chance(0.3) ? false : nil
            }
            if hasFrequencies, number == 0 || chance(0.5) {
                mine.append(
                    ModelRecipe.Tensor(
                        name: "\(stack)0.attn.rotary_emb.inv_freq", type: .f32, shape: [8],
                        contents: TensorContents(kind: .weights, seed: 3)))
            }
            if let buffer, number == 0 || chance(0.5) { mine.append(buffer) }
            if number > 0, chance(0.15) {
                mine.append(
                    ModelRecipe.Tensor(
                        name: "extra.\(number).weight", type: own, shape: [3, 5],
                        contents: TensorContents(kind: .weights, seed: 5)))
            }
            return arrange(mine, number: number, layers: layers, ties: ties)
        }
    }

    /// What old versions of programs store and new ones compute.
    private mutating func makeBuffer(stack: String, layers: Int) -> ModelRecipe.Tensor {
        let contents = TensorContents(kind: .weights, seed: 7)
        if layers > 0, chance(0.5) {
            return ModelRecipe.Tensor(
                name: "\(stack)\(layers - 1).attn.masked_bias", type: .f32, shape: [], contents: contents)
        }
        return chance(0.5)
            ? ModelRecipe.Tensor(
                name: "embeddings.position_ids", type: .i64, shape: [1, number(1...40)], contents: contents)
            : ModelRecipe.Tensor(
                name: "bn.num_batches_tracked", type: .i64, shape: [], contents: contents)
    }

    /// A model's files: an order of its own, several files, and data that begin anywhere.
    private mutating func arrange(
        _ tensors: [ModelRecipe.Tensor], number: Int, layers: Int, ties: Bool?
    ) -> ModelRecipe {
        var tensors = chance(0.7) ? tensors.shuffled(using: &random) : tensors
        let files = min(pick([1, 1, 1, 2, 3]), tensors.count)
        for index in tensors.indices { tensors[index].file = self.number(0...files - 1) }
        let alignments = (0..<files).map { _ -> Int? in
            pick([nil, 0, 0, 0, 1, 2, 4092, 2048, self.number(0...4095)])
        }
        let name = pick(["m\(number)", "Org/model-\(number)", "org.x/M_\(number)"])
        return ModelRecipe(
            name: name, number: number, tensors: tensors, alignments: alignments, layers: layers,
            tiesHead: ties)
    }

    private mutating func makeTensors(outside: [String], stack: String, layers: Int) -> [ModelRecipe.Tensor] {
        var size = chance(0.5) ? 2_000 : chance(0.7) ? 20_000 : chance(0.9) ? 90_000 : 400_000
        var tensors: [ModelRecipe.Tensor] = []
        for name in outside where chance(0.65) { tensors.append(makeTensor(name, &size)) }
        let suffixes = [
            "self_attn.q_proj.weight", "self_attn.o_proj.weight", "mlp.up_proj.weight",
            "mlp.down_proj.weight",
            "mlp.experts.weight", "input_layernorm.weight", "attn.scale", "mlp.table",
        ]
        let chosen = Array(suffixes.shuffled(using: &random).prefix(number(1...4)))
        for suffix in chosen {
            var likeness = makeTensor(suffix, &size)
            for layer in 0..<layers {
                likeness.name = "\(stack)\(layer).\(suffix)"
                likeness.contents.seed = random.next()
                if chance(0.3) { likeness.contents.kind = makeKind() }
                tensors.append(likeness)
            }
        }
        if tensors.isEmpty { tensors.append(makeTensor("model.embed_tokens.weight", &size)) }
        // In a checkpoint of integers alone there is nothing to merge.
        if tensors.allSatisfy({ !$0.type.isFloat }) { tensors[0].type = .f32 }
        return tensors
    }

    private mutating func makeTensor(_ name: String, _ size: inout Int) -> ModelRecipe.Tensor {
        let isInteger = chance(0.07)
        let tensor = ModelRecipe.Tensor(
            name: name, type: isInteger ? pick([.i64, .i32, .u8, .bool, .i16]) : .f32,
            shape: makeShape(size), contents: TensorContents(kind: makeKind(), seed: random.next()))
        // One large tensor is enough.
        if tensor.shape.reduce(1, *) > 20_000 { size = 2_000 }
        return tensor
    }

    private mutating func makeKind() -> TensorContents.Kind {
        chance(0.6) ? .weights : pick(TensorContents.Kind.allCases)
    }

    /// A shape of at most `size` elements.
    private mutating func makeShape(_ size: Int) -> [Int] {
        let rank = pick([0, 1, 1, 2, 2, 2, 2, 2, 3, 4])
        guard rank > 0 else { return [] }
        if chance(0.03) { return Array([0, 5, 3, 2].prefix(rank).shuffled(using: &random)) }
        let lengths = [
            1, 2, 3, 5, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 127, 128, 129, 255, 256, 257, 300, 512,
            1000, 1024, 1536, 2048, 4096, 5000,
        ]
        let row = min(pick(lengths), size)
        var shape = [row]
        var room = size / row
        for dimension in 1..<max(rank, 1) {
            let length =
                dimension == rank - 1 && chance(0.5) ? max(1, room) : number(1...max(1, min(room, 40)))
            shape.insert(length, at: 0)
            room /= length
        }
        return shape
    }
}
