import Glibc
import StreamIO
import SystemPackage
import Testing

@testable import Della

/// What lies beside the shards of an output.
@Suite struct CompanionTests {
    private func text(_ name: String, in plan: MergePlan) -> String? {
        guard case .text(let text) = plan.companions.first(where: { $0.name == name })?.content else {
            return nil
        }
        return text
    }

    private func json(_ name: String, in plan: MergePlan) throws -> JSON {
        try JSON(parsing: Array(try #require(text(name, in: plan)).utf8))
    }

    private static let config = """
        base_model: Test/Base  # ours
        merge_method: della
        dtype: float16
        models: [{model: Test/One, parameters: {weight: 1}}]
        """

    private func plan(_ text: String = config, _ prepare: (TinyModels) throws -> Void = { _ in }) throws
        -> MergePlan
    {
        let models = try TinyModels()
        try models.makeModels(namedIn: text)
        try prepare(models)
        return try models.plan(text)
    }

    @Test func theConfigKeepsEveryFieldInOrderAndSetsTheTypeItHas() throws {
        let models = try TinyModels()
        try models.make("Test/One")
        let original = """
            {"z": 1, "torch_dtype": "bfloat16", "num_hidden_layers": 6, "tie_word_embeddings": false, "a": {"deep": [1, 1e-05]},
             "text_config": {"dtype": "bfloat16"}, "vision_config": {"x": null}, "rope_theta": 1000000.0}
            """
        try models.make("Test/Base")
        try FileSystem.remove(models.folder.pushing("Test/Base/config.json"))
        try models.write(original, to: "Test/Base/config.json")
        let written = try json("config.json", in: models.plan(Self.config))
        var expected = try JSON(parsing: Array(original.utf8))
        expected["torch_dtype"] = .string("float16")
        expected["text_config"] = .object(JSONObject([("dtype", .string("float16"))]))
        #expect(written == expected)
    }

    @Test(arguments: [("dtype", true, false), ("torch_dtype", false, true)])
    func onlyTheKeyThatIsThereIsSet(key: String, hasNew: Bool, hasOld: Bool) throws {
        var config = OutputConfig(base: .object(JSONObject([(key, .string("bfloat16"))])))
        config.setFormat(.float32)
        let json = try JSON(parsing: Array(config.text.utf8))
        #expect((json["dtype"] != nil) == hasNew && (json["torch_dtype"] != nil) == hasOld)
        #expect(json[key]?.stringValue == "float32")
    }

    @Test func theTypeIsTheOutputsWhereTheConfigNamesNone() throws {
        let plan = try plan(Self.config.replacing("dtype: float16\n", with: ""))
        #expect(try json("config.json", in: plan)["torch_dtype"]?.stringValue == "bfloat16")
        let narrowed = try self.plan(Self.config + "\nout_dtype: bfloat16\n")
        #expect(try json("config.json", in: narrowed)["torch_dtype"]?.stringValue == "bfloat16")
    }

    @Test func slicesRewriteTheNumberOfLayersAndWhatGoesByLayers() throws {
        let models = try TinyModels()
        try models.make("Test/Base", shape: "mistral", layers: 6) { _ in
        } editConfig: { config in
            config["layer_types"] = .array((0..<6).map { .string("kind-\($0)") })
        }
        try models.make("Test/One")
        let plan = try models.plan(
            Rule.slice("[0, 3]", base: "[0, 3]") + "\n" + """
                  - sources:
                      - {model: Test/Base, layer_range: [1, 4]}
                      - {model: Test/One, layer_range: [2, 5]}
                """)
        let config = try json("config.json", in: plan)
        #expect(config["num_hidden_layers"]?.intValue == 6)
        #expect(
            config["layer_types"]?.arrayValue?.compactMap(\.stringValue)
                == ["kind-0", "kind-1", "kind-2", "kind-1", "kind-2", "kind-3"])
    }

    @Test func tokenizerAndGenerationFilesAreCopiedAndOthersAreNot() throws {
        let names = [
            "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "generation_config.json",
            "preprocessor_config.json", "chat_template.jinja", "vocab.json", "merges.txt",
        ]
        let plan = try plan { models in
            for name in names + ["README.md", "pytorch_model.bin", "training_args.bin", "modeling_x.py"] {
                try models.write("{}", to: "Test/Base/\(name)")
            }
        }
        let copied = plan.companions.filter { if case .copy = $0.content { true } else { false } }
        #expect(Set(copied.map(\.name)) == Set(names))
        #expect(
            Set(plan.companions.map(\.name)).subtracting(names) == [
                "config.json", "README.md", "mergekit_config.yml",
            ])
    }

