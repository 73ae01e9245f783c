import StreamIO
import Testing

@testable import Della

/// What a recipe may say: every problem with its line and what to do, of all documents at once.
@Suite struct RecipeRuleTests {
    let models: TinyModels

    init() throws {
        models = try TinyModels()
        try models.makeModels(namedIn: "Test/Base Test/One Test/Two")
    }

    /// A document that merges these models, in four lines, or five with a name.
    static func document(_ name: String?, _ uses: String..., more: String = "") -> String {
        (name.map { "name: \($0)\n" } ?? "") + "merge_method: linear\ndtype: bfloat16\nmodels: ["
            + uses.map { "{model: \($0), parameters: {weight: 1}}" }.joined(separator: ", ") + "]\n"
            + (more.isEmpty ? "# nothing\n" : more + "\n")
    }

    static func recipe(_ documents: String...) -> String { documents.joined(separator: "---\n") }

    func check(_ text: String) throws -> PlanReport? {
        try RecipeReport(
            MergePlanner(library: models.library), text: Array(text.utf8), fileName: "merge.yml",
            outputName: "Out", memory: 64 << 20, threads: 1)?.report
    }

    /// The lines of the report that a config gets; empty where it is planned.
    func report(_ text: String) throws -> [String] {
        do {
            _ = try check(text)
            return []
        } catch RecipeError.problems(let problems) {
            return problems.problems.map { $0.description(in: "merge.yml") }
        }
    }

    private struct Case: Sendable {
        var text: String
        var found: [String]
    }

    private static let one = document("one", "Test/Base", "Test/One")
    private static let kept = "dellad: {keep: true}"

    @Test func whatIsWrongIsToldWithItsLine() throws {
        let cases: [(String, [String])] = [
            (Self.recipe(Self.one, Self.document(nil, "one", "Test/Two")), []),
            (Self.recipe(Self.document(nil, "one", "Test/Two"), Self.one), []),
            (Self.recipe(Self.one, Self.document("two", "one", "Test/Two")), []),
            (Self.recipe(Self.document("two", "one", "Test/Two"), Self.one), []),
            (
                Self.recipe(Self.one, Self.document(nil, "Test/Base", "Test/Two")),
                [
                    "1: no document uses the stage 'one' (name it as a model, remove its document, or write dellad: {keep: true} in it to have it beside the result)"
                ]
            ),
            (
                Self.recipe(Self.one, Self.document(nil, "./intermediates/one", "Test/Two")),
                [
                    "1: no document uses the stage 'one': line 9 names ./intermediates/one (write one there, a stage's name and no path)",
                    "9: ",
                ]
            ),
            (
                Self.recipe(
                    Self.document("one", "Test/Base", "Test/One", more: Self.kept),
                    Self.document(nil, "Test/Base", "Test/Two")), []
            ),
            (
                Self.recipe(Self.one, Self.one, Self.document(nil, "one", "Test/Two")),
                ["7: the stage 'one' is there already, at line 1 (give each document a name of its own)"]
            ),
            (
                Self.recipe(
                    Self.document(nil, "Test/Base", "Test/One"), Self.document(nil, "Test/Base", "Test/Two")),
                [
                    "6: a second document without a name, after the one at line 1 (only the result has none: write name: NAME, or keep one config, without the ---)"
                ]
            ),
            (
                Self.recipe(
                    Self.document("a", "b", "Test/One"), Self.document("b", "a", "Test/Two"),
                    Self.document(nil, "a", "b")),
                [
                    "1: the stages use each other in a circle: 'a' uses 'b' uses 'a' (name a model in place of one of them)"
                ]
            ),
            (
                Self.recipe(Self.document("a", "a", "Test/One"), Self.document(nil, "a", "Test/One")),
                ["1: the stage 'a' uses itself (name a model in place of one of them)"]
            ),
            (
                Self.recipe(Self.one, Self.document(nil, "one", "Test/Two"), ""),
                ["11: the document that begins here is empty (remove this ---)"]
            ),
            (
                Self.recipe(
                    Self.document("../up", "Test/Base", "Test/One"), Self.document(nil, "../up", "Test/Two")),
                [
                    "1: '../up' cannot be the name of a stage (\(RecipeStage.nameRule))",
                    "9: the model ../up was not found",
                ]
            ),
            (
                Self.recipe(
                    Self.document("one", "Test/Base", "Test/Gone"),
                    Self.document("two", "one", "Test/Two", more: "dtyp: bfloat16"),
                    Self.document(nil, "two", "Test/Lost")),
                [
                    "4: the model Test/Gone was not found",
                    "11: unknown key 'dtyp' (did you mean dtype?)",
                    "15: the model Test/Lost was not found",
                ]
            ),
            (
                // A document that is no YAML keeps nobody from reading the others.
                Self.recipe("name: one\nmerge_method: [\n", Self.document(nil, "one", "Test/Lost")),
                ["3: not YAML:", "6: the model Test/Lost was not found"]
            ),
            (
                Self.recipe(
                    "name: [one]\nmerge_method: linear\n", Self.document(nil, "Test/Base", "Test/Two")),
                ["1: name: is a list, not a text (write name: and a word)", "3: merge_method"]
            ),
            (
                Self.recipe(Self.one, Self.document(nil, "on", "Test/Two")),
                ["1: no document uses the stage 'one'", "9: the model on was not found"]
            ),
        ]
        for (text, expected) in cases {
            let found = try report(text)
            guard text.contains("name: [one]") == false else {
                #expect(found.first?.hasPrefix("merge.yml:" + expected[0]) == true, "\(found)")
                continue
            }
            #expect(found.count == expected.count, "\(text)\n\(found)")
            for (found, expected) in zip(found, expected) {
                #expect(found.hasPrefix("merge.yml:" + expected), "\(text)")
            }
        }
    }

