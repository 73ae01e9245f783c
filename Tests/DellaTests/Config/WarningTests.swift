import StreamIO
import SystemPackage
import Testing

@testable import Della

/// What mergekit accepts and ignores, and what else a reader should know: merged all the same, with a warning.
@Suite struct WarningTests {
    static let rules = [
        Rule("nothing to say", Rule.top("parameters: {int8_mask: true}\n")),
        Rule(
            "lambda under a model", Rule.parameters("weight: 1\nlambda: 0.5"),
            "line 7: lambda under a model is applied to that model's part in place of the merge's; mergekit ignores it, and so does dellad: {mergekit_compat: true}"
        ),
        Rule(
            "lambda under a model, as mergekit",
            Rule.parameters("weight: 1\nlambda: 0.5") + "dellad: {mergekit_compat: true}\n",
            "line 7: lambda under a model changes nothing, as mergekit_compat says"),
        Rule(
            "the merge's parameters under a model",
            Rule.parameters("weight: 1\nnormalize: true\nrescale: false\nint8_mask: true"),
            "line 7: normalize under a model changes nothing, in mergekit as here: it is one for the merge",
            "line 8: rescale under a model changes nothing, in mergekit as here: it is one for the merge",
            "line 9: int8_mask under a model changes nothing, in mergekit as here: it is one for the merge"),
        Rule(
            "parameters of the base",
            "base_model: Test/Base\nmerge_method: della\nmodels:\n  - model: Test/Base\n    parameters:\n      weight: 3\n"
                + "  - {model: Test/One, parameters: {weight: 1}}\n",
            "line 6: parameters of the base Test/Base change nothing, in mergekit as here"),
        Rule(
            "only the base", "base_model: Test/Base\nmerge_method: della\nmodels: [{model: Test/Base}]\n",
            "line 3: no model besides the base: the base comes out as it is"),
        Rule(
            "tensors that the base lacks", Rule.model("Warn/More"),
            "line 4: Warn/More: model.more.weight (and 1 more) is not in the base, and left out"),
        Rule(
            "densities beyond the ends",
            Rule.parameters("weight: 1\ndensity: [{filter: mlp, value: 45}, {value: -1}]"),
            "line 7: density 45 keeps every difference: it is meant to lie between 0 and 1",
            "line 7: density -1 drops every difference: it is meant to lie between 0 and 1"),
        Rule(
            "a parameter of other methods", Rule.parameters("weight: 1\ngamma: 0.01\nt: {any: thing}"),
            "line 7: gamma changes nothing: della has no such parameter, but breadcrumbs, breadcrumbs_ties",
            "line 8: t changes nothing: della has no such parameter, but slerp, nearswap"),
        Rule(
            "a t beyond the ends, and one under a model",
            "base_model: Test/Base\nmerge_method: slerp\nmodels:\n  - {model: Test/One, parameters: {t: 1}}\n"
                + "parameters: {t: [0, 1.5]}\n",
            "line 4: t under a model changes nothing, in mergekit as here: it is one for the merge",
            "line 5: t 1.5 goes beyond the other model: it is meant to lie between 0 and 1"),
        Rule(
            "a base that is one more model",
            "base_model: Test/Base\nmerge_method: karcher\nmodels: [{model: Test/One}]\n",
            "line 1: base_model takes part in karcher as one more model, as in mergekit: leave it out if it is not meant to"
        ),
        Rule(
            "filters that match nothing",
            Rule.parameters(
                "weight:\n  - {filter: self_atn, value: 1}\n  - {filter: mlp, value: 1}\n  - value: 0.5\n"
                    + "density: {filter: MLP, value: 0.5}")
                + "parameters: {lambda: [{filter: lm-head, value: 1}, {filter: '*', value: 1}, {filter: norm, value: 1}]}\n",
            "line 11: this condition of lambda is never reached: the one in line 11 matches every tensor, and the first that matches is taken",
            "line 7: the filter 'self_atn' matches no tensor: its value is never taken",
            "line 10: the filter 'MLP' matches no tensor: its value is never taken",
            "line 11: the filter 'lm-head' matches no tensor: its value is never taken"),
        Rule(
            "a filter that only one of several slices has tensors for",
            """
            base_model: Test/Base
            merge_method: della
            slices:
              - sources:
                  - {model: Test/Base, layer_range: [0, 2]}
                  - model: Test/One
                    layer_range: [0, 2]
                    parameters: &shared {weight: [{filter: layers.4, value: 1}, {filter: layers.5., value: 1}, {value: 0}]}
              - sources:
                  - {model: Test/Base, layer_range: [2, 5]}
                  - {model: Test/One, layer_range: [2, 5], parameters: *shared}
            """,
            "line 8: the filter 'layers.5.' matches no tensor: its value is never taken"),
        Rule(
            "the base's tokenizer, which all share",
            Rule.model("Warn/SameTokens", base: "Warn/Tokens") + "tokenizer_source: base\n"),
        Rule(
            "a union of equal vocabularies is the base's",
            Rule.model("Warn/SameTokens", base: "Warn/Tokens") + "tokenizer: {source: union}\n"),
        Rule(
            "other tokens, without a setting", Rule.model("Warn/OtherTokens", base: "Warn/Tokens"),
            "line 4: Warn/OtherTokens: 2 tokens are others than the base's at the same place, and merged with them all the same: tokenizer: {source: base} matches them by name"
        ),
        Rule(
            "no tokenizer", Rule.model("Warn/NoTokens", base: "Warn/NoTokens2") + "tokenizer_source: base\n",
            "line 1: Warn/NoTokens2 has no tokenizer, and so the output has none: copy one into it"),
        Rule(
            "a model without tokenizer", Rule.model("Warn/NoTokens") + "tokenizer_source: base\n",
            "line 5: Warn/NoTokens has no tokenizer: its tokens are taken to be in the base's order"),
        Rule(
            "more tokens than rows", Rule.model("Test/One", base: "Warn/MoreTokens"),
            "line 1: the tokenizer of Warn/MoreTokens has 10 tokens, its embedding 8 rows: tokens from 8 on have none, and a text with them cannot be read"
        ),
        Rule(
            "a tokenizer that cannot be read", Rule.model("Warn/BrokenTokens"),
            "line 4: Warn/BrokenTokens: MODELS/Warn/BrokenTokens/tokenizer.json: line 1: the text ends inside a value: its tokens are not compared"
        ),
        Rule(
            "settings that no shape shows", Rule.model("Warn/Settings"),
            "line 4: Warn/Settings: rope_theta is 500000, the base's 10000.0; rope_scaling is {\"factor\": 8.0, \"rope_type\": \"llama3\"}, the base's null; sliding_window is 8, the base's null; num_attention_heads is 4, the base's 2; hidden_act is \"gelu\", the base's \"silu\" (config.json): the output has the base's"
        ),
        Rule(
            "another architecture whose tensors fit",
            Rule.model("Warn/Llama") + "dellad: {allow_crimes: true}\n",
            "line 4: Warn/Llama is of the architecture llama, the base of mistral: merged all the same, as allow_crimes says"
        ),
        Rule(
            "a leftover of quantisation", Rule.model("Warn/Leftover"),
            "line 4: Warn/Leftover: config.json says it is quantised (gptq), and all its tensors are floating point: they decide, and the output has no quantization_config"
        ),
        Rule(
            "a key twice with one value", Rule.top("dtype: bfloat16\ndtype: bfloat16\n"),
            "line 5: the key 'dtype' is here a second time, after line 4, with the same value"),
        Rule(
            "a condition that is never reached",
            Rule.parameters("weight:\n  - value: 1\n  - {filter: mlp, value: 2}"),
            "line 8: this condition of weight is never reached: the one in line 7 matches every tensor, and the first that matches is taken"
        ),
        Rule(
            "filters see the names of what they are parameters of",
            Rule.model("Warn/Inner").replacingLast("{weight: 1}", "{weight: {filter: model.norm, value: 1}}")
                + """
                parameters:
                  weight: [{filter: language_model, value: 1}, {filter: model.norm, value: 1}, {value: 1}]
                  lambda: [{filter: language_model, value: 1}, {filter: model.norm, value: 1}]
                """,
            "line 7: the filter 'language_model' matches no tensor: its value is never taken"),
        Rule(
            "a name", Rule.top("name: something\n"),
            "line 4: name changes nothing: the output is named after the config's file, or by the command"),
        Rule(
            "a revision of a plain folder", Rule.model("Test/One@abc1234"),
            "line 4: Test/One is taken for revision abc1234: nothing in its folder tells one"),
        Rule(
            "the base's tokenizer, in the old form",
            Rule.model("Warn/SameTokens", base: "Warn/Tokens") + "tokenizer_source: model:Warn/SameTokens\n"),
        Rule(
            "what mergekit read once, or never",
            Rule.top("parameters: {embed_slerp: true}\nembed_slerp: true\nrandom_seed: 0\n"),
            "line 4: embed_slerp changes nothing: mergekit reads it no more, and merges embeddings by the method as all else",
            "line 5: embed_slerp changes nothing: mergekit reads it no more, and merges embeddings by the method as all else",
            "line 6: random_seed changes nothing: mergekit has it as an option of its command: write dellad: {seed: N}, or --seed N"
        ),
        Rule(
            "residual_weight",
            Rule.slice("[0, 4]") + "\n    residual_weight: 0.5\n",
            "line 9: residual_weight changes nothing, in mergekit as here"),
    ]

