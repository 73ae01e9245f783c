import StreamIO
import SystemPackage
import Testing

@testable import Della

/// What the model card, the warnings and `dellad.json` call models: names, never local paths.
@Suite struct ModelNameTests {
    /// Models in `Test/` and, as Hugging Face's cache has them, in `hub/`; configs name them from the folder above.
    private struct Rig {
        let models: TinyModels

        init() throws {
            models = try TinyModels()
            try models.makeModels(namedIn: "Test/Base Test/One Test/Two")
            try models.make("Test/One", as: "hub/models--Org--Cached/snapshots/abc1234")
        }

        /// Plans a config in which MODELS stands for the folder of the models.
        func plan(_ text: String, folders: [String] = []) throws(MergeProblems) -> MergePlan {
            let library = ModelLibrary(
                folders: folders.map { models.folder.pushing(FilePath($0)) },
                workingDirectory: models.folder, allowsAnyPath: true)
            return try MergePlanner(library: library).plan(
                Array(text.replacing("MODELS", with: models.folder.string).utf8), fileName: "merge.yml",
                outputName: "Out")
        }

        func card(_ text: String, folders: [String] = []) throws -> String {
            let plan = try plan(text, folders: folders)
            guard case .text(let card) = plan.companions.first(where: { $0.name == "README.md" })?.content
            else { return "" }
            #expect(!card.contains(models.folder.string))
            return card
        }
    }

    private static func config(_ base: String, _ one: String) -> String {
        "base_model: \(base)\nmerge_method: della\nmodels: [{model: \(one), parameters: {weight: 1, density: 0.5}}]\n"
    }

    @Test(arguments: [
        // A relative path is no name of the Hub, whatever it looks like.
        ("Test/Base", [], "Base", false), ("./Test/Base", [], "Base", false),
        ("Test/Base", ["Test"], "Base", false),
        ("MODELS/Test/Base", ["."], "Base", false), ("Test/Base", ["."], "Test/Base", true),
        ("Org/Base", ["Test"], "Org/Base", true), ("Base", ["Test"], "Base", false),
        ("Org/Cached", ["hub"], "Org/Cached", true),
        ("MODELS/hub/models--Org--Cached/snapshots/abc1234", [], "Org/Cached", true),
    ])
    func onlyANameThatWasLookedUpIsLinked(base: String, folders: [String], name: String, isLinked: Bool)
        throws
    {
        let card = try Rig().card(Self.config(base, "Test/Two"), folders: folders)
        #expect(
            card.contains(
                "\n* Base: " + (isLinked ? "[\(name)](https://huggingface.co/\(name))\n" : "\(name)\n")))
        #expect(card.contains("\nbase_model: \(name)\n"))
        let isListed = isLinked || (base == name && !folders.isEmpty)
        #expect(card.contains("base_model:\n- \(name)\n") == isListed)
    }

    @Test func aSlicesOwnBaseIsListedByName() throws {
        let card = try Rig().card(
            """
            base_model: MODELS/Test/Base
            merge_method: della
            slices:
            - base_model: MODELS/Test/Two
              sources:
              - {model: MODELS/Test/Two, layer_range: [0, 2]}
              - {model: MODELS/Test/One, layer_range: [0, 2], parameters: {weight: 1}}
            """)
        #expect(card.contains("* Base: Base\n* Merged: Two\n* Merged: One\n"))
        #expect(card.contains("- base_model: Two\n  sources:\n  - {model: Two, layer_range"))
    }

    @Test func onlyWholeValuesOfTheConfigAreReplaced() throws {
        let rig = try Rig()
        let name = try #require(rig.models.folder.lastComponent?.string)
        // The folder itself is a model, too.
        for file in ["config.json", "model.safetensors"] {
            try FileSystem.copy(
                ReadableFolders.all.open(rig.models.folder.pushing(FilePath("Test/Base/" + file))),
                to: rig.models.folder.appending(file))
        }
        #expect(
            try rig.card(Self.config(".", "./Test/One")).contains(
                "```yaml\n" + Self.config(name, "One") + "```"))
    }

    @Test(arguments: [
        ("\"MODELS/Test/Base\"", "Base"), ("'MODELS/Test/Base'", "Base"),
        ("&b.c MODELS/Test/Base", "&b.c Base"),
        ("!!str 'Test/Base'", "!!str Base"), ("{model: {path: MODELS/Test/Base}}", "{model: {path: Base}}"),
        (">-\n  MODELS/Test/Base", ">-\n  Base"), ("Test/Base # MODELS/Test/Base, ü", "Base # Base, ü"),
        ("Test/Base # MODELS/Test/Base2", "Base # MODELS/Test/Base2"),
    ])
    func valuesAreReplacedHoweverTheyAreWritten(value: String, expected: String) throws {
        let text = "base_model: \(value)\nmerge_method: della\n"
        let folder: FilePath = "/tmp/models"
        let reference = try #require(ModelReference("/tmp/models/Test/Base"))
        let relative = try #require(ModelReference("Test/Base"))
        let name = ModelName(
            reference, in: folder.pushing("Test/Base"),
            of: ModelLibrary(folders: [], workingDirectory: folder, allowsAnyPath: true))
        let config = PublicConfig(
            text.replacing("MODELS", with: folder.string), models: [(reference, name), (relative, name)])
        #expect(
            config.text
                == "base_model: \(expected)\nmerge_method: della\n".replacing("MODELS", with: folder.string))
    }

    @Test func warningsAndRecordsNameModels() throws {
        let rig = try Rig()
        try FileSystem.remove(rig.models.folder.pushing("Test/Base/tokenizer.json"))
        try FileSystem.createFolder(rig.models.folder.pushing("Test/Base/tokenizer.json"))
        let plan = try rig.plan(Self.config("MODELS/Test/Base@main", "Test/One"))
        #expect(
            plan.warnings == [
                "line 1: Base is taken for revision main: nothing in its folder tells one",
                "line 1: Base has no tokenizer, and so the output has none: copy one into it",
                "line 1: tokenizer.json of the base is no file that can be copied, and left out",
            ])
        #expect(plan.modelNames == ["Base", "One"])
    }
}
