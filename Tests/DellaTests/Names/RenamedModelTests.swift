import StreamIO
import SystemPackage
import Testing

@testable import Della

/// Models whose tensors are called otherwise than the base's: merged as if they were called the same.
@Suite struct RenamedModelTests {
    typealias Architecture = NamedModel.Architecture
    typealias Spelling = NamedModel.Spelling

    static let wrappers = ["module.", "_orig_mod.", "module._orig_mod.", "base_model.model."]

    private static func write(
        _ architecture: Architecture, _ spelling: Spelling, model: Int, to name: String, in models: TinyModels
    ) throws {
        let tensors = architecture.tensors.map {
            NamedModel.tensor(
                spelling.rename($0.name), $0.shape, NamedModel.values($0.name, $0.shape, model: model))
        }
        let config = model == 0 ? architecture.config : architecture.otherConfig ?? architecture.config
        try models.writeModel(name, tensors: tensors, config: JSON(parsing: Array(config.utf8)))
    }

    /// The names and values of the merge, by the names that the base has.
    private static func expected(_ architecture: Architecture, _ base: Spelling) -> [String: [Float]] {
        var result: [String: [Float]] = [:]
        for (name, shape) in architecture.tensors {
            let values = (0...1).map { NamedModel.values(name, shape, model: $0) }
            result[base.rename(name)] = zip(values[0], values[1]).map { $0 + ($1 - $0) / 2 }
        }
        return result
    }

    /// Every pair of spellings, and each of them in what training programs put around it.
    private static func pairs(_ architecture: Architecture) -> [(base: Spelling, model: Spelling)] {
        let spellings = architecture.spellings
        var pairs = spellings.flatMap { base in spellings.map { (base: base, model: $0) } }
        for wrapper in wrappers {
            for spelling in spellings {
                pairs.append((.own, spelling.wrapped(wrapper)))
                pairs.append((spelling.wrapped(wrapper), .own))
            }
            pairs.append((spellings[1].wrapped("module."), spellings[spellings.count - 1].wrapped(wrapper)))
        }
        return pairs
    }

    @Test(arguments: Architecture.all)
    func everySpellingGivesTheSameMerge(architecture: Architecture) throws {
        let models = try TinyModels()
        for (base, model) in Self.pairs(architecture) {
            try FileSystem.removeTree(models.folder.appending("Base"))
            try FileSystem.removeTree(models.folder.appending("Model"))
            try Self.write(architecture, base, model: 0, to: "Base", in: models)
            try Self.write(architecture, model, model: 1, to: "Model", in: models)
            let what: Comment = "base \(base.name), model \(model.name)"
            do {
                let plan = try models.plan(NamedModel.halves)
                let merged = try NamedModel.merged(plan, in: models.folder)
                #expect(merged == Self.expected(architecture, base), what)
                let areSame = architecture.tensors.allSatisfy {
                    base.rename($0.name) == model.rename($0.name)
                }
                #expect((plan.namings[1] == nil) == areSame, what)
            } catch {
                Issue.record("\(what): \(error)")
            }
        }
    }

    @Test(arguments: Architecture.all)
    func aTensorThatIsLostIsMissedUnderEveryName(architecture: Architecture) throws {
        let models = try TinyModels()
        try Self.write(architecture, .own, model: 0, to: "Base", in: models)
        for spelling in architecture.spellings {
            var less = architecture
            // In a layer: copies and buffers are not.
            let lost = try #require(less.tensors.firstIndex { $0.name.contains(".1.") })
            less.tensors.remove(at: lost)
            try FileSystem.removeTree(models.folder.appending("Model"))
            try Self.write(less, spelling, model: 1, to: "Model", in: models)
            let report = models.report(NamedModel.halves)
            #expect(report.count == 1 && report[0].contains("has no tensor"), "\(spelling.name): \(report)")
        }
    }

    /// Names of a model of text before its layers, and of its head.
    private static let texts: [(body: String, head: String)] = [
        ("model.", "lm_head"), ("", "lm_head"), ("language_model.model.", "language_model.lm_head"),
        ("model.language_model.", "lm_head"), ("module.model.", "module.lm_head"),
    ]