    @Test func noWarningSteersATerminal() throws {
        let models = try TinyModels()
        let name = "Test/\u{1B}[2J\u{202E}"
        try models.makeModels(namedIn: "Test/Base")
        try models.make(name, shape: "mistral", layers: 6) { tensors in
            tensors.append(.init(name: "a\u{1B}[2J\nb", type: .bf16, shape: [4]))
        }
        let plan = try models.plan(Rule.model("\"Test/\\e[2J\\u202E\""))
        #expect(plan.warnings.contains { $0.contains("a\\u{1B}[2J\\nb") })
        let shown = plan.warnings + [PlanReport(plan, memory: 1 << 30, threads: 1).text]
        for text in shown {
            #expect(text.unicodeScalars.allSatisfy { $0.isPrintable || $0 == "\n" }, "\(text)")
        }
    }

    private func makeTokenizers(_ models: TinyModels) throws {
        let tokens = TinyModels.tokens
        for (name, tokens) in [
            ("Tokens", tokens), ("SameTokens", tokens),
            ("MoreTokens", tokens + ["t8", "t9"]),
            ("OtherTokens", [tokens[1], tokens[0]] + tokens[2...]),
        ] {
            try models.make("Warn/" + name, shape: "mistral", layers: 6)
            try models.writeTokenizer(tokens, of: "Warn/" + name, indentedBy: name == "SameTokens" ? 2 : nil)
        }
        for name in ["NoTokens", "NoTokens2", "BrokenTokens"] {
            try models.make("Warn/" + name, shape: "mistral", layers: 6)
            let path = models.folder.pushing(FilePath("Warn/\(name)/tokenizer.json"))
            if name == "BrokenTokens" {
                try models.write("{\"model\": {\"vocab\": {\"a\": 0", to: "Warn/BrokenTokens/tokenizer.json")
            } else {
                try FileSystem.remove(path)
            }
        }
        try models.make("Warn/Inner", shape: "mistral", layers: 6) { tensors in
            for index in tensors.indices where tensors[index].name.hasPrefix("model.") {
                tensors[index].name = "language_model." + tensors[index].name
            }
        } editConfig: { config in
            config["text_config"] = .object(JSONObject([("model_type", .string("mistral"))]))
        }
    }