    @Test func codeThatAutoMapNamesIsCopiedWithWhatItImports() throws {
        let plan = try plan { models in
            try FileSystem.remove(models.folder.pushing("Test/Base/config.json"))
            try models.write(
                """
                {"num_hidden_layers": 6, "auto_map": {"AutoConfig": "configuration_x.Config",
                 "AutoModelForCausalLM": "modeling_x.Model", "AutoTokenizer": ["other/repo--tokenization_y.T", null]}}
                """, to: "Test/Base/config.json")
            try models.write("import torch\n", to: "Test/Base/configuration_x.py")
            try models.write(
                "from .kernels_x import run\nfrom . import third_x\n", to: "Test/Base/modeling_x.py")
            try models.write("", to: "Test/Base/kernels_x.py")
            try models.write("", to: "Test/Base/third_x.py")
            try models.write("", to: "Test/Base/tokenization_y.py")
        }
        let code = plan.companions.map(\.name).filter { $0.hasSuffix(".py") }
        #expect(code == ["configuration_x.py", "kernels_x.py", "modeling_x.py", "third_x.py"])
    }

    @Test(arguments: [
        ("from .a import b", ["a"]), ("  from . a.b import c", ["a"]), ("\tfrom . import a", ["a"]),
        ("from . import a as b, c  # d", ["a", "c"]),
        ("from . import (a as b,\n  c,  # (d)\n)\nimport d", ["a", "c"]),
        ("from . import a, \\\n  b\nc = d", ["a", "b"]), ("from . import a; b = c", ["a"]),
        ("from .importers import x", ["importers"]), ("from .. import a", []), ("from a import b", []),
        ("from .", []), ("from . import (a", ["a"]), ("from_ = .5", []), ("# from . import a", []),
    ])
    func modulesAreFoundHoweverTheyAreImported(text: String, modules: [String]) {
        #expect(PythonImports(text.utf8).modules == modules)
    }

