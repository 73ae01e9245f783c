import StreamIO
import SystemPackage
import Testing

@testable import Della

/// Tensors that a model need not have: buffers, copies, and parts of multimodal models.
@Suite struct StandInTests {
    /// A tensor that old versions stored, beside the weights of its model.
    struct Buffer: Sendable, CustomTestStringConvertible {
        var name: String
        var type = ElementType.f32
        var shape: [Int]

        var testDescription: String { "\(name) \(type) \(shape)" }
    }

    static let buffers = [
        Buffer(name: "h.0.attn.bias", shape: [1, 1, 4, 4]), Buffer(name: "h.0.attn.masked_bias", shape: []),
        Buffer(name: "h.0.attn.bias", type: .bool, shape: [1, 1, 4, 4]),
        Buffer(name: "gpt_neox.layers.0.attention.bias", type: .u8, shape: [1, 1, 4, 4]),
        Buffer(name: "gpt_neox.layers.0.attention.masked_bias", shape: []),
        Buffer(name: "gpt_neox.layers.0.attention.rotary_emb.inv_freq", shape: [2]),
        Buffer(name: "transformer.h.0.attn.attention.bias", shape: [1, 1, 4, 4]),
        Buffer(name: "model.layers.0.self_attn.rotary_emb.inv_freq", type: .bf16, shape: [2]),
        Buffer(name: "bert.embeddings.position_ids", type: .i64, shape: [1, 4]),
        Buffer(name: "stem.norm.num_batches_tracked", type: .i64, shape: []),
        Buffer(name: "final_logits_bias", shape: [1, 8]),
        Buffer(name: "model.encoder.version", shape: [1]),
    ]

    /// Weights that are called almost as a buffer is.
    static let weights = [
        Buffer(name: "h.0.attn.c_attn.bias", shape: [12]), Buffer(name: "h.0.attn.bias", shape: [4]),
        Buffer(name: "layers.0.attention.bias", shape: [1, 1, 4, 3]),
        Buffer(name: "h.0.attn.bias", shape: [1, 2, 4, 4]),
        Buffer(name: "model.layers.0.mlp.inv_freq_proj.weight", shape: [4]),
        Buffer(name: "embeddings.position_embeddings.weight", shape: [4, 4]),
    ]

    static let methods = [
        NamedModel.halves, NamedModel.halves + "\ndtype: bfloat16\n",
        "base_model: Base\nmerge_method: linear\nmodels: [{model: Base, parameters: {weight: 0.25}}, "
            + "{model: Model, parameters: {weight: 0.25}}]\nparameters: {normalize: false}\n",
    ]

    private static let weight = NamedModel.tensor("w.weight", [4], [1, 2, 3, 4])

    private static func tensor(_ buffer: Buffer) -> TinyModels.Tensor {
        let count = buffer.shape.reduce(1, *) * buffer.type.bitWidth / 8
        return TinyModels.Tensor(
            name: buffer.name, type: buffer.type, shape: buffer.shape,
            bytes: (0..<count).map { buffer.type == .bool ? UInt8($0 % 2) : UInt8($0 % 60 + 1) })
    }

    private func write(
        _ models: TinyModels, _ name: String, _ tensors: [TinyModels.Tensor],
        _ config: String = "{\"num_hidden_layers\": 1}"
    )
        throws
    {
        try models.writeModel(name, tensors: tensors, config: JSON(parsing: Array(config.utf8)))
    }

    private func bytes(_ name: String, in folder: FilePath) throws -> (ElementType, [UInt8])? {
        let checkpoint = try Checkpoint(opening: folder)
        guard let tensor = checkpoint.tensor(named: name) else { return nil }
        let file = try OpenFile.forReading(checkpoint.shards[tensor.shard].path, direct: false)
        return (tensor.type, try file.read(upTo: Int(tensor.byteCount), at: tensor.offset))
    }

    @Test(arguments: buffers, methods)
    func aBufferThatTheModelLacksIsTheBasesBytes(buffer: Buffer, method: String) throws {
        let models = try TinyModels()
        try write(models, "Base", [Self.weight, Self.tensor(buffer)])
        try write(models, "Model", [Self.weight])
        _ = try NamedModel.merged(try models.plan(method), in: models.folder)
        let found = try #require(try bytes(buffer.name, in: models.folder.appending("output")))
        #expect(found.0 == buffer.type && found.1 == Self.tensor(buffer).bytes)
    }

    @Test(arguments: buffers, methods)
    func aBufferThatOnlyTheModelHasIsNoNews(buffer: Buffer, method: String) throws {
        let models = try TinyModels()
        try write(models, "Base", [Self.weight])
        try write(models, "Model", [Self.weight, Self.tensor(buffer)])
        let plan = try models.plan(method)
        #expect(!plan.warnings.contains { $0.contains(buffer.name) })
        #expect(plan.shards.flatMap(\.tensors).map(\.name) == ["w.weight"])
    }

