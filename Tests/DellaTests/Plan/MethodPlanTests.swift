import StreamIO
import SystemPackage
import Testing

@testable import Della

/// What methods other than DELLA make of the models: which tensors, in which order, with which arithmetic.
@Suite struct MethodPlanTests {
    private func merges(_ plan: MergePlan) -> [String: TensorMerge] {
        var merges: [String: TensorMerge] = [:]
        for tensor in plan.shards.flatMap(\.tensors) {
            if case .merge(let merge) = tensor.source { merges[tensor.name] = merge }
        }
        return merges
    }

    /// The model and the tensor that an input is.
    private func name(_ input: InputTensor, in plan: MergePlan) throws -> String {
        let path = plan.inputs[input.file].path
        let checkpoint = try Checkpoint(opening: path.removingLastComponent())
        let tensor = checkpoint.tensors.first { $0.offset == input.offset && $0.byteCount == input.byteCount }
        return "\(plan.modelNames[input.model]): \(try #require(tensor).name)"
    }

    private func file(_ name: String, of plan: MergePlan) -> String {
        guard case .text(let text) = plan.companions.first(where: { $0.name == name })?.content else {
            return ""
        }
        return text
    }

    @Test func layersOfAFrankenmergeComeFromWhereTheConfigSays() throws {
        let models = try TinyModels()
        try models.makeModels(namedIn: "Test/One Test/Two")
        let plan = try models.plan(
            """
            merge_method: passthrough
            slices:
              - sources: [{model: Test/One, layer_range: [0, 4]}]
              - sources: [{model: Test/Two, layer_range: [2, 6], parameters: {scale: {filter: mlp, value: 0.5}}}]
            """)
        let merges = merges(plan)
        let q = "self_attn.q_proj.weight"
        for (layer, model, source) in [(0, "One", 0), (3, "One", 3), (4, "Two", 2), (7, "Two", 5)] {
            let merge = try #require(merges["model.layers.\(layer).\(q)"])
            #expect(
                try merge.inputs.map { try name($0, in: plan) } == [
                    "Test/\(model): model.layers.\(source).\(q)"
                ])
            #expect(merge.reference == nil && merge.rule == .blend(.scaled(nil)))
        }
        #expect(merges["model.layers.8.\(q)"] == nil)
        #expect(merges["model.layers.5.mlp.up_proj.weight"]?.rule == .blend(.scaled(0.5)))
        // What precedes the layers is the first's, what follows them the last's.
        for (tensor, model) in [
            ("model.embed_tokens.weight", "One"), ("model.norm.weight", "Two"), ("lm_head.weight", "Two"),
        ] {
            let merge = try #require(merges[tensor])
            #expect(try name(merge.inputs[0], in: plan) == "Test/\(model): \(tensor)")
        }
        #expect(plan.base == nil && plan.modelNames == ["Test/One", "Test/Two"])
        #expect(
            try JSON(parsing: Array(file("config.json", of: plan).utf8))["num_hidden_layers"]?.intValue == 8)
        let card = file("README.md", of: plan)
        #expect(card.contains("Passthrough (`passthrough`)") && !card.contains("* Base:"))
        #expect(card.contains("* Merged: [Test/One]") && card.contains("* Merged: [Test/Two]"))
    }

    @Test func slerpGoesFromTheBaseWhereverItIsListed() throws {
        let models = try TinyModels()
        try models.makeModels(namedIn: "Test/Base Test/One")
        for list in ["[{model: Test/One}, {model: Test/Base}]", "[{model: Test/One}]"] {
            let plan = try models.plan(
                "base_model: Test/Base\nmerge_method: slerp\nmodels: \(list)\nparameters: {t: 0.25}\n")
            let merge = try #require(merges(plan)["model.norm.weight"])
            #expect(merge.reference == nil && merge.rule == .blend(.slerp(t: 0.25)))
            #expect(merge.inputs.map { plan.modelNames[$0.model] } == ["Test/Base", "Test/One"])
        }
    }

    @Test func nuslerpTakesDifferencesWhereThereIsABase() throws {
        let models = try TinyModels()
        try models.makeModels(namedIn: "Test/Base Test/One Test/Two")
        let list = """
            merge_method: nuslerp
            models: [{model: Test/One, parameters: {weight: 0.3}}, {model: Test/Two, parameters: {weight: 0.1}}]
            """
        let plain = try #require(merges(try models.plan(list))["model.norm.weight"])
        #expect(plain.reference == nil && plain.inputs.count == 2)
        #expect(plain.rule == .blend(.nuslerp(t: 0.1 / (0.3 + 0.1), grain: .tensor)))
        let plan = try models.plan("base_model: Test/Base\n" + list)
        let merge = try #require(merges(plan)["model.norm.weight"])
        #expect(merge.reference.map { plan.modelNames[$0.model] } == "Test/Base")
        #expect(merge.inputs.map { plan.modelNames[$0.model] } == ["Test/One", "Test/Two"])
    }

    @Test func theEmbeddingOfOneModelAndTheHeadOfAnotherAreTwoMatrices() throws {
        let models = try TinyModels()
        for (name, ties) in [("TiedA", true), ("TiedB", true), ("Own", false)] {
            try models.make(name, shape: "mistral", layers: 4) {
                if ties { $0.removeLast() }
            } editConfig: {
                $0["tie_word_embeddings"] = .bool(ties)
            }
        }
        func plan(_ first: String, _ last: String) throws -> MergePlan {
            try models.plan(
                """
                merge_method: passthrough
                slices:
                  - sources: [{model: \(first), layer_range: [0, 3]}]
                  - sources: [{model: \(last), layer_range: [1, 4]}]
                """)
        }
        for (first, last, head) in [
            ("TiedA", "TiedB", "TiedB: model.embed_tokens.weight"), ("TiedA", "Own", "Own: lm_head.weight"),
            ("Own", "TiedA", "TiedA: model.embed_tokens.weight"),
        ] {
            let plan = try plan(first, last)
            let merge = try #require(merges(plan)["lm_head.weight"], "\(first) \(last)")
            #expect(try name(merge.inputs[0], in: plan) == head)
            let config = try JSON(parsing: Array(file("config.json", of: plan).utf8))
            #expect(config["tie_word_embeddings"] == .bool(false), "\(first) \(last)")
            #expect(plan.warnings.count == 1, "\(plan.warnings)")
        }
        let same = try plan("TiedA", "TiedA")
        #expect(merges(same)["lm_head.weight"] == nil && same.warnings == [])
    }

    /// A config of each method that is right.
    private static func config(_ method: MethodRules) -> String {
        let count = max(1, method.models.lowerBound)
        let models = ["Test/One", "Test/Two"].prefix(method.base == .start ? 1 : count)
        let parameters = method.parameters.filter(\.isRequired).map { "\($0.name): 0.5" }
        return "merge_method: \(method.name)\n" + (method.base.isNeeded ? "base_model: Test/Base\n" : "")
            + "models: [\(models.map { "{model: \($0)}" }.joined(separator: ", "))]\n"
            + "parameters: {\(parameters.joined(separator: ", "))}\n"
    }

    @Test(arguments: MethodRules.all.map(\.name)) func everyMethodIsPlannedAndReportedOn(name: String) throws
    {
        let method = try #require(MethodRules.named(name))
        let models = try TinyModels()
        try models.makeModels(namedIn: "Test/Base Test/One Test/Two")
        let plan = try models.plan(Self.config(method))
        #expect(plan.method == method && plan.warnings == [])
        let tensors = plan.shards.flatMap(\.tensors)
        #expect(tensors.count == 57)
        // Columns are the method's own parameters, and nothing else.
        let names = Set(method.parameters.map(\.name))
        for chart in ParameterChart.charts(of: plan) { #expect(names.isSuperset(of: chart.columnNames)) }
        let report = PlanReport(plan, memory: 64 << 20, threads: 1)
        #expect(report.text.contains("method    \(name)"))
        #expect(try JSON(parsing: Array(report.json.serialized().utf8))["method"]?.stringValue == name)
        #expect(file("README.md", of: plan).contains("(`\(name)`)"))
    }
}