    @Test(arguments: [true, false])
    func layersOfDifferentlyCalledModelsAreOneModel(lastIsTied: Bool) throws {
        let models = try TinyModels()
        for first in Self.texts {
            for last in Self.texts {
                for (name, text) in [("First", first), ("Last", last)] {
                    var shapes = [
                        ("\(text.body)embed_tokens.weight", [4, 2]), ("\(text.body)norm.weight", [2]),
                    ]
                    shapes += (0..<2).map { ("\(text.body)layers.\($0).mlp.up_proj.weight", [3, 2]) }
                    let isTied = name == "Last" && lastIsTied
                    if !isTied { shapes.append(("\(text.head).weight", [4, 2])) }
                    let config =
                        #"{"model_type": "llama", "num_hidden_layers": 2, "tie_word_embeddings": \#(isTied)}"#
                    try FileSystem.removeTree(models.folder.appending(name))
                    try models.writeModel(
                        name,
                        tensors: shapes.map {
                            NamedModel.tensor(
                                $0.0, $0.1, NamedModel.values($0.0, $0.1, model: name == "Last" ? 1 : 0))
                        }, config: JSON(parsing: Array(config.utf8)))
                }
                let plan = try models.plan(
                    """
                    merge_method: passthrough
                    slices:
                    - sources: [{model: First, layer_range: [0, 2]}]
                    - sources: [{model: Last, layer_range: [1, 2]}]
                    """)
                let merged = try NamedModel.merged(plan, in: models.folder)
                let head = lastIsTied ? "\(last.body)embed_tokens" : last.head
                let expected = [
                    "\(first.body)norm.weight": NamedModel.values("\(last.body)norm.weight", [2], model: 1),
                    "\(first.head).weight": NamedModel.values("\(head).weight", [4, 2], model: 1),
                    "\(first.body)layers.2.mlp.up_proj.weight": NamedModel.values(
                        "\(last.body)layers.1.mlp.up_proj.weight", [3, 2], model: 1),
                ]
                #expect(merged.count == 6, "\(first), \(last): \(merged.keys.sorted())")
                for (name, values) in expected {
                    #expect(merged[name] == values, "\(first), \(last): \(name)")
                }
            }
        }
    }

    @Test func checkSaysWhichRuleAModelTook() throws {
        let models = try TinyModels()
        let gemma = try #require(Architecture.all.first { $0.name == "gemma3" })
        try Self.write(gemma, .own, model: 0, to: "Base", in: models)
        try Self.write(gemma, gemma.spellings[2].wrapped("module."), model: 1, to: "Model", in: models)
        let plan = try models.plan(NamedModel.halves)
        let rule = try #require(plan.namings[1])
        for part in [
            "module.* for *", "model.language_model.* for language_model.model.*",
            "model.vision_tower* for vision_tower.vision_model*",
            "model.multi_modal_projector* for multi_modal_projector*", "lm_head* for language_model.lm_head*",
        ] {
            #expect(rule.contains(part), "\(rule)")
        }
        let report = PlanReport(plan, memory: 64 << 20, threads: 1)
        #expect(report.text.contains("\nnames     Model: \(rule)\n"))
        #expect(report.json["models"]?.arrayValue?[1]["naming"] == .string(rule))
        #expect(report.json["models"]?.arrayValue?[0]["naming"] == .null)
    }

    @Test func wherePartsAreRenamedAndOneIsNotTheNamesAreShown() throws {
        let models = try TinyModels()
        let llama = Architecture.all[0]
        try Self.write(llama, .own, model: 0, to: "Base", in: models)
        let other = Spelling(name: "other") {
            $0.replacing("self_attn.q_proj", with: "attention.wq").replacing("layers", with: "h")
        }
        try Self.write(llama, other, model: 1, to: "Model", in: models)
        #expect(
            models.report(NamedModel.halves) == [
                "merge.yml:3: Model has no tensor model.layers.0.self_attn.q_proj.weight (and 5 more), which the base has, "
                    + "and has model.h.0.attention.wq.weight, which the base has not (the architectures' names differ, and "
                    + "no known renaming serves: merge models of one, saved by one version of transformers)"
            ])
    }

    @Test func layersOfEncodersAreCountedByTheirTensors() throws {
        let models = try TinyModels()
        let bart = try #require(Architecture.all.first { $0.name == "bart" })
        try Self.write(bart, .own, model: 0, to: "Base", in: models)
        var more = bart
        more.tensors += bart.tensors.filter { $0.name.contains("encoder.layers.2.") }.map {
            (name: $0.name.replacing("layers.2", with: "layers.3"), shape: $0.shape)
        }
        try Self.write(more, .own, model: 1, to: "Model", in: models)
        #expect(
            models.report(NamedModel.halves) == [
                "merge.yml:3: Model has 4 layers in model.encoder.layers., the base 3 "
                    + "(merge models of one architecture and size)"
            ])
    }
}
