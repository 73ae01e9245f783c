import StreamIO
import SystemPackage
import Testing

@testable import Della

/// What others read of a merge against what was merged, over the ways in which a config can name models and adapters.
@Suite struct PublicNameTests {
    private static let commits = ["a": "aaaa1111aaaa", "b": "bbbb2222bbbb"]

    /// Models `o/base`, `o/tune`, `o/two` with revisions, and adapters `o/lora`, `o/lora2` of any of them.
    private struct Rig {
        let models: TinyModels

        init() throws {
            models = try TinyModels()
            let config = try JSON(parsing: Array(#"{"model_type": "phi", "num_hidden_layers": 1}"#.utf8))
            let weight = NamedModel.tensor(
                "model.layers.0.q_proj.weight", [3, 2], Array(repeating: 1, count: 6))
            let snapshots = commits.values.map { "models--o--two/snapshots/\($0)" }
            for name in ["o/base", "o/tune"] + snapshots {
                try models.writeModel(name, tensors: [weight], config: config)
                try models.writeTokenizer(["a"], of: name)
            }
            for name in ["o/lora", "o/lora2"] {
                let module = "base_model.model.model.layers.0.q_proj"
                try models.writeModel(
                    name,
                    tensors: [
                        NamedModel.tensor("\(module).lora_A.weight", [1, 2], [1, 1]),
                        NamedModel.tensor("\(module).lora_B.weight", [3, 1], [1, 1, 1]),
                    ], config: .null)
                let folder = models.folder.pushing(FilePath(name))
                try FileSystem.rename(
                    folder.appending("model.safetensors"), to: folder.appending("adapter_model.safetensors"),
                    replacing: false)
                try models.write(
                    #"{"peft_type": "LORA", "r": 1, "lora_alpha": 1}"#, to: name + "/adapter_config.json")
            }
        }

        /// What a config calls a model or adapter: below `PATH` by its folder.
        func written(_ text: String) -> String { text.replacing("PATH", with: models.folder.string) }
    }

    /// A model as the table below has it: `o/base`, with a revision and adapter perhaps.
    struct Model: Sendable, CustomTestStringConvertible {
        var path: String
        var revision: String?
        var adapter: String?

        init(_ path: String, at revision: String? = nil, with adapter: String? = nil) {
            (self.path, self.revision, self.adapter) = (path, revision, adapter)
        }

        var testDescription: String { "\(path)@\(revision ?? "")+\(adapter ?? "")" }

        /// The ways in which a config may write it, as a value of `model:`.
        var spellings: [String] {
            let revised = revision.map { ", revision: \($0)" } ?? ""
            let short = path + (revision.map { "@" + $0 } ?? "")
            guard let adapter else {
                return [
                    short, "\"\(short)\"", "{path: \(path)\(revised)}",
                    "{model: {path: '\(path)'\(revised)}}",
                    "{model: \(short)}",
                ]
            }
            return [
                "\(short)+\(adapter)", "'\(short)+\(adapter)'", "{model: \(short), lora: \(adapter)}",
                "{path: \(path)\(revised), lora: {path: \(adapter)}}",
                "{model: {path: \(path)\(revised)}, lora: \"\(adapter)\"}",
                "{model: {path: \(path)\(revised)}, lora: [{model: {path: \(adapter)}}]}",
            ]
        }

        /// What is merged, as others may read it.
        var shown: ModelReference {
            func name(_ text: String) -> String {
                text.contains("PATH") || text.hasPrefix(".")
                    ? String(text.split(separator: "/").last ?? "") : text
            }
            return ModelReference(path: name(path), revision: revision, adapter: adapter.map(name))
        }
    }

    /// Base and models of a merge, among which some are hard to tell apart.
    static let sets: [[Model]] = [
        [Model("o/base"), Model("o/base", with: "o/lora")],
        [Model("o/base", with: "o/lora"), Model("o/base")],
        [Model("o/base"), Model("o/base", with: "o/lora"), Model("o/base", with: "o/lora2")],
        [Model("o/base", with: "o/lora2"), Model("o/tune", with: "o/lora2"), Model("o/base")],
        [Model("o/two", at: "aaaa1111aaaa"), Model("o/two", at: "bbbb2222bbbb", with: "o/lora")],
        [Model("o/two", at: "aaaa1111aaaa"), Model("o/two", at: "bbbb2222bbbb")],
        [Model("PATH/o/base"), Model("PATH/o/base", with: "o/lora"), Model("o/tune")],
        [Model("o/tune"), Model("o/base", with: "PATH/o/lora"), Model("o/base")],
        [
            Model("PATH/o/tune"), Model("PATH/o/base", with: "PATH/o/lora"),
            Model("PATH/o/base", with: "PATH/o/lora2"),
        ],
        [Model("./o/base"), Model("./o/base", with: "./o/lora")],
    ]

    private static func config(_ models: [String], tokens: String) -> String {
        "base_model: \(models[0])\nmerge_method: task_arithmetic\nmodels:\n"
            + models.dropFirst().map { "- model: \($0) # of \($0)\n  parameters: {weight: 1}\n" }.joined()
            + "tokenizer_source: \(tokens)\n"
    }

    private static func references(_ text: String) -> [ModelReference] {
        ConfigParser.parse(Array(text.utf8)).config.mentionedModels.map(\.model)
    }

    @Test(arguments: sets.indices, 0..<6)
    func theCardNamesWhatWasMerged(set: Int, spelling: Int) throws {
        let rig = try Rig()
        let models = Self.sets[set]
        let texts = models.map { $0.spellings[spelling % $0.spellings.count] }
        let text = rig.written(Self.config(texts, tokens: texts[texts.count - 1]))
        let plan = try Self.plan(text, rig)
        let shown = try Self.shownConfig(plan)
        #expect(!shown.contains(rig.models.folder.string), "\(shown)")
        let meant = (models + [models[models.count - 1]]).map(\.shown)
        #expect(Self.references(shown) == meant, "\(text)\n\(shown)")
        if !texts.contains(where: { $0.contains("PATH") || $0.contains("./") }) { #expect(shown == text) }
    }

    @Test(arguments: sets.indices)
    func everyInputIsOfTheModelWhoseFolderHasIt(set: Int) throws {
        let rig = try Rig()
        let texts = Self.sets[set].map { $0.spellings[0] }
        let text = rig.written(Self.config(texts, tokens: "base"))
        let plan = try Self.plan(text, rig)
        #expect(Set(plan.modelNames).count == plan.modelNames.count)
        let record = MergeRecord(
            plan: plan, configText: Array(text.utf8), files: [], constants: FoundConstants(), audit: nil,
            seconds: 0, warnings: [])
        var bytes: [UInt8] = []
        record.pieces { bytes += $0 }
        let inputs = try #require(JSON(parsing: bytes)["inputs"]?.arrayValue)
        for (input, recorded) in zip(plan.inputs, inputs) {
            let parts = input.folder.components.map(\.string)
            let name = try #require(recorded["model"]?.stringValue)
            let own =
                parts.contains("snapshots")
                ? "o/two@\(parts.last ?? "")" : parts.suffix(2).joined(separator: "/")
            #expect(name == own || name == parts.last, "\(input.path)")
        }
        #expect(inputs.count == plan.inputs.count)
        // What `check` prints of a model is its folder, its adapter's never.
        for (name, folder) in zip(plan.modelNames, plan.folders) {
            let own = name.split(separator: "+")[0].split(separator: "@")
            let last = own.count > 1 ? own[1] : own[0].split(separator: "/").last
            #expect(folder.lastComponent?.string == last.map(String.init))
        }
        #expect(plan.folders.count == plan.modelNames.count)
    }

    @Test func aStageWithAnAdapterKeepsItsName() throws {
        let rig = try Rig()
        let first = ModelReference(path: "first", adapter: "o/lora")
        var library = rig.models.library
        library.stages["first"] = .folder(rig.models.folder.pushing("o/tune"))
        let names = [ModelReference(path: "first"), first].map {
            ($0, ModelName($0, in: rig.models.folder.pushing("o/tune"), of: library))
        }
        let text = "base_model: first\nmerge_method: ties\nmodels: [{model: first+o/lora}]\n"
        #expect(PublicConfig(text, models: names).text == text)
    }

    @Test(arguments: [
        ("o/base+no/such", true), ("o/base+o/lora2", false), ("o/base+o/lora", false), ("o/base", false),
    ])
    func anAdapterOfATokenizerMustBeThere(source: String, isRefused: Bool) throws {
        let rig = try Rig()
        let text = Self.config(["o/base", "o/base+o/lora"], tokens: source)
        let report = rig.models.report(text)
        #expect(
            report.contains { $0.contains("line 5") || $0.contains(":6:") || $0.contains("no/such") }
                == isRefused, "\(report)")
        #expect(report.isEmpty == !isRefused, "\(report)")
    }

    private static func plan(_ text: String, _ rig: Rig) throws -> MergePlan {
        let library = ModelLibrary(
            folders: text.contains("./") ? [] : [rig.models.folder], workingDirectory: rig.models.folder,
            allowsAnyPath: true)
        return try MergePlanner(library: library).plan(
            Array(text.utf8), fileName: "merge.yml", outputName: "Out")
    }

    private static func shownConfig(_ plan: MergePlan) throws -> String {
        guard case .text(let card) = plan.companions.first(where: { $0.name == "README.md" })?.content
        else { return "" }
        return ModelCard.config(shownBy: card)
    }
}
