import StreamIO
import SystemPackage
import Testing

@testable import Della

/// Configs whose indentation was lost, as when they are copied from a web page.
@Suite struct IndentationRepairTests {
    /// Every config of the fixtures, of the rules and of the cards that has no flow mappings over several
    /// lines: each line on its own, so that taking its indentation away leaves what a page would print.
    static let configs =
        ["configs/seed-bfloat16.yml", "configs/two-bfloat16.yml", "configs/two-linear.yml"]
        + MergekitAgreementTests.names("cards").map { "mergekit/\($0)" }
        + ["slices", "slice-base", "module-slices", "gradients", "filters"].map {
            "mergekit/rules/\($0).yml"
        }

    private func flattened(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false)
            .map { $0.drop { $0 == " " } }.joined(separator: "\n")
    }

    @Test func theSeedConfigAsAPagePrintedItIsAnsweredWithOneThatMerges() throws {
        let text = try TestResources.read("pasted/seed-flattened.yml")
        let models = try TinyModels()
        try models.makeModels(namedIn: "MarinaraSpaghetti/NemoReRemix-12B Nohobby/YetAnotherMerge-v0.3")
        let planner = MergePlanner(library: models.library)
        let error = try #require(throws: MergeProblems.self) {
            _ = try planner.plan(text, fileName: "seed-flattened.yml", outputName: "seed")
        }
        let lines = error.description.split(separator: "\n").map(String.init)
        #expect(lines[0].contains("did you mean MarinaraSpaghetti/NemoReRemix-12B?"))
        #expect(lines[1].hasPrefix("seed-flattened.yml:3: the indentation is lost"))
        #expect(lines[2].contains("did you mean Nohobby/YetAnotherMerge-v0.3?"))
        #expect(error.exitCode == 65)

        let config = try #require(error.suggestion)
        #expect(error.description.hasSuffix("\n\n" + config))
        #expect(
            config == """
                base_model: MarinaraSpaghetti/NemoReRemix-12B
                parameters:
                  int8_mask: true
                  rescale: true
                  normalize: false
                merge_method: della
                dtype: bfloat16
                models:
                  - model: Nohobby/YetAnotherMerge-v0.3
                    parameters:
                      density: [0.45, 0.55, 0.45, 0.55, 0.45]
                      epsilon: [0.1, 0.1, 0.25, 0.1, 0.1]
                      lambda: 0.85
                      weight: [0.55, 0.45, 0.55, 0.45, 0.55]

                """)
        let plan = try models.plan(config)
        let card = try TestResources.read("mergekit/cards/NemoReRemix-YetAnotherMerge.yml")
        let expected = try planner.plan(card, fileName: "card.yml", outputName: "Out")
        #expect(plan.shards == expected.shards)
    }

    @Test func withoutTheModelsTheRepairKeepsTheNamesAndTheyAreReported() throws {
        let text = try TestResources.read("pasted/seed-flattened.yml")
        let models = try TinyModels()
        let error = try #require(throws: MergeProblems.self) {
            _ = try models.plan(String(decoding: text, as: UTF8.self))
        }
        #expect(error.problems.count == 3)
        #expect(error.suggestion?.contains("base_model: MarinaraSpaghettiNemoReRemix-12B") == true)
    }

    @Test(arguments: configs)
    func aConfigWithoutItsIndentationGetsItBack(config: String) throws {
        let text = String(decoding: try TestResources.read(config), as: UTF8.self)
        let models = try TinyModels()
        try models.makeModels(namedIn: text)
        let library =
            config.hasPrefix("configs") ? TestResources.library : models.library
        let planner = MergePlanner(library: library)
        func plan(_ text: String) throws -> MergePlan {
            try planner.plan(Array(text.utf8), fileName: "merge.yml", outputName: "Out")
        }
        let expected = try plan(text)
        do {
            // Some are the same without indentation.
            #expect(try plan(flattened(text)).shards == expected.shards)
        } catch let error as MergeProblems {
            #expect(error.problems.map(\.message).contains { $0.contains("indentation") }, "\(error)")
            let repaired = try #require(error.suggestion)
            #expect(try plan(repaired).shards == expected.shards, "\(repaired)")
        }
    }

    @Test func aParametersLineWithItsParametersBesideItIsRecognised() throws {
        let models = try TinyModels()
        let text = """
            base_model: Test/Base
            merge_method: della
            models:
              - model: Test/One
                parameters:
                weight: 0.5
                density: 0.6
            """
        try models.makeModels(namedIn: text)
        let error = try #require(throws: MergeProblems.self) { _ = try models.plan(text) }
        #expect(error.problems.map(\.line) == [6])
        let repaired = try #require(error.suggestion)
        #expect(try models.plan(repaired).shards.count == 1)
    }

    @Test(arguments: ["\r\n", "\n"], ["", " ", "\u{A0}\u{A0}"])
    func linesOfOtherSystemsAndSpacesOfWebPagesAreNoHindrance(end: String, space: String) throws {
        let text = String(decoding: try TestResources.read("pasted/seed-flattened.yml"), as: UTF8.self)
            .replacing("\ndensity", with: "\n\(space)density")
            .replacing("12B\n", with: "12B  # ours\n")
            .replacing("\n", with: end)
        let models = try TinyModels()
        try models.makeModels(namedIn: "MarinaraSpaghetti/NemoReRemix-12B Nohobby/YetAnotherMerge-v0.3")
        let error = try #require(throws: MergeProblems.self) { _ = try models.plan(text) }
        let repaired = try #require(error.suggestion)
        #expect(try models.plan(repaired).shards.flatMap(\.tensors).count == 363)
    }

    private static let head = "merge_method: della\nbase_model: Test/Base\n"
    private static let one = "- model: Test/One\n", two = "- model: Test/Two\n"
    private static let weights = "parameters:\nweight: 0.4\ndensity: 0.5\n"

    @Test(arguments: [
        ("after the last model", head + "models:\n" + one + weights + two + weights, 9),
        ("after the only model, with more below", "models:\n" + one + weights + head, 3),
        (
            "after the base, without a weight",
            "models:\n" + two + weights + "- model: Test/Base\nparameters:\ndensity: 0.5\n" + head, 7
        ),
        ("the merge's before", head + weights + "models:\n" + one + weights, nil),
        ("the merge's after", head + "models:\n" + one + weights + weights, nil),
        (
            "what only the merge has",
            "models:\n" + one + "parameters:\nweight: 1\n" + "parameters:\nnormalize: true\n" + head, nil
        ),
        (
            "what only the merge has, after the base",
            "models:\n" + one + weights + "- model: Test/Base\nparameters:\nnormalize: true\n" + head, nil
        ),
        (
            "before another model",
            head + "models:\n" + one + weights + "- model: Test/Two\nparameters:\n  weight: 1\n" + weights,
            nil
        ),
    ])
    func parametersThatCouldStandElsewhereAreNamed(name: String, text: String, line: Int?) throws {
        let models = try TinyModels()
        try models.makeModels(namedIn: "Test/Base Test/One Test/Two")
        let error = try #require(throws: MergeProblems.self, "\(name)") { _ = try models.plan(text) }
        let notes = error.problems.filter { $0.message.contains("indentation is lost") }.map(\.remedy)
        let start = "paste the re-indented config below"
        let doubt = line.map {
            ", and check where the parameters: of line \($0) stand: they may be one model's, or those of the whole merge"
        }
        #expect(notes == [start + (doubt ?? "")], "\(name): \(error)")
    }

    @Test func noConfigIsProposedThatWouldSteerATerminal() throws {
        let models = try TinyModels()
        func suggestion(_ base: String) -> String? {
            let text =
                "base_model: \(base)\nmerge_method: della\nparameters:\nweight: 1\nmodels:\n- model: A/B\n"
            do throws(MergeProblems) {
                _ = try models.plan(text)
                return nil
            } catch {
                return error.suggestion
            }
        }
        #expect(suggestion("Test/Base") != nil)
        #expect(suggestion("Test/\u{202E}Base") == nil)
    }

    @Test func otherProblemsAreNotTakenForLostIndentation() throws {
        let models = try TinyModels()
        try models.make("Test/Base")
        let lines = models.report(
            """
            base_model: Test/Base
            merge_method: della
            models:
                - model: Test/Base
                  parameters:
                          wieght: 0.5
            """)
        #expect(lines.count == 1 && lines[0].contains("did you mean weight?"))
    }
}