    @Test func everyRuleHasItsWarnings() throws {
        let models = try TinyModels()
        try models.makeModels(namedIn: "Test/One")
        try models.make("Warn/More", shape: "mistral", layers: 6) { tensors in
            tensors.append(.init(name: "model.more.weight", type: .bf16, shape: [4]))
            tensors.append(.init(name: "model.even.more.weight", type: .bf16, shape: [4]))
            tensors.append(
                .init(name: "model.layers.0.self_attn.rotary_emb.inv_freq", type: .f32, shape: [2]))
        }
        try makeTokenizers(models)
        try models.make("Warn/Leftover", shape: "mistral", layers: 6) { _ in
        } editConfig: { config in
            config["quantization_config"] = .object(JSONObject([("quant_method", .string("gptq"))]))
        }
        try models.make("Warn/Llama", shape: "llama", layers: 6)
        try models.make("Warn/Settings", shape: "mistral", layers: 6) { _ in
        } editConfig: {
            $0["rope_theta"] = .number("500000")
            let scaling = [("factor", JSON.double(8)), ("rope_type", .string("llama3"))]
            $0["rope_scaling"] = .object(JSONObject(scaling))
            $0["sliding_window"] = .int(8)
            $0["num_attention_heads"] = .int(4)
            $0["hidden_act"] = .string("gelu")
        }
        try models.make("Test/Base", shape: "mistral", layers: 6) { _ in
        } editConfig: {
            $0["rope_theta"] = .double(10_000)
            $0["hidden_act"] = .string("silu")
        }
        for rule in Self.rules {
            do throws(MergeProblems) {
                let plan = try models.plan(rule.config)
                let warnings = plan.warnings.map { $0.replacing(models.folder.string, with: "MODELS") }
                #expect(warnings == rule.report, "\(rule.name)")
            } catch {
                Issue.record("\(rule.name): \(error)")
            }
        }
    }
}