    @Test func aNameThatIsNearlyAStagesIsSuggested() throws {
        let found = try report(
            Self.recipe(
                Self.document("first-merge", "Test/Base", "Test/One"),
                Self.document("second", "first-merge", "Test/Two"),
                Self.document(nil, "first_merge", "second")))
        #expect(found.count == 1)
        #expect(found.first?.contains("did you mean first-merge?") == true, "\(found)")
    }

    @Test func documentsHaveALimit() throws {
        let names = (0...MergeRecipe.stageLimit).map { "s\($0)" }
        let documents = names.map { Self.document($0, "Test/Base", "Test/One", more: Self.kept) }
        let text = documents.joined(separator: "---\n")
        #expect(
            try report(text) == [
                "merge.yml:385: 65 documents, and a recipe has at most 64 (merge some of them first, and name what they give)"
            ])
        let fewer = documents.dropFirst(60).joined(separator: "---\n")
        #expect(try report(fewer) == [])
    }

    @Test func aStagesNameBeatsAModels() throws {
        // A model of another number of layers has the stage's name.
        try models.make("Small", shape: "mistral", layers: 2)
        #expect(try report(Self.document(nil, "Small", "Test/One")) != [])
        #expect(
            try report(
                Self.recipe(
                    Self.document("Small", "Test/Base", "Test/Two"), Self.document(nil, "Small", "Test/One")))
                == [])
        let all = try check(
            Self.recipe(
                Self.document("Small", "Test/Base", "Test/Two"), Self.document(nil, "Small", "Test/One")))
        #expect(all?.stages.map(\.name) == ["Small"])
        #expect(all?.plan.modelNames == ["Small", "Test/One"])
        let text = try #require(all?.text)
        #expect(text.contains("Small  (a stage)"), "\(text)")
        #expect(!text.contains("dellad-check"), "\(text)")
    }

    /// A stage's own head is another matrix, its integers are compared, and its tokenizer is looked at, though none of it is
    /// made yet.
    @Test func aStageIsPlannedFromWhatTheOneBeforeWillBe() throws {
        let text = Self.recipe(
            """
            name: tall
            merge_method: passthrough
            dtype: bfloat16
            slices:
              - sources: [{model: Test/Base, layer_range: [0, 4]}]
              - sources: [{model: Test/One, layer_range: [2, 6]}]

            """,
            """
            merge_method: linear
            dtype: bfloat16
            models: [{model: tall, parameters: {weight: 1}}, {model: Test/Two, parameters: {weight: 1}}]
            tokenizer: {source: tall}

            """)
        let found = try report(text)
        #expect(found.count == 1)
        #expect(found.first?.contains("layers") == true, "\(found)")
        let stack = Self.recipe(
            String(text.split(separator: "---\n")[0]),
            "merge_method: passthrough\ndtype: bfloat16\nmodels: [{model: tall}]\ntokenizer: {source: tall}\n"
        )
        let fit = try #require(try check(stack))
        #expect(fit.stages.count == 1)
        #expect(
            fit.plan.shards.reduce(0) { $0 + $1.tensors.count }
                == fit.stages[0].report.plan.shards.reduce(0) { $0 + $1.tensors.count })
    }

    /// What check says is needed is what all stages need.
    @Test func theReportIsOfAllStages() throws {
        let text = Self.recipe(
            Self.one, Self.document("two", "one", "Test/Two", more: Self.kept),
            Self.document(nil, "two", "one"))
        let all = try #require(try check(text))
        let stages = all.stages.map(\.report)
        #expect(all.stages.map(\.name) == ["one", "two"])
        #expect(all.stages.map(\.isKept) == [false, true])
        #expect(all.stages.map(\.line) == [1, 7])
        #expect(stages.allSatisfy { $0.bytesWritten > 0 && $0.bytesRead > 0 })
        #expect(all.bytesWritten == stages.reduce(all.ownBytesWritten) { $0 + $1.bytesWritten })
        #expect(all.json["disk_needed"]?.intValue == Int(all.bytesWritten))
        #expect(all.json["stages"]?.arrayValue?.count == 2)
    }
}
