import StreamIO
import SystemPackage
import Testing

@testable import Della

/// Tensors that an adapter saved whole: buffers of integers, and embeddings of more tokens than the base has.
@Suite struct SavedTensorTests {
    private static let module = "model.layers.0.q_proj", positions = "model.position_ids"
    private static let embedding = "model.embed_tokens.weight", head = "lm_head.weight"

    private static func tensor(_ name: String, _ shape: [Int], _ value: Float = 1) -> TinyModels.Tensor {
        NamedModel.tensor(name, shape, Array(repeating: value, count: shape.reduce(1, *)))
    }

    private static func integers(_ type: ElementType, _ byte: UInt8) -> TinyModels.Tensor {
        .init(
            name: positions, type: type, shape: [2], bytes: Array(repeating: byte, count: type.bitWidth / 4))
    }

    /// A base of four tokens, and an adapter of these whole tensors.
    ///
    /// - Parameter tokens: those of the tokenizer beside the adapter; `nil` for none.
    private func models(
        _ base: [TinyModels.Tensor], _ saved: [TinyModels.Tensor], tokens: Int? = nil,
        config: String = #"{"peft_type": "LORA", "r": 1, "lora_alpha": 4}"#
    ) throws -> TinyModels {
        let models = try TinyModels()
        let profile = try JSON(
            parsing: Array(#"{"model_type": "llama", "num_hidden_layers": 1, "vocab_size": 4}"#.utf8))
        try models.writeModel(
            "Base", tensors: [Self.tensor("\(Self.module).weight", [3, 2])] + base, config: profile)
        try models.writeTokenizer((0..<4).map { "t\($0)" }, of: "Base")
        let start = "base_model.model."
        try models.writeModel(
            "Adapter",
            tensors: [
                Self.tensor("\(start)\(Self.module).lora_A.weight", [1, 2]),
                Self.tensor("\(start)\(Self.module).lora_B.weight", [3, 1]),
            ]
                + saved.map {
                    .init(name: start + $0.name, type: $0.type, shape: $0.shape, bytes: $0.bytes)
                }, config: .null)
        try FileSystem.rename(
            models.folder.pushing("Adapter/model.safetensors"),
            to: models.folder.pushing("Adapter/adapter_model.safetensors"), replacing: false)
        try models.write(config, to: "Adapter/adapter_config.json")
        if let tokens { try models.writeTokenizer((0..<tokens).map { "t\($0)" }, of: "Adapter") }
        return models
    }

    private static let alone = "merge_method: passthrough\nmodels: [{model: Base+Adapter}]\n"
    private static func together(_ base: String, _ model: String, _ more: String = "") -> String {
        "merge_method: task_arithmetic\nbase_model: \(base)\nmodels: [{model: \(model), parameters: {weight: 1}}]\n"
            + more
    }

    // MARK: An embedding without its head

    private static let middle = """
        merge_method: passthrough
        slices:
          - sources: [{model: Base, layer_range: [0, 1]}]
          - sources: [{model: Base+Adapter, layer_range: [0, 1]}]
          - sources: [{model: Base, layer_range: [0, 1]}]
        """

    /// Its rows are matched, or padding, or not the output's.
    @Test(arguments: [
        together("Base", "Base+Adapter", "tokenizer_source: base\n"),
        together("Base", "Base+Adapter", "tokenizer_source: union\n"), together("Base", "Base+Adapter"),
        middle,
    ])
    func isMergedWhereItsRowsAreNotTheOutputs(config: String) throws {
        let models = try models(
            [Self.tensor(Self.embedding, [4, 2]), Self.tensor(Self.head, [4, 2])],
            [Self.tensor(Self.embedding, [6, 2])])
        let tensors = try models.plan(config).shards.flatMap(\.tensors)
        for name in [Self.embedding, Self.head] {
            #expect(tensors.first { $0.name == name }?.shape == [4, 2], "\(name)")
        }
    }

    @Test(arguments: [alone, together("Base+Adapter", "Base")])
    func isRefusedWhereItsRowsWouldBeTheOutputs(config: String) throws {
        let models = try models(
            [Self.tensor(Self.embedding, [4, 2]), Self.tensor(Self.head, [4, 2])],
            [Self.tensor(Self.embedding, [6, 2])])
        let report = models.report(config)
        #expect(
            report.contains {
                $0.contains(
                    "model.embed_tokens.weight has 6 rows, and lm_head.weight 4 (merge it into its base")
            }, "\(report)")
    }

    /// A tokenizer beside the adapter is of no weight where neither embedding nor head is taken from it.
    @Test func aMiddleSliceHasNoTokens() throws {
        let models = try models(
            [Self.tensor(Self.embedding, [4, 2]), Self.tensor(Self.head, [4, 2])],
            [Self.tensor(Self.embedding, [6, 2]), Self.tensor(Self.head, [6, 2])], tokens: 6)
        #expect(models.report(Self.middle) == [])
    }

    // MARK: Integers

    @Test(arguments: [alone, together("Base", "Base+Adapter"), together("Base+Adapter", "Base")])
    func buffersOfIntegersAreCopied(config: String) throws {
        let models = try models([Self.integers(.i64, 7)], [Self.integers(.i64, 7)])
        let merged = try NamedModel.merged(models.plan(config), in: models.folder)
        #expect(merged[Self.positions] == Array(repeating: 7, count: 16))
    }

    @Test func theAdaptersIntegersAreTheOnlyModels() throws {
        let models = try models([Self.integers(.i64, 7)], [Self.integers(.i64, 9)])
        let merged = try NamedModel.merged(models.plan(Self.alone), in: models.folder)
        #expect(merged[Self.positions] == Array(repeating: 9, count: 16))
        let report = models.report(Self.together("Base", "Base+Adapter"))
        #expect(
            report.count == 1 && report[0].contains("the integer tensor \(Self.positions) differs"),
            "\(report)")
    }

