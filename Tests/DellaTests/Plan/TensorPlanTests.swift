import StreamIO
import SystemPackage
import Testing

@testable import Della

/// Where each output tensor comes from.
@Suite struct TensorPlanTests {
    private func merges(_ plan: MergePlan) -> [String: TensorMerge] {
        var merges: [String: TensorMerge] = [:]
        for tensor in plan.shards.flatMap(\.tensors) {
            if case .merge(let merge) = tensor.source { merges[tensor.name] = merge }
        }
        return merges
    }

    /// The tensor of a model that an input is.
    private func name(_ input: InputTensor, in plan: MergePlan) throws -> String {
        let path = plan.inputs[input.file].path
        let checkpoint = try Checkpoint(opening: path.removingLastComponent())
        return try #require(
            checkpoint.tensors.first { $0.offset == input.offset && $0.byteCount == input.byteCount }
        )
        .name
    }

    @Test func aFrankenmergesLayersComeFromWhereTheConfigSays() throws {
        let models = try TinyModels()
        try models.makeModels(namedIn: "Test/Base Test/One Test/Two Test/Three")
        let text = String(decoding: try TestResources.read("mergekit/rules/frankenmerge.yml"), as: UTF8.self)
        let plan = try models.plan(text)
        let merges = merges(plan)
        // Slices of 3, 3 and 4 layers, from the base's 0, 1 and 2.
        let q = "self_attn.q_proj.weight"
        for (output, base, models) in [
            (0, 0, [0, 2]), (2, 2, [2, 4]), (3, 1, [1]), (5, 3, [3]), (6, 2, [2]), (9, 5, [5]),
        ] {
            let merge = try #require(merges["model.layers.\(output).\(q)"])
            #expect(try name(#require(merge.reference), in: plan) == "model.layers.\(base).\(q)")
            #expect(
                try merge.inputs.map { try name($0, in: plan) }
                    == models.map { "model.layers.\($0).\(q)" })
            #expect(merge.deltas?.terms.map(\.ordinal) == Array(models.indices))
        }
        #expect(merges["model.layers.10.\(q)"] == nil)
        // Tensors are written in the base's order; copies of a layer stand together.
        let names = plan.shards.flatMap(\.tensors).map(\.name)
        let first = try #require(names.firstIndex(of: "model.layers.2.\(q)"))
        #expect(Array(names[first...(first + 2)]) == [2, 4, 6].map { "model.layers.\($0).\(q)" })
    }

    @Test func aSliceWithoutLayersGivesWhatLiesBeyondThem() throws {
        let models = try TinyModels()
        try models.makeModels(namedIn: "Test/Base Test/One Test/Two")
        let plan = try models.plan(
            """
            base_model: Test/Base
            merge_method: della_linear
            slices:
              - sources:
                  - {model: Test/Base, layer_range: [0, 6]}
                  - {model: Test/One, layer_range: [0, 6], parameters: {weight: 1}}
              - sources:
                  - {model: Test/Base, layer_range: [6, 6]}
                  - {model: Test/Two, layer_range: [6, 6], parameters: {weight: 0.5}}
            """)
        let merges = merges(plan)
        #expect(merges.count == 57)
        for (tensor, model) in [("model.embed_tokens.weight", "One"), ("lm_head.weight", "Two")] {
            #expect(merges[tensor]?.inputs.map { plan.modelNames[$0.model] } == ["Test/" + model])
        }
        #expect(
            merges["model.layers.5.mlp.up_proj.weight"]?.inputs.map { plan.modelNames[$0.model] } == [
                "Test/One"
            ])
    }

    @Test func aTiedHeadIsTheEmbedding() throws {
        let models = try TinyModels()
        try models.make("Test/Base")
        try models.make("Tied", shape: "mistral", layers: 6) {
            $0.removeLast()
        } editConfig: {
            $0["tie_word_embeddings"] = .bool(true)
        }
        let plan = try models.plan(Rule.model("Tied"))
        let head = try #require(merges(plan)["lm_head.weight"])
        #expect(try name(#require(head.reference), in: plan) == "lm_head.weight")
        #expect(try name(head.inputs[0], in: plan) == "model.embed_tokens.weight")
    }

    /// A model whose head is tied as the config says: stored all the same, or not.
    private func makeTied(_ models: TinyModels, _ name: String, ties: Bool?, storesHead: Bool) throws {
        try models.make(name, shape: "mistral", layers: 6) {
            if !storesHead { $0.removeLast() }
        } editConfig: {
            $0["tie_word_embeddings"] = ties.map { .bool($0) }
        }
    }

    @Test func aHeadOfAModelsOwnGetsThereWhereTheBasesIsTied() throws {
        let models = try TinyModels()
        try makeTied(models, "BaseTied", ties: true, storesHead: false)
        try makeTied(models, "BaseStored", ties: true, storesHead: true)
        try makeTied(models, "OneOwn", ties: false, storesHead: true)
        for base in ["BaseTied", "BaseStored"] {
            let plan = try models.plan(Rule.model("OneOwn", base: base))
            let head = try #require(merges(plan)["lm_head.weight"])
            let isStored = base == "BaseStored"
            #expect(
                try name(#require(head.reference), in: plan)
                    == (isStored ? "lm_head.weight" : "model.embed_tokens.weight"))
            #expect(try name(head.inputs[0], in: plan) == "lm_head.weight")
            #expect(try json("config.json", of: plan)["tie_word_embeddings"] == .bool(false))
            #expect(
                plan.warnings == [
                    "line 4: OneOwn has a head of its own, and the head of \(base) is its embedding: the output has a "
                        + "head of its own too, and tie_word_embeddings is false"
                ])
        }
    }

    @Test(arguments: [true, false]) func aCopyOfATiedHeadIsNoHeadOfItsOwn(isSaid: Bool) throws {
        let models = try TinyModels()
        try makeTied(models, "BaseTied", ties: true, storesHead: false)
        // Where the config says nothing, the bytes decide: all are zero here.
        try makeTied(models, "OneStored", ties: isSaid ? true : nil, storesHead: true)
        let plan = try models.plan(Rule.model("OneStored", base: "BaseTied"))
        #expect(merges(plan)["lm_head.weight"] == nil)
        #expect(try json("config.json", of: plan)["tie_word_embeddings"] == .bool(true))
        #expect(plan.warnings == [])
        try models.make("OneUnsaid", shape: "mistral", layers: 6) {
            $0[$0.count - 1].bytes = Array(repeating: 1, count: 64)
        } editConfig: {
            $0["tie_word_embeddings"] = nil
        }
        let other = try models.plan(Rule.model("OneUnsaid", base: "BaseTied"))
        #expect(merges(other)["lm_head.weight"] != nil && other.warnings.count == 1)
    }

    @Test func aHeadOfItsOwnIsNamedAsInTheBasesFamily() throws {
        let models = try TinyModels()
        try models.make("Test/One")
        try models.make("Inner", shape: "mistral", layers: 6) { tensors in
            tensors.removeLast()
            for index in tensors.indices { tensors[index].name = "language_model." + tensors[index].name }
        } editConfig: { config in
            let text = [("num_hidden_layers", JSON.int(6)), ("tie_word_embeddings", .bool(true))]
            config = .object(JSONObject([("text_config", .object(JSONObject(text)))]))
        }
        let plan = try models.plan(Rule.model("Test/One", base: "Inner"))
        let head = try #require(merges(plan)["language_model.lm_head.weight"])
        #expect(try name(head.inputs[0], in: plan) == "lm_head.weight")
        let config = try json("config.json", of: plan)
        #expect(config["tie_word_embeddings"] == .bool(false))
        #expect(config["text_config"]?["tie_word_embeddings"] == .bool(false))
    }

    private func json(_ name: String, of plan: MergePlan) throws -> JSON {
        guard case .text(let text) = plan.companions.first(where: { $0.name == name })?.content else {
            return .null
        }
        return try JSON(parsing: Array(text.utf8))
    }

    @Test func aMissingRotaryBufferIsTheBases() throws {
        let models = try TinyModels()
        try models.make("Test/One")
        try models.make("Rotary", shape: "mistral", layers: 6) {
            $0.append(.init(name: "model.layers.0.self_attn.rotary_emb.inv_freq", type: .f32, shape: [2]))
        }
        let plan = try models.plan(Rule.model("Test/One", base: "Rotary"))
        let name = "model.layers.0.self_attn.rotary_emb.inv_freq"
        let tensor = try #require(plan.shards.flatMap(\.tensors).first { $0.name == name })
        guard case .copy(let input) = tensor.source else {
            Issue.record("not copied")
            return
        }
        #expect(try self.name(input, in: plan) == name && input.model == 0)
    }

    @Test func typesThatDifferAreComputedInFloat32() throws {
        let models = try TinyModels()
        func make(_ name: String, _ types: [ElementType]) throws {
            let tensors = types.enumerated().map { TinyModels.Tensor(name: "t\($0)", type: $1, shape: [4]) }
            try models.writeModel(name, tensors: tensors, config: .object(JSONObject()))
        }
        try make("A", [.bf16, .bf16, .f16, .f64, .f32, .f64])
        try make("B", [.bf16, .f16, .f16, .f64, .f32, .f32])
        let plan = try models.plan(Rule.model("B", base: "A"))
        #expect(
            (0..<6).map { merges(plan)["t\($0)"]?.format } == [
                .bfloat16, .float32, .float16, .float32, .float32, .float32,
            ])
        let forced = try models.plan(Rule.model("B", base: "A") + "dtype: bfloat16\nout_dtype: float16\n")
        #expect(merges(forced).values.allSatisfy { $0.format == .bfloat16 })
        #expect(forced.shards[0].tensors.allSatisfy { $0.type == .f16 && $0.byteCount == 8 })
    }

    @Test func integersThatAgreeAreCopied() throws {
        let models = try TinyModels()
        let bytes = (0..<UInt8(24)).map { $0 }
        for name in ["A", "B"] {
            try models.make(name, shape: "mistral", layers: 2) {
                $0.append(.init(name: "ids", type: .i64, shape: [3], bytes: bytes))
            }
        }
        let plan = try models.plan(Rule.model("B", base: "A") + "dtype: float32\n")
        let tensor = try #require(plan.shards[0].tensors.first { $0.name == "ids" })
        guard case .copy(let input) = tensor.source else {
            Issue.record("not copied")
            return
        }
        #expect(tensor.type == .i64 && tensor.byteCount == 24)
        #expect(plan.inputs[input.file].path == models.folder.pushing("A/model.safetensors"))
    }

    @Test func aTextModelInsideAMultimodalOneIsFoundByItsNames() throws {
        let models = try TinyModels()
        try models.make("Test/Base")
        func rename(_ tensors: inout [TinyModels.Tensor], _ prefix: String, _ head: String) {
            for index in tensors.indices {
                let name = tensors[index].name
                tensors[index].name = name.hasPrefix("model.") ? prefix + name.dropFirst(6) : head
            }
        }
        for (name, prefix, head) in [
            ("Inner", "language_model.model.", "language_model.lm_head.weight"),
            ("Newer", "model.language_model.", "lm_head.weight"),
        ] {
            try models.make(name, shape: "mistral", layers: 6) {
                rename(&$0, prefix, head)
            } editConfig: { config in
                let text = JSON.object(JSONObject([("num_hidden_layers", .int(6))]))
                config = .object(JSONObject([("text_config", text)]))
            }
            for (base, other) in [("Test/Base", name), (name, "Test/Base")] {
                let plan = try models.plan(Rule.model(other, base: base))
                #expect(merges(plan).count == 57, "\(name)")
                let layer = try #require(
                    merges(plan).first { $0.key.hasSuffix("layers.5.mlp.up_proj.weight") })
                #expect(
                    try self.name(layer.value.inputs[0], in: plan).hasSuffix(
                        "layers.5.mlp.up_proj.weight"))
            }
        }
    }

    @Test func aModelWithoutLayersIsMergedWithTheGradientsFirstValues() throws {
        let models = try TinyModels()
        let tensors = ["encoder.a", "encoder.b"].map {
            TinyModels.Tensor(name: $0, type: .f32, shape: [2, 2])
        }
        for name in ["A", "B"] { try models.writeModel(name, tensors: tensors, config: .null) }
        let plan = try models.plan(
            "base_model: A\nmerge_method: della\nmodels: [{model: B, parameters: {weight: [0.25, 1]}}]\n")
        #expect(merges(plan).values.allSatisfy { $0.deltas?.terms[0].weight == 0.25 })
        #expect(!plan.companions.contains { $0.name == "config.json" })
    }

    @Test(arguments: [
        ("model.layers.9223372036854775807.mlp.weight", [4]), ("model.layers.99999.mlp.weight", [4]),
        ("empty.weight", [0, 1 << 62]), ("empty.weight", [1 << 30, 0, 1 << 62]),
    ])
    func numbersWithoutBoundInAHeaderAreNoHindrance(name: String, shape: [Int]) throws {
        let models = try TinyModels()
        for model in ["A", "B"] {
            try models.writeModel(
                model,
                tensors: [
                    .init(name: "first", type: .bf16, shape: [4]),
                    .init(name: name, type: .bf16, shape: shape),
                ],
                config: .object(JSONObject()))
        }
        let plan = try models.plan(Rule.model("B", base: "A"))
        let report = PlanReport(plan, memory: 64 << 20, threads: 2)
        #expect(report.budgetProblem == nil && !report.text.isEmpty)
        #expect(merges(plan)[name] != nil)
    }

    @Test func theSeedIsTheCallersThenTheConfigs() throws {
        let models = try TinyModels()
        try models.makeModels(namedIn: "Test/Base Test/One")
        let config = Rule.model("Test/One") + "dellad: {seed: 18446744073709551615, memory: 64M, retry: 3}\n"
        let plan = try models.plan(config)
        #expect(plan.seed == .max && plan.memoryLimit == 64 << 20 && plan.retries == 3)
        #expect(try models.plan(config, seed: 5).seed == 5)
    }

    @Test func mergekitCompatLeavesTheLambdaUnderAModelOut() throws {
        let models = try TinyModels()
        try models.makeModels(namedIn: "Test/Base Test/One")
        let config = Rule.parameters(
            "weight: 1\nlambda: [{filter: mlp, value: [0, 1]}, {filter: norm, value: 0.5}]")
        let own = merges(try models.plan(config))
        #expect(own["model.layers.5.mlp.up_proj.weight"]?.deltas?.terms[0].lambda == 1)
        #expect(own["model.layers.0.mlp.up_proj.weight"]?.deltas?.terms[0].lambda == 0)
        #expect(own["model.norm.weight"]?.deltas?.terms[0].lambda == 0.5)
        #expect(own["lm_head.weight"]?.deltas?.terms[0].lambda == 1)
        let compatible = merges(try models.plan(config + "dellad: {mergekit_compat: true}\n"))
        #expect(compatible.values.allSatisfy { $0.deltas?.terms[0].lambda == 1 && $0.deltas?.lambda == 1 })
    }

    @Test func aModelsOwnLambdaReplacesTheMerges() throws {
        let models = try TinyModels()
        try models.makeModels(namedIn: "Test/Base Test/One Test/Two")
        let config = """
            base_model: Test/Base
            merge_method: della
            models:
              - {model: Test/One, parameters: {lambda: [{filter: mlp, value: 0.9}, {filter: q_proj, value: 0.5}]}}
              - {model: Test/Two}
            parameters: {weight: 1, lambda: [{filter: q_proj, value: 0.5}, {value: 0.8}]}
            """
        func lambdas(_ name: String, _ config: String) throws -> [Double] {
            let merge = try #require(merges(try models.plan(config))[name])
            let rule = try #require(merge.deltas)
            return [rule.lambda] + rule.terms.map(\.lambda)
        }
        #expect(try lambdas("model.layers.1.mlp.up_proj.weight", config) == [1, 0.9, 0.8])
        #expect(try lambdas("model.layers.1.self_attn.q_proj.weight", config) == [1, 0.5, 0.5])
        #expect(try lambdas("model.norm.weight", config) == [0.8, 1, 1])
        let compatible = config + "\ndellad: {mergekit_compat: true}\n"
        #expect(try lambdas("model.layers.1.mlp.up_proj.weight", compatible) == [0.8, 1, 1])
    }

    @Test func theSameConfigGivesTheSamePlan() throws {
        let models = try TinyModels()
        try models.makeModels(namedIn: "Test/Base Test/One Test/Two")
        let text = String(decoding: try TestResources.read("mergekit/rules/filters.yml"), as: UTF8.self)
        #expect(try models.plan(text) == models.plan(text))
    }

    @Test(arguments: [
        ("model.layers.12.mlp.up_proj.weight", "model.layers.", 12),
        ("transformer.h.0.ln_1.bias", "transformer.h.", 0),
        ("h.3.x", "h.", 3), ("decoder.block.1.layer.0.w", "decoder.block.", 1),
        ("visual.blocks.7.norm", "visual.blocks.", 7),
    ])
    func aLayerIsTheNumberAfterTheFirstContainer(name: String, stack: String, layer: Int) throws {
        let position = try #require(LayerPosition(name))
        #expect(position.stack == stack && position.layer == layer)
        #expect(position.name(inLayer: layer) == name)
    }

    @Test(arguments: [
        "model.norm.weight", "model.layers.weight", "model.layers.3", "mylayers.3.x", "layers.x.3.y",
        "model.layers.100000.x", "model.layers.9223372036854775807.x", "model.layers.9223372036854775808.x",
    ])
    func otherNamesHaveNoLayer(name: String) {
        #expect(LayerPosition(name) == nil)
    }
}