    @Test func theCardHasFrontMatterLinksTheMethodAndTheConfig() throws {
        let plan = try plan()
        let card = try #require(text("README.md", in: plan))
        #expect(
            card.hasPrefix(
                """
                ---
                base_model:
                - Test/Base
                - Test/One
                library_name: transformers
                tags:
                - mergekit
                - merge
                - della
                ---
                # Out

                """))
        #expect(card.contains("[Test/One](https://huggingface.co/Test/One)"))
        #expect(card.contains("https://arxiv.org/abs/2406.11617"))
        #expect(card.contains("```yaml\n" + Self.config + "\n```"))
        #expect(text("mergekit_config.yml", in: plan) == Self.config)
        let metadata = card.split(separator: "---\n")[0]
        var list = ProblemList()
        #expect(YAMLReader.read(Array(metadata.utf8), into: &list)?.pairs?.count == 3)
        #expect(list.problems == [])
    }

    @Test func theCardNamesNoLocalPath() throws {
        let models = try TinyModels()
        try models.makeModels(namedIn: "Test/Base Test/One")
        let config = """
            base_model: \(models.folder)/Test/Base
            merge_method: della
            models: [{model: \(models.folder)/Test/One, parameters: {weight: 1}}]
            # ``` in a comment
            """
        let plan = try models.plan(config)
        let card = try #require(text("README.md", in: plan))
        #expect(!card.contains(models.folder.string))
        #expect(card.contains("* Base: Base\n* Merged: One\n"))
        #expect(card.contains("````yaml\nbase_model: Base\n"))
        #expect(card.hasPrefix("---\nbase_model: []\nlibrary_name: transformers\n"))
        #expect(plan.modelNames == ["Base", "One"])
        #expect(text("mergekit_config.yml", in: plan) == config)
    }

    @Test func severalShardsHaveAnIndexThatNamesEveryTensorAndItsFile() throws {
        let plan = try plan(Self.config + "\ndellad: {shard_size: 200}\n")
        #expect(plan.shards.count > 5)
        for (number, shard) in plan.shards.enumerated() {
            let digits = String(number + 1)
            #expect(
                shard.fileName.hasPrefix(
                    "model-" + String(repeating: "0", count: 5 - digits.count) + digits + "-of-000"))
            let data = shard.tensors.reduce(0) { $0 + $1.byteCount }
            #expect(data <= 200 || shard.tensors.count == 1)
        }
        #expect(
            plan.companions.first { $0.name == "model.safetensors.index.json" }?.content == .index)
        var bytes: [UInt8] = []
        OutputIndex(shards: plan.shards).pieces { bytes += $0 }
        let index = try JSON(parsing: bytes)
        // As Python writes it.
        #expect(index.serialized(indentedBy: 2) + "\n" == String(decoding: bytes, as: UTF8.self))
        #expect(OutputIndex(shards: plan.shards).byteCount == UInt64(bytes.count))
        let tensors = plan.shards.flatMap { shard in
            shard.tensors.map { ($0.name, shard.fileName, $0.byteCount) }
        }
        #expect(index["metadata"]?["total_size"]?.intValue == Int(tensors.reduce(0) { $0 + $1.2 }))
        let map = try #require(index["weight_map"]?.objectValue)
        #expect(map.count == tensors.count)
        #expect(tensors.allSatisfy { map[$0.0]?.stringValue == $0.1 })
    }

    @Test func noCompanionIsReadThroughALinkOutOfTheFolders() throws {
        let models = try TinyModels()
        try models.makeModels(namedIn: Self.config)
        let outside = try TinyModels()
        try outside.write("{}", to: "tokenizer.json")
        try FileSystem.remove(models.folder.pushing("Test/One/tokenizer.json"))
        link(models.folder.pushing("Test/One/tokenizer.json"), to: outside.folder.appending("tokenizer.json"))
        link(models.folder.pushing("Test/Base/additional_chat_templates"), to: outside.folder)
        link(models.folder.pushing("Test/Base/vocab.json"), to: outside.folder.appending("tokenizer.json"))
        let library = ModelLibrary(folders: [models.folder], workingDirectory: nil, allowsAnyPath: false)
        let text = Self.config + "\ntokenizer_source: base\n"
        let plan = try MergePlanner(library: library).plan(
            Array(text.utf8), fileName: "merge.yml", outputName: "Out")
        #expect(
            plan.warnings.count { $0.contains("leads out of the --models folders, and is left out") } == 2)
        #expect(plan.warnings.contains { $0.contains("Test/One has no tokenizer") })
        #expect(!plan.companions.contains { $0.name == "vocab.json" })
    }

    @Test func aCompanionThatBecameALinkSinceIsNotCopied() throws {
        let models = try TinyModels()
        try models.makeModels(namedIn: Self.config)
        let outside = try TinyModels()
        try outside.write("secret", to: "private")
        try models.write("{}", to: "Test/Base/tokenizer.json")
        let library = ModelLibrary(folders: [models.folder], workingDirectory: nil, allowsAnyPath: false)
        let text = Array(Self.config.utf8)
        let plan = try MergePlanner(library: library).plan(text, fileName: "m.yml", outputName: "Out")
        let tokenizer = models.folder.pushing("Test/Base/tokenizer.json")
        try FileSystem.remove(tokenizer)
        link(tokenizer, to: outside.folder.appending("private"))
        let output = models.folder.appending("Out")
        let run = MergeRun(
            plan: plan, configText: text, output: output,
            options: MergeOptions(memory: 8 << 20, threads: 1, engine: .posix), library: library)
        let failure = try #require(throws: MergeFailure.self) {
            _ = try run.perform(progress: MergeProgress(), stop: StopRequest())
        }
        #expect(failure.kind == .inputChanged)
        #expect(failure.message.contains("leads out of the --models folders by now"))
        #expect(try FileSystem.status(output) == nil)
    }

    private func link(_ path: FilePath, to target: FilePath) {
        _ = path.withPlatformString { link in target.withPlatformString { symlink($0, link) } }
    }

    @Test func aChatTemplateIsWrittenForOldAndNewReaders() throws {
        let plan = try plan(Self.config + "\nchat_template: chatml\n") { models in
            try models.write(
                "{\"model_max_length\": 1000000000000000019884624838656, \"chat_template\": \"old\"}",
                to: "Test/Base/tokenizer_config.json")
            try models.write("old", to: "Test/Base/chat_template.jinja")
        }
        let template = try #require(text("chat_template.jinja", in: plan))
        #expect(template.contains("<|im_start|>"))
        let tokenizer = try #require(text("tokenizer_config.json", in: plan))
        #expect(tokenizer.contains("1000000000000000019884624838656"))
        #expect(try json("tokenizer_config.json", in: plan)["chat_template"]?.stringValue == template)
    }

    /// Of templates that as many models have, the base's.
    @Test(arguments: [("one", "base"), ("base", "base")])
    func theUsualTemplateIsTheBasesWhereNoneIsMoreUsual(one: String, expected: String) throws {
        let plan = try plan(Self.config + "\nchat_template: auto\n") { models in
            try models.write("base", to: "Test/Base/chat_template.jinja")
            try models.write(one, to: "Test/One/chat_template.jinja")
        }
        #expect(text("chat_template.jinja", in: plan) == expected)
    }

    @Test(arguments: [
        (String?.none, "has no tokenizer_config.json: the"),
        ("{\"a\": 1,}", "'s tokenizer_config.json is not a JSON object: it is copied as it is, and the"),
        ("[]", "'s tokenizer_config.json is not a JSON object: it is copied as it is, and the"),
    ])
    func aTemplateThatStandsAloneIsSaidToAndWhy(tokenizer: String?, why: String) throws {
        let plan = try plan(Self.config + "\nchat_template: chatml\n") { models in
            if let tokenizer { try models.write(tokenizer, to: "Test/Base/tokenizer_config.json") }
        }
        let base = tokenizer == nil ? "the base " : "the base"
        #expect(plan.warnings == ["line 5: \(base)\(why) chat template stands alone"])
        #expect(plan.companions.contains { $0.name == "tokenizer_config.json" } == (tokenizer != nil))
    }

    @Test func aJinjaTextIsTakenAsItIsAndAutoTakesTheMostFrequent() throws {
        let jinja = "{% for m in messages %}{{ m['content'] }}{% endfor %}"
        let own = try plan(Self.config + "\nchat_template: \"\(jinja)\"\n")
        #expect(text("chat_template.jinja", in: own) == jinja)
        #expect(
            own.warnings == ["line 5: the base has no tokenizer_config.json: the chat template stands alone"])
        let automatic = try plan(
            """
            base_model: Test/Base
            merge_method: della
            models: [{model: Test/One, parameters: {weight: 1}}, {model: Test/Two, parameters: {weight: 1}}]
            chat_template: auto
            """
        ) { models in
            try models.write("{\"chat_template\": \"{{ one }}\"}", to: "Test/Base/tokenizer_config.json")
            try models.write("{{ two }}\n", to: "Test/One/chat_template.jinja")
            try models.write(
                "{\"chat_template\": [{\"name\": \"default\", \"template\": \"{{ two }}\"}]}",
                to: "Test/Two/tokenizer_config.json")
        }
        #expect(text("chat_template.jinja", in: automatic) == "{{ two }}")
    }
}
