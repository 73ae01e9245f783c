import Glibc
import StreamIO
import SystemPackage
import Testing

@testable import Della

/// What is planned of vocabularies beside the rows: refusals, files, memory.
@Suite struct VocabularyPlanTests {
    /// Makes models of one embedding, a row for each token and `padding` more.
    private func models(
        _ tokens: [String: [String]], padding: [String: Int] = [:]
    ) throws -> TinyModels {
        let models = try TinyModels()
        for (name, tokens) in tokens {
            let rows = tokens.count + (padding[name] ?? 0)
            try models.writeModel(
                name, tensors: [.init(name: "model.embed_tokens.weight", type: .f32, shape: [rows, 2])],
                config: .object(JSONObject([("vocab_size", .int(rows))])))
            try models.writeTokenizer(tokens, of: name)
        }
        return models
    }

    private func config(_ others: [String], _ more: String = "") -> String {
        "base_model: Org/Base\nmerge_method: task_arithmetic\nmodels:\n"
            + others.map { "- {model: \($0), parameters: {weight: 1}}\n" }.joined() + more
    }

    private static let tokens = (0..<6).map { "t\($0)" }

    @Test func withoutASettingPaddingAloneMayDiffer() throws {
        let models = try models(
            [
                "Org/Base": Self.tokens, "Org/More": Self.tokens, "Org/Less": Self.tokens,
                "Org/Same": Self.tokens,
            ],
            padding: ["Org/Base": 2, "Org/More": 5, "Org/Same": 2])
        let rig = VocabularyRig(config(["Org/More", "Org/Less", "Org/Same"]), in: models.folder)
        let vocabulary = try #require(rig.plan?.vocabulary)
        #expect(vocabulary.rowCount == 8 && vocabulary.maps.count == 2)
        #expect(vocabulary.maps[1]?.runs == [.init(start: 0, count: 8, source: .rows(model: 1, first: 0))])
        #expect(
            vocabulary.maps[2]?.runs == [
                .init(start: 0, count: 6, source: .rows(model: 2, first: 0)),
                .init(start: 6, count: 2, source: .rows(model: 0, first: 6)),
            ])
        #expect(
            rig.draft.list.warnings == [
                "line 4: Org/More has 11 rows for 6 tokens, the base 8: rows past the last token are padding, and the "
                    + "output has the base's",
                "line 5: Org/Less has 6 rows for 6 tokens, the base 8: rows past the last token are padding, and the "
                    + "output has the base's",
            ])
    }

    /// With an adapter a model's rows are others, and its tokenizer is the same.
    @Test func aModelWithAnAdapterIsAnotherOne() throws {
        let models = try models(["Org/Base": Self.tokens, "Org/One": Self.tokens])
        for name in ["Ad", "Ad2"] {
            try models.writeModel(
                name,
                tensors: [
                    .init(name: "model.embed_tokens.lora_embedding_A", type: .f32, shape: [1, 6]),
                    .init(name: "model.embed_tokens.lora_embedding_B", type: .f32, shape: [2, 1]),
                ], config: .null)
            try FileSystem.rename(
                models.folder.pushing(FilePath("\(name)/model.safetensors")),
                to: models.folder.pushing(FilePath("\(name)/adapter_model.safetensors")), replacing: false)
            try models.write(
                #"{"peft_type": "LORA", "r": 1, "lora_alpha": 4}"#,
                to: FilePath(name).string + "/adapter_config.json")
        }
        func report(_ tokenizer: String, _ others: [String]) -> [String] {
            models.report(config(others, "tokenizer: \(tokenizer)\n"))
        }
        let others = ["Org/One+Ad", "Org/One"]
        // By other names of the folders, too.
        let link = models.folder.pushing("Org/Link")
        try #require(symlink(models.folder.pushing("Org/One").string, link.string) == 0)
        for name in others + ["Org/Link", "Org/Link+Ad", "Org/Base"] {
            let found = report("{source: union, tokens: {t1: {source: '\(name)', force: true}}}", others)
            #expect(found == [], "\(name)")
        }
        for name in ["Org/One+Ad2", "Org/Base+Ad", "Org/Link+Ad2"] {
            let found = report("{source: union, tokens: {t1: {source: '\(name)', force: true}}}", others)
            #expect(
                found.count == 1 && found[0].contains("\(name) is none of the models that are merged"),
                "\(found)")
        }
        #expect(report("{source: 'Org/One'}", ["Org/One+Ad"]) == [])
        // A folder alone names the one model that it is of.
        let entry = "{source: union, tokens: {t1: {source: 'Org/One', force: true}}}"
        #expect(report(entry, ["Org/One+Ad"]) == [])
        #expect(report(entry, ["Org/One+Ad", "Org/One+Ad2"]).count == 1)
        // Of two that are one folder the row is taken of the one that is named.
        for (name, index) in [("Org/Link", "Org/One"), ("Org/Link+Ad", "Org/One+Ad")] {
            let text = config(
                others, "tokenizer: {source: base, tokens: {t1: {source: '\(name)', force: true}}}\n")
            let rig = VocabularyRig(text, in: models.folder)
            let place = try #require(rig.draft.models.firstIndex { $0.reference.text == index })
            let base = try #require(rig.index("Org/Base"))
            let runs = try #require(rig.plan?.vocabulary?.maps[base]?.runs)
            #expect(
                runs.contains(.init(start: 1, count: 1, source: .rows(model: place, first: 1))), "\(runs)")
        }
    }

    /// One tokenizer that is another, or a row that a token needs, and nothing is padding.
    @Test(arguments: [["t0", "t1", "t2", "t3", "t4", "u"], ["t0", "t1", "t2", "t3", "t4", "t5", "t6"]])
    func withoutASettingOtherTokensAreNoPadding(tokens: [String]) throws {
        let models = try models(["Org/Base": Self.tokens, "Org/Other": tokens], padding: ["Org/Base": 3])
        let rig = VocabularyRig(config(["Org/Other"]), in: models.folder)
        #expect(rig.plan == nil)
        let report = models.report(config(["Org/Other"]))
        #expect(report.count == 1 && report[0].contains("write tokenizer: {source: base}"), "\(report)")
    }

    @Test func paddingOfTheBaseIsDroppedWithAnySetting() throws {
        let models = try models(
            ["Org/Base": Self.tokens, "Org/Other": Self.tokens], padding: ["Org/Base": 2, "Org/Other": 2])
        for setting in ["tokenizer_source: base", "tokenizer_source: union", "tokenizer: {}"] {
            let rig = VocabularyRig(config(["Org/Other"], setting), in: models.folder)
            #expect(
                rig.plan?.vocabulary?.rowCount == 6 && rig.plan?.vocabulary?.maps.count == 2, "\(setting)")
        }
        let rig = VocabularyRig(config(["Org/Other"]), in: models.folder)
        #expect(rig.plan == nil && rig.problems == [] && rig.draft.list.warnings == [])
    }

    @Test func equalVocabulariesAreTakenAsTheyAre() throws {
        let models = try models(["Org/Base": Self.tokens, "Org/Other": Self.tokens])
        for setting in ["tokenizer_source: base", "tokenizer_source: union", "tokenizer_source: Org/Other"] {
            let text = config(["Org/Other"], setting)
            let rig = VocabularyRig(text, in: models.folder)
            #expect(rig.plan?.vocabulary == OutputVocabulary(rowCount: 6), "\(setting)")
            #expect(rig.plan?.tokenizer == nil)
            let plan = try models.plan(text)
            #expect(plan.vocabulary?.models == [.kept(6), .kept(6)])
            let lines = PlanReport(plan, memory: 1 << 30, threads: 1).text.split(separator: "\n")
            #expect(lines.contains("tokens    6 rows") && lines.contains("          Org/Other  6 kept"))
        }
    }

    @Test func theReportSaysWhereRowsComeFrom() throws {
        let models = try models([
            "Org/Base": Self.tokens, "Org/One": ["t1", "t0", "new", "both"],
            "Org/Two": Self.tokens + ["both"],
        ])
        let setting = "tokenizer: {pad_to_multiple_of: 5, tokens: {none: {}}}\n"
        let rig = VocabularyRig(config(["Org/One", "Org/Two"], setting), in: models.folder)
        let report = try #require(rig.plan?.report(models: 3))
        #expect(report.rows == 10 && report.addedTokens == 3)
        var base = VocabularyReport.Model.kept(6), one = VocabularyReport.Model.kept(4)
        (base.added, base.averaged, base.zero, base.padding) = (1, 1, 1, 1)
        (one.added, one.zero, one.padding) = (4, 1, 1)
        var two = VocabularyReport.Model.kept(7)
        (two.added, two.zero, two.padding) = (1, 1, 1)
        #expect(report.models == [base, one, two])
    }

    @Test(arguments: [
        (#"{"model": {"vocab": {"a": 0, "b": 1, "a": 2}}}"#, "the token 'a' has two ids, 0 and 2"),
        (#"{"model": {"vocab": [["a", 0], ["b", 0], ["a", 0]]}}"#, "the token 'a' has two ids, 0 and 2"),
        (
            #"{"added_tokens": [{"id": 2, "content": "a"}], "model": {"vocab": {"a": 0}}}"#,
            "the token 'a' has two ids, 0 and 2"
        ),
        (#"{"model": {"vocab": {"a": 1, "b": 1}}}"#, "has two tokens of the id 1"),
        (#"{"model": {"vocab": {"a": -1}}}"#, "has a token with an id that is no whole number from 0 on"),
        (#"{"model": {"vocab": {"a": 1099511627776}}}"#, "has the id 1099511627776"),
        ("{}", "has no tokens"),
        ("{\"model\": {\"vocab\": {\"a\": 0", "the text ends inside a value"),
    ])
    func aTokenizerThatSaysNonsenseIsNamed(text: String, message: String) throws {
        for isBase in [false, true] {
            let models = try models(["Org/Base": Self.tokens, "Org/Other": Self.tokens])
            try models.write(text, to: (isBase ? "Org/Base" : "Org/Other") + "/tokenizer.json")
            let rig = VocabularyRig(config(["Org/Other"], "tokenizer_source: union\n"), in: models.folder)
            #expect(rig.plan == nil)
            let line = isBase ? "merge.yml:1: " : "merge.yml:4: "
            #expect(rig.problems.count == 1, "\(rig.problems)")
            let problem = rig.problems.first ?? ""
            #expect(
                problem.contains(line) && problem.contains("tokenizer.json") && problem.contains(message),
                "\(problem)")
        }
    }

    @Test func addedTokensThatAreNoListTakeNoToken() throws {
        let models = try models(["Org/Base": Self.tokens, "Org/Other": Self.tokens + ["new"]])
        try models.write(
            #"{"added_tokens": null, "model": {"vocab": {"t0": 0}}}"#, to: "Org/Base/tokenizer.json")
        let rig = VocabularyRig(config(["Org/Other"], "tokenizer_source: union\n"), in: models.folder)
        #expect(rig.plan == nil && rig.problems.first?.contains("is no list") == true)
    }

    @Test func whatThereIsNoMemoryForIsRefused() throws {
        let tokens = (0..<30_000).map {
            "token number \($0) of many, with a long text that needs some memory"
        }
        let models = try models(["Org/Base": tokens, "Org/Other": tokens.reversed()])
        let text = config(["Org/Other"], "tokenizer_source: base\n")
        #expect(VocabularyRig(text, in: models.folder, memory: 1 << 20).problems == [])
        var memory = VocabularyRig(text, in: models.folder).draft
        memory.memory = PlanMemory(budget: 0)
        memory.memory.take(memory.memory.room - (4 << 20), tensors: 0, line: 1)
        #expect(memory.planVocabulary { false } == nil)
        #expect(memory.memory.problem?.message.contains("the vocabularies are too large") == true)
    }

    @Test func anotherModelsTokenizerComesWithItsFilesAndTheBasesOthers() throws {
        let models = try models(["Org/Base": Self.tokens, "Org/Other": Self.tokens])
        for name in ["Org/Base", "Org/Other"] {
            try models.write(
                "{\"of\": \"\(name)\", \"added_tokens_decoder\": {}}", to: name + "/tokenizer_config.json")
            try models.write("{\"of\": \"\(name)\"}", to: name + "/generation_config.json")
        }
        try models.write("{{ other }}", to: "Org/Other/chat_template.jinja")
        try models.write("{{ base }}", to: "Org/Base/chat_template.json")
        let plan = try models.plan(config(["Org/Other"], "tokenizer_source: Org/Other\n"))
        func path(_ name: String) -> FilePath? {
            let file = plan.companions.first { $0.name == name }
            if case .copy(let path)? = file?.content { return path }
            return nil
        }
        for name in ["tokenizer.json", "tokenizer_config.json", "chat_template.jinja"] {
            #expect(path(name) == models.folder.pushing(FilePath("Org/Other")).appending(name))
        }
        #expect(path("generation_config.json") == models.folder.pushing("Org/Base/generation_config.json"))
        #expect(path("chat_template.json") == nil)
    }

    @Test(arguments: [
        (["t0", "t1", "t2"], [String]()),
        (
            ["t1", "t0", "t2"],
            [
                "line 5: bos_token_id 1, eos_token_id [0, 2] of the base's config.json are other tokens in the tokenizer of "
                    + "Org/Other: correct them in the output"
            ]
        ),
    ])
    func idsOfSpecialTokensThatBecomeOthersAreTold(tokens: [String], warnings: [String]) throws {
        let models = try models(["Org/Base": ["t0", "t1", "t2"], "Org/Other": tokens])
        try models.write(
            #"{"bos_token_id": 1, "eos_token_id": [0, 2], "pad_token_id": null}"#, to: "Org/Base/config.json")
        let other = VocabularyRig(
            config(["Org/Other"], "tokenizer: {source: Org/Other}\n"), in: models.folder)
        #expect(other.draft.list.warnings == warnings)
        let base = VocabularyRig(config(["Org/Other"], "tokenizer_source: base\n"), in: models.folder)
        #expect(base.draft.list.warnings == [])
    }

    /// A union through files: what is written beside the weights says the same as they do.
    @Test func theWrittenFilesHaveTheAddedTokens() throws {
        let models = try models(["Org/Base": Self.tokens, "Org/Other": Self.tokens + ["<|new|>"]])
        let tokenizer = """
            {"version": "1.0", "added_tokens": [ {"id": 5, "content": "t5", "special": true, "x": [1, {}]} ],
             "unknown": {"a": 1e5}, "model": {"type": "WordLevel", "vocab": {"t0": 0, "t1": 1, "t2": 2, "t3": 3, "t4": 4}}}
            """
        try models.write(tokenizer, to: "Org/Base/tokenizer.json")
        try models.write(
            "{\"added_tokens_decoder\": {\"5\": {\"content\": \"t5\"}}}", to: "Org/Base/tokenizer_config.json"
        )
        let text = config(["Org/Other"], "tokenizer: {pad_to_multiple_of: 4, tokens: {nobody: {}}}\n")
        let plan = try models.plan(text)
        let output = models.folder.appending("Out")
        _ = try MergeRun(
            plan: plan, configText: Array(text.utf8), output: output,
            options: MergeOptions(memory: 8 << 20, threads: 1, engine: .posix)
        ).perform(progress: MergeProgress(), stop: StopRequest())
        func read(_ name: String) throws -> JSON {
            try JSON(parsing: FileSystem.readWhole(output.appending(name), limit: 1 << 20))
        }
        var expected = try JSON(parsing: Array(tokenizer.utf8))
        let entries = [("<|new|>", 6), ("nobody", 7)].map { token, id in
            try? JSON(
                parsing: Array(
                    """
                    {"id": \(id), "content": "\(token)", "single_word": false, "lstrip": false, "rstrip": false,
                     "normalized": true, "special": false}
                    """.utf8))
        }
        expected["added_tokens"] = .array(
            (expected["added_tokens"]?.arrayValue ?? []) + entries.compactMap { $0 })
        #expect(try read("tokenizer.json") == expected)
        #expect(try read("config.json")["vocab_size"]?.intValue == 8)
        let decoder = try read("tokenizer_config.json")["added_tokens_decoder"]
        #expect(decoder?.objectValue?.keys == ["5", "6", "7"])
        #expect(decoder?["7"]?["content"]?.stringValue == "nobody")
        #expect(try Checkpoint(opening: output).tensors[0].shape == [8, 2])
    }
}

extension VocabularyReport.Model {
    /// Of so many rows, all the model's own.
    fileprivate static func kept(_ count: Int) -> Self { Self(.identity(model: 0, count: count), of: 0) }
}