    @Test(
        arguments: [ElementType.u8, .bool, .i32, .i64],
        [alone, together("Base", "Base+Adapter"), together("Base+Adapter", "Base")])
    func integersForFloatsAreRefused(type: ElementType, config: String) throws {
        let float = Self.tensor(Self.positions, [2]), integer = Self.integers(type, 1)
        for (base, saved) in [(float, integer), (integer, float)] {
            let report = try models([base], [saved]).report(config)
            let expected =
                "\(Self.positions) is of type \(saved.type.rawValue), and the base's of type \(base.type.rawValue)"
            #expect(report.count == 1 && report[0].contains(expected), "\(report)")
        }
    }

    // MARK: Tokens

    private func grown(beside tokens: Int?) throws -> TinyModels {
        try models(
            [Self.tensor(Self.embedding, [4, 2]), Self.tensor(Self.head, [4, 2])],
            [Self.tensor(Self.embedding, [6, 2]), Self.tensor(Self.head, [6, 2])], tokens: tokens)
    }

    private static let rows = "\(head) has 6 rows in the adapter, 4 in the model"
    private static let lost = "the tokenizer beside the adapter has 6 tokens, the model's 4"

    @Test(arguments: [nil, 4, 6])
    func theVocabularyIsAsManyRowsAsAreWritten(tokens: Int?) throws {
        let plan = try grown(beside: tokens).plan(Self.alone)
        let config = try #require(plan.companions.first { $0.name == "config.json" })
        guard case .text(let text) = config.content else {
            Issue.record("\(config)")
            return
        }
        #expect(try JSON(parsing: Array(text.utf8))["vocab_size"] == .int(6))
        let shapes = plan.shards[0].tensors.map(\.shape)
        #expect(shapes.count { $0 == [6, 2] } == 2, "\(shapes)")
        #expect(plan.warnings.contains { $0.contains(Self.rows) }, "\(plan.warnings)")
        #expect(plan.warnings.contains { $0.contains(Self.lost) } == (tokens == 6), "\(plan.warnings)")
    }

    /// Without an own tokenizer nothing says that the rows are more than padding.
    @Test func rowsOfTokensOfItsOwnAreNoPadding() throws {
        let config = Self.together("Base", "Base+Adapter")
        let report = try grown(beside: 6).report(config)
        #expect(
            report.count == 1 && report[0].contains("only the tokenizer beside the adapter has")
                && report[0].contains("tokenizer: {source: base} leaves them out"), "\(report)")
        let warnings = try grown(beside: nil).plan(config).warnings
        #expect(warnings.contains { $0.contains("rows past the last token are padding") }, "\(warnings)")
        #expect(warnings.contains { $0.contains(Self.rows) }, "\(warnings)")
    }

    @Test(arguments: ["union", "base"])
    func tokensThatAreLeftOutAreTold(source: String) throws {
        let plan = try grown(beside: 6).plan(
            Self.together("Base", "Base+Adapter", "tokenizer_source: \(source)\n"))
        #expect(plan.warnings.contains { $0.contains(Self.lost) }, "\(plan.warnings)")
    }

    /// Of the base's rows nothing is lost.
    @Test func aBaseMayHaveMoreRows() throws {
        let plan = try grown(beside: 6).plan(Self.together("Base+Adapter", "Base"))
        #expect(plan.shards[0].tensors.count { $0.shape == [6, 2] } == 2)
        #expect(!plan.warnings.contains { $0.contains("padding") }, "\(plan.warnings)")
    }

    @Test func anAdapterOfTheModelsOwnTokensIsNoNews() throws {
        let plan = try models(
            [Self.tensor(Self.embedding, [4, 2]), Self.tensor(Self.head, [4, 2])],
            [Self.tensor(Self.embedding, [4, 2])], tokens: 4
        ).plan(Self.alone)
        #expect(plan.warnings.isEmpty, "\(plan.warnings)")
    }

    // MARK: Names

    @Test func anAdaptersFolderMayHaveAPlus() throws {
        let models = try models([], [])
        try FileSystem.rename(
            models.folder.pushing("Adapter"), to: models.folder.pushing("Ad+apter"), replacing: false)
        let start = "merge_method: passthrough\nmodels: [{model: Base, lora: "
        #expect(models.report("\(start){path: Ad+apter}}]\n") == [])
        let report = models.report("\(start)Ad+other}]\n")
        #expect(report.count == 1 && report[0].contains("'Ad+other' is no adapter's name"), "\(report)")
    }

    // MARK: Scale

    /// `1 + s` with `s = lora_alpha / r`: peft's `lora_alpha` is 8 where it is left out.
    @Test(
        arguments: [
            (#"{"r": 1}"#, 9), (#"{"r": 1, "lora_alpha": 3}"#, 4),
            (#"{"r": 16, "lora_alpha": 2, "rank_pattern": {"q_proj": 1}}"#, 3),
        ] as [(String, Float)])
    func theScaleIsAsPeftHasIt(config: String, expected: Float) throws {
        let models = try models([], [], config: config)
        let merged = try NamedModel.merged(models.plan(Self.alone), in: models.folder)
        #expect(merged["\(Self.module).weight"] == Array(repeating: expected, count: 6))
    }
}
