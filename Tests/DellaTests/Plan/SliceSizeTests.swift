import StreamIO
import Testing

@testable import Della

/// Slices of models that differ in more than their weights: the output has one config.json.
@Suite struct SliceSizeTests {
    private static func slices(_ first: String, _ second: String, _ more: String = "") -> String {
        """
        merge_method: passthrough
        slices:
          - sources: [{model: \(first), layer_range: [0, 2]}]
          - sources: [{model: \(second), layer_range: [2, 4]}]
        \(more)
        """
    }

    private func models(
        _ edit: (inout [TinyModels.Tensor]) -> Void, config: (inout JSON) -> Void = { _ in }
    ) throws -> TinyModels {
        let models = try TinyModels()
        try models.make("A", shape: "mistral", layers: 4)
        try models.make("B", shape: "mistral", layers: 4, edit: edit, editConfig: config)
        return models
    }

    private static func resize(_ tensors: inout [TinyModels.Tensor], _ end: String, axis: Int, to size: Int) {
        for index in tensors.indices where tensors[index].name.hasSuffix(end) {
            tensors[index].shape[axis] = size
        }
    }

    /// Whatever has another size in a later slice cannot be loaded by the first's config.json.
    @Test(arguments: [
        ("mlp.up_proj.weight", 0), ("mlp.down_proj.weight", 1), ("self_attn.k_proj.weight", 0),
        ("input_layernorm.weight", 0), ("model.norm.weight", 0), ("lm_head.weight", 1),
    ])
    func aTensorOfAnotherSizeIsRefused(end: String, axis: Int) throws {
        let models = try models { Self.resize(&$0, end, axis: axis, to: 3) }
        let report = models.report(Self.slices("A", "B"))
        #expect(report.count == 1 && report[0].hasPrefix("merge.yml:4: B: "), "\(report)")
        #expect(
            report[0].contains("\(end) has the shape [") && report[0].contains(", the base's ["), "\(report)")
        // Either may be the first.
        let turned = models.report(Self.slices("B", "A"))
        #expect(turned.count == 1 && turned[0].hasPrefix("merge.yml:4: A: "), "\(turned)")
        // Each by itself is a model.
        #expect(models.report(Self.slices("B", "B")) == [])
    }

    /// A head is held against the head, whatever each model calls its own.
    @Test func theHeadOfAModelWithOtherNamesIsComparedWithTheHead() throws {
        func rename(_ tensors: inout [TinyModels.Tensor]) {
            for index in tensors.indices { tensors[index].name = "language_model." + tensors[index].name }
        }
        let models = try TinyModels()
        try models.make("A", shape: "mistral", layers: 4) { tensors in
            // Of another width than the embedding.
            Self.resize(&tensors, "lm_head.weight", axis: 1, to: 3)
        }
        try models.make("B", shape: "mistral", layers: 4) { tensors in
            Self.resize(&tensors, "lm_head.weight", axis: 1, to: 3)
            rename(&tensors)
        }
        #expect(models.report(Self.slices("A", "B")) == [])
        try models.make("C", shape: "mistral", layers: 4, edit: rename)
        let report = models.report(Self.slices("A", "C"))
        #expect(
            report.count == 1 && report[0].contains("language_model.lm_head.weight has the shape"),
            "\(report)"
        )
    }

    @Test func anotherVocabularyIsRefusedUnlessTokensAreMatched() throws {
        let models = try models {
            Self.resize(&$0, "embed_tokens.weight", axis: 0, to: 10)
            Self.resize(&$0, "lm_head.weight", axis: 0, to: 10)
        }
        try models.writeTokenizer(TinyModels.tokens + ["new", "newer"], of: "B")
        #expect(
            models.report(Self.slices("A", "B")) == [
                "merge.yml:4: B has a vocabulary of 10 tokens, the base of 8 (lm_head.weight) "
                    + "(write tokenizer: {source: base}, or union, to match tokens by name)"
            ])
        for source in ["union", "base", "B"] {
            let text = Self.slices("A", "B", "tokenizer: {source: \(source)}")
            #expect(models.report(text) == [], "\(source)")
        }
    }

    /// As of models whose layers were made narrower one by one.
    @Test func aModelWhoseOwnLayersDifferIsTakenAsItIs() throws {
        let models = try models { Self.resize(&$0, "layers.2.mlp.up_proj.weight", axis: 0, to: 3) }
        try models.make("C", shape: "mistral", layers: 4) {
            Self.resize(&$0, "layers.2.mlp.up_proj.weight", axis: 0, to: 3)
        }
        #expect(models.report(Self.slices("B", "C")) == [])
        #expect(models.report(Self.slices("B", "A")) == [])
    }

    @Test func tensorsThatTheFirstHasInNoLayerAreWarnedOf() throws {
        let models = try models { tensors in
            for layer in 0..<4 {
                tensors.append(
                    .init(name: "model.layers.\(layer).self_attn.q_proj.bias", type: .bf16, shape: [8]))
            }
        }
        let warnings = try models.plan(Self.slices("A", "B")).warnings
        #expect(
            warnings == [
                "line 4: B: model.layers.2.self_attn.q_proj.bias (and 1 more) are tensors that no layer of the model has "
                    + "whose config.json the output gets: a program that goes by it may leave them out"
            ])
        #expect(
            try models.plan(Self.slices("B", "A")).warnings == [
                "line 4: A has no tensor model.layers.2.self_attn.q_proj.bias (and 1 more), and all layers of the model have "
                    + "one whose config.json the output gets: a program that goes by it puts values of its own there"
            ])
    }

    @Test func slicesOfOtherTypesAreWarnedOfUnlessOneIsNamed() throws {
        let models = try TinyModels()
        try models.make("A", shape: "mistral", layers: 4)
        try models.make("B", shape: "mistral", layers: 4, type: .f16)
        #expect(
            try models.plan(Self.slices("A", "B")).warnings == [
                "line 4: B is in float16, A in bfloat16: the output has tensors of both (write dtype: or out_dtype: for "
                    + "one type)"
            ])
        for key in ["dtype", "out_dtype"] {
            #expect(try models.plan(Self.slices("A", "B", "\(key): bfloat16")).warnings == [], "\(key)")
        }
        #expect(try models.plan(Self.slices("A", "A")).warnings == [])
    }

    /// Where embedding and head are of two tied models, the output has a head, called as the model's program calls it.
    @Test(arguments: [
        ("model.", "lm_head"), ("transformer.", "lm_head"), ("", "lm_head"),
        ("language_model.model.", "language_model.lm_head"), ("model.language_model.", "lm_head"),
        ("module._orig_mod.transformer.", "module._orig_mod.lm_head"), ("module.model.", "module.lm_head"),
        ("base_model.model.model.language_model.", "base_model.model.lm_head"),
    ])
    func theHeadThatNoModelHasIsCalledAsItsProgramWould(prefix: String, head: String) throws {
        let models = try TinyModels()
        let config = try JSON(
            parsing: Array(#"{"num_hidden_layers": 2, "tie_word_embeddings": true}"#.utf8))
        for name in ["A", "B"] {
            try models.writeModel(
                name,
                tensors: [
                    "embed_tokens.weight", "layers.0.mlp.up_proj.weight", "layers.1.mlp.up_proj.weight",
                ]
                .map { .init(name: prefix + $0, type: .f32, shape: [4, 2]) },
                config: config)
        }
        let plan = try models.plan(
            """
            merge_method: passthrough
            slices:
              - sources: [{model: A, layer_range: [0, 1]}]
              - sources: [{model: B, layer_range: [1, 2]}]
            """)
        let names = plan.shards.flatMap { $0.tensors.map(\.name) }
        #expect(names.contains("\(head).weight"), "\(names)")
        #expect(names.count == 4, "\(names)")
    }

    /// Of two models that tie their heads, or have none: by class, and what is beside a head.
    @Test(
        arguments: [
            ("Qwen3ForCausalLM", "model.embed_tokens", [], "lm_head.weight"),
            ("GPT2LMHeadModel", "transformer.wte", [], "lm_head.weight"),
            ("Qwen3Model", "embed_tokens", [], nil), ("BertModel", "embeddings.word_embeddings", [], nil),
            ("Gemma2ForSequenceClassification", "model.embed_tokens", ["score.weight"], nil),
            (
                "BertForMaskedLM", "bert.embeddings.word_embeddings", ["cls.predictions.bias"],
                "cls.predictions.decoder.weight"
            ),
            (
                "RobertaForMaskedLM", "roberta.embeddings.word_embeddings",
                ["lm_head.bias", "lm_head.dense.weight"],
                "lm_head.decoder.weight"
            ),
            (
                "DistilBertForMaskedLM", "distilbert.embeddings.word_embeddings", ["vocab_projector.bias"],
                "vocab_projector.weight"
            ),
            ("ModernBertForMaskedLM", "model.embeddings.tok_embeddings", ["head.dense.weight"], nil),
        ] as [(String, String, [String], String?)])
    func onlyClassesWithAHeadForTokensGetOne(
        className: String, embedding: String, beside: [String], head: String?
    ) throws {
        let models = try Self.tied(className, embedding, beside)
        let plan = try models.plan(Self.halves)
        let names = plan.shards.flatMap { $0.tensors.map(\.name) }
        #expect(names.count == 3 + beside.count + (head == nil ? 0 : 1), "\(names)")
        #expect(head.map(names.contains) ?? true, "\(names)")
        let config = try #require(plan.companions.first { $0.name == "config.json" })
        guard case .text(let text) = config.content else {
            Issue.record("config.json is no text")
            return
        }
        #expect(text.contains(#""tie_word_embeddings": false"#) == (head != nil), "\(text)")
    }

    /// A decoder that is stored is the last's, and the config must not tie it to the first's embedding.
    @Test func aStoredDecoderOfAnotherModelIsUntied() throws {
        let models = try Self.tied(
            "BertForMaskedLM", "bert.embeddings.word_embeddings",
            ["cls.predictions.bias", "cls.predictions.decoder.weight"])
        let plan = try models.plan(Self.halves)
        #expect(plan.shards.flatMap(\.tensors).count == 5)
        #expect(plan.warnings.contains { $0.contains("tie_word_embeddings is false") }, "\(plan.warnings)")
    }

    private static let halves = """
        merge_method: passthrough
        slices:
          - sources: [{model: A, layer_range: [0, 1]}]
          - sources: [{model: B, layer_range: [1, 2]}]
        """

    /// Two models of two layers whose heads are their embeddings.
    private static func tied(_ className: String, _ embedding: String, _ beside: [String]) throws
        -> TinyModels
    {
        let models = try TinyModels()
        let config = try JSON(
            parsing: Array(
                #"{"architectures": ["\#(className)"], "num_hidden_layers": 2, "tie_word_embeddings": true}"#
                    .utf8))
        for name in ["A", "B"] {
            let layers = ["layers.0.mlp.up_proj.weight", "layers.1.mlp.up_proj.weight"]
            let prefix = embedding.split(separator: ".").first.map { "\($0)." } ?? ""
            let stack = embedding.contains(".embeddings.") || embedding.hasPrefix("model.") ? prefix : ""
            try models.writeModel(
                name,
                tensors: (["\(embedding).weight"] + layers.map { stack + $0 } + beside).map {
                    .init(name: $0, type: .f32, shape: [4, 2])
                }, config: config)
        }
        return models
    }
}