    @Test(arguments: weights)
    func aWeightThatIsCalledAlmostAsABufferIsMissed(weight: Buffer) throws {
        let models = try TinyModels()
        try write(models, "Base", [Self.weight, Self.tensor(weight)])
        try write(models, "Model", [Self.weight])
        #expect(
            models.report(NamedModel.halves).map { $0.contains("has no tensor \(weight.name)") } == [true])
    }

    @Test func masksOfOtherTypesAndCountersThatDifferAreTheBases() throws {
        let models = try TinyModels()
        let mask = Buffer(name: "h.0.attn.bias", shape: [1, 1, 4, 4])
        let counter = Buffer(name: "norm.num_batches_tracked", type: .i64, shape: [])
        var otherMask = mask, otherCounter = Self.tensor(counter)
        otherMask.type = .bool
        otherCounter.bytes = Array(repeating: 9, count: 8)
        try write(models, "Base", [Self.tensor(mask), Self.tensor(counter)])
        try write(models, "Model", [Self.tensor(otherMask), otherCounter])
        _ = try NamedModel.merged(try models.plan(NamedModel.halves), in: models.folder)
        for buffer in [mask, counter] {
            let found = try #require(try bytes(buffer.name, in: models.folder.appending("output")))
            #expect(found.0 == buffer.type && found.1 == Self.tensor(buffer).bytes)
        }
    }

    // MARK: Copies

    /// The copy, what it is one of, and what the config says of ties.
    static let copies: [(copy: String, original: String, config: String)] = [
        ("model.shared.weight", "model.decoder.embed_tokens.weight", "{}"),
        ("model.encoder.embed_tokens.weight", "model.shared.weight", "{}"),
        ("decoder.embed_tokens.weight", "shared.weight", "{\"tie_word_embeddings\": false}"),
        ("proj_out.weight", "model.decoder.embed_tokens.weight", "{}"),
        ("lm_head.weight", "shared.weight", "{\"tie_word_embeddings\": true}"),
        ("lm_head.weight", "model.shared.weight", "{}"),
        ("cls.predictions.decoder.weight", "bert.embeddings.word_embeddings.weight", "{}"),
        ("cls.predictions.decoder.bias", "cls.predictions.bias", "{}"),
        ("lm_head.decoder.weight", "roberta.embeddings.word_embeddings.weight", "{}"),
        ("lm_head.decoder.bias", "lm_head.bias", "{}"),
        ("vocab_projector.weight", "distilbert.embeddings.word_embeddings.weight", "{}"),
    ]

    @Test(arguments: copies)
    func aCopyThatTheModelLeavesOutIsItsOriginal(copy: String, original: String, config: String)
        throws
    {
        let models = try TinyModels()
        func tensor(_ name: String, _ model: Int) -> TinyModels.Tensor {
            NamedModel.tensor(name, [8, 4], NamedModel.values(name, [8, 4], model: model))
        }
        try write(models, "Base", [tensor(copy, 0), tensor(original, 0), Self.weight], config)
        try write(models, "Model", [tensor(original, 1), Self.weight], config)
        let merged = try NamedModel.merged(try models.plan(NamedModel.halves), in: models.folder)
        let other = NamedModel.values(original, [8, 4], model: 1)
        for name in [copy, original] {
            let base = NamedModel.values(name, [8, 4], model: 0)
            #expect(merged[name] == zip(base, other).map { $0 + ($1 - $0) / 2 }, "\(name)")
        }
        // The other way round there is nothing to say of it.
        let plan = try models.plan(
            "base_model: Model\nmerge_method: task_arithmetic\nmodels: [{model: Base, parameters: {weight: 1}}]\n"
        )
        #expect(!plan.warnings.contains { $0.contains("left out") })
    }

    @Test func aHeadThatIsNotTiedIsMissed() throws {
        let models = try TinyModels()
        let names = ["lm_head.decoder.weight", "roberta.embeddings.word_embeddings.weight"]
        let tensors = names.map { NamedModel.tensor($0, [8, 4], NamedModel.values($0, [8, 4], model: 0)) }
        try write(models, "Base", tensors, "{\"tie_word_embeddings\": false}")
        try write(models, "Model", [tensors[1]], "{\"tie_word_embeddings\": false}")
        #expect(
            models.report(NamedModel.halves).map { $0.contains("has no tensor lm_head.decoder.weight") } == [
                true
            ])
    }

    // MARK: Parts

    static let parts = [
        "vision_tower.encoder.layers.0.fc.weight", "model.vision_tower.timm_model.blocks.0.fc.weight",
        "visual.blocks.0.fc.weight", "model.visual.merger.weight", "multi_modal_projector.linear_1.weight",
        "audio_tower.layers.0.fc.weight", "model.connector.proj.weight", "image_newline", "mlp1.0.weight",
        "vision_model.encoder.layers.0.fc.weight", "model.mm_projector.0.weight",
    ]

    private static let text: [(String, [Int])] = [
        ("model.embed_tokens.weight", [8, 4]), ("model.layers.0.mlp.up_proj.weight", [4, 4]),
        ("model.layers.1.mlp.up_proj.weight", [4, 4]), ("lm_head.weight", [8, 4]),
    ]

    private static func textTensors(_ model: Int, prefix: String = "") -> [TinyModels.Tensor] {
        text.map { name, shape in
            NamedModel.tensor(prefix + name, shape, NamedModel.values(name, shape, model: model))
        }
    }

    private static let whole =
        "{\"model_type\": \"mistral3\", \"text_config\": {\"model_type\": \"mistral\", \"num_hidden_layers\": 2}, "
        + "\"vision_config\": {}}"
    private static let textOnly = "{\"model_type\": \"mistral\", \"num_hidden_layers\": 2}"

    @Test(arguments: parts, methods)
    func aPartThatATextModelCannotHaveIsTheBases(part: String, method: String) throws {
        let models = try TinyModels()
        let values: [Float] = [0.1, -1.7, 3e-5, 1234.567]
        let tensors = [NamedModel.tensor(part, [4], values), NamedModel.tensor(part + ".more", [4], values)]
        try write(models, "Base", Self.textTensors(0, prefix: "language_model.") + tensors, Self.whole)
        try write(models, "Model", Self.textTensors(1), Self.textOnly)
        let plan = try models.plan(method)
        let merged = try NamedModel.merged(plan, in: models.folder)
        // Rounded to bfloat16, to nearest, ties to even.
        let rounded = values.map { value in
            let pattern = value.bitPattern
            return Float(bitPattern: (pattern + 0x7FFF + (pattern >> 16 & 1)) & 0xFFFF_0000)
        }
        for name in [part, part + ".more"] {
            #expect(merged[name] == (method.contains("bfloat16") ? rounded : values))
        }
        #expect(
            plan.warnings.contains(
                "line 3: Model is a text model: 2 tensors of parts that it cannot have (\(part) (and 1 more)) are the base's"
            ))
        let name = Self.text[1].0
        let both = (0...1).map { NamedModel.values(name, [4, 4], model: $0) }
        if method == NamedModel.halves {
            #expect(merged["language_model." + name] == zip(both[0], both[1]).map { $0 + ($1 - $0) / 2 })
        }
        #expect(PlanReport(plan, memory: 64 << 20, threads: 1).text.contains("names     Model: "))
        // The reverse leaves the part out.
        let reverse = try models.plan(
            method.replacing("Base", with: "X").replacing("Model", with: "Base")
                .replacing("X", with: "Model"))
        let output = try NamedModel.merged(reverse, in: models.folder)
        #expect(Set(output.keys) == Set(Self.text.map(\.0)))
        #expect(reverse.warnings.contains { $0.contains("\(part) (and 1 more)") && $0.contains("left out") })
    }

    @Test func aModelThatShouldHaveThePartMissesIt() throws {
        let models = try TinyModels()
        let tower = NamedModel.tensor("vision_tower.w", [4], [1, 2, 3, 4])
        let other = NamedModel.tensor("vision_tower.v", [4], [1, 2, 3, 4])
        try write(models, "Base", Self.textTensors(0) + [tower, other], Self.whole)
        // One says that it has a tower, the other has a part of it.
        let cases: [(String, [TinyModels.Tensor])] = [(Self.whole, []), (Self.textOnly, [other])]
        for (config, tensors) in cases {
            try FileSystem.removeTree(models.folder.appending("Model"))
            try write(models, "Model", Self.textTensors(1) + tensors, config)
            #expect(models.report(NamedModel.halves).contains { $0.contains("has no tensor vision_tower.w") })
        }
    }

    @Test func aTextModelOfAnotherArchitectureIsNoPart() throws {
        let models = try TinyModels()
        try write(models, "Base", Self.textTensors(0, prefix: "language_model."), Self.whole)
        try write(
            models, "Model", Self.textTensors(1), "{\"model_type\": \"llama\", \"num_hidden_layers\": 2}")
        #expect(
            models.report(NamedModel.halves).map { $0.contains("is of the architecture llama") } == [true])
        let crime = try models.plan(NamedModel.halves + "\ndellad: {allow_crimes: true}\n")
        #expect(crime.warnings.contains { $0.contains("merged all the same, as allow_crimes says") })
    }

    @Test func bothClassesAreNamedWhereAHeadIsMissing() throws {
        let models = try TinyModels()
        let score = NamedModel.tensor("score.weight", [2, 4], Array(repeating: 1, count: 8))
        let causal = Self.textTensors(0), classifier = Array(Self.textTensors(1).dropLast()) + [score]
        for ties in ["false", "true"] {
            func config(_ name: String, _ ties: String) -> String {
                "{\"model_type\": \"llama\", \"architectures\": [\"\(name)\"], \"num_hidden_layers\": 2, "
                    + "\"tie_word_embeddings\": \(ties)}"
            }
            for name in ["Base", "Model"] { try FileSystem.removeTree(models.folder.appending(name)) }
            try write(models, "Base", causal, config("LlamaForCausalLM", "false"))
            try write(models, "Model", classifier, config("LlamaForSequenceClassification", ties))
            #expect(
                models.report(NamedModel.halves) == [
                    "merge.yml:3: Model is a LlamaForSequenceClassification and has no lm_head.weight, which the base, a "
                        + "LlamaForCausalLM, has (the heads of classes differ: merge models of one class)"
                ])
        }
    }
}
