import StreamIO
import Synthesis
import SystemPackage
import Testing

@testable import Daemon

/// `dellad compare` and `dellad inspect`, by the built program.
@Suite struct CompareTests {
    /// What of a report speaks of the models alone, a tensor after the other.
    private func figures(_ report: JSON) throws -> [String] {
        let tensors = try #require(report["tensors"]?.arrayValue)
        let keys = ["name", "shape", "elements", "reference_squares", "products", "cosines", "conflicts"]
        return tensors.map { tensor in
            let own = keys.map { "\($0)=\(tensor[$0]?.serialized() ?? "-")" }
            let inputs = (tensor["inputs"]?.arrayValue ?? []).map { input in
                ["model", "squares", "magnitudes", "equal", "relative_difference"].map {
                    input[$0]?.serialized() ?? "-"
                }.joined(separator: " ")
            }
            return (own + inputs).joined(separator: " ")
        }
    }

    private func addModel(_ name: String, seed: UInt64, to rig: MergeRig) throws {
        var shape = CheckpointShape.all[CheckpointShape.all.count - 1]
        shape.vocabulary = 512
        try Synthesizer(
            SynthesisOptions(shape: shape, seed: seed, base: rig.models / "base", threads: 2)
        ).write(to: rig.models / name, written: SynthesisCounter())
    }

    @Test func figuresAreThoseOfAMergeForAnyBudgetThreadsAndEngine() throws {
        let rig = try MergeRig()
        try addModel("other", seed: 2, to: rig)
        try rig.config.rewrite(
            """
            base_model: base
            merge_method: task_arithmetic
            models:
              - {model: tuned, parameters: {weight: 1}}
              - {model: other, parameters: {weight: 1}}

            """)
        let out = rig.folder.path / "out"
        let merged = try rig.run(
            "merge", rig.config.string, out.string, "--models", rig.models.string)
        #expect(merged.code == 0, "\(merged.errors)")
        let expected = try figures(JSON(parsing: Array((out / "report.json").text.utf8), valueLimit: 100_000))
        for (memory, threads, engine) in [("3M", "1", "posix"), ("8M", "2", "uring"), ("1G", "2", "auto")] {
            let result = try rig.run(
                "compare", "base", "tuned", "other", "--models", rig.models.string, "--json",
                "--memory", memory, "--threads", threads, "--io", engine)
            #expect(result.code == 0, "\(result.errors)")
            let report = try JSON(parsing: Array(result.output.utf8), valueLimit: 100_000)
            #expect(try figures(report) == expected)
            #expect(report["method"] == .null && report["totals"]?["peak"] == .null)
        }
        let left = try FileSystem.entries(of: rig.folder.path).filter { !$0.hasPrefix("std") }.sorted()
        #expect(left == ["config.yml", "models", "out"], "compare leaves nothing behind")
    }

    @Test func theTableNamesTheModelsAndThePageIsWritten() throws {
        let rig = try MergeRig()
        let page = rig.folder.path / "page.html"
        let result = try rig.run(
            "compare", "base", "tuned", "--models", rig.models.string, "--html", page.string)
        #expect(result.code == 0, "\(result.errors)")
        let lines = result.output.split(separator: "\n")
        #expect(lines[0].hasPrefix("compared  ") && lines[0].contains(" of 1 model with base"))
        #expect(lines.contains { $0.hasPrefix("  tuned ") && $0.contains("%") && $0.contains("█") })
        #expect(lines.contains { $0.hasPrefix("  embed ") } && lines.contains { $0.hasPrefix("  0 ") })
        #expect(page.text.hasPrefix("<!DOCTYPE html>") && page.text.contains("Nothing was merged"))
    }

    @Test func whatIsWrongIsSaidWithoutALine() throws {
        let rig = try MergeRig()
        func run(_ arguments: String...) throws -> (code: Int32, output: String, errors: String) {
            try Executable.run(arguments + ["--models", rig.models.string], in: rig.folder)
        }
        for command in ["compare", "inspect"] {
            let gone = try run(command, "base", "tund")
            #expect(gone.code == 66)
            #expect(
                gone.errors.hasPrefix("dellad: \(command): the model tund was not found"), "\(gone.errors)")
            #expect(gone.errors.contains("did you mean tuned?"))
            let twice = try run(command, "base", "base")
            #expect(twice.code == 64 && twice.errors.contains("'base' is named twice"))
        }
        let nowhere = try run("compare", "base", "tuned", "--html", (rig.folder.path / "no/page").string)
        #expect(nowhere.code == 73 && nowhere.errors.contains("--html"), "\(nowhere.errors)")
    }

    @Test func inspectShowsModelsSideBySideAndWhatKeepsThemApart() throws {
        let rig = try MergeRig()
        let alike = try rig.run("inspect", "base", "tuned", "--models", rig.models.string)
        #expect(alike.code == 0, "\(alike.errors)")
        #expect(alike.output.contains("nothing keeps these models from being merged"))
        var shape = CheckpointShape.all[CheckpointShape.all.count - 1]
        (shape.vocabulary, shape.hidden) = (512, shape.hidden * 2)
        try Synthesizer(SynthesisOptions(shape: shape, threads: 1)).write(
            to: rig.models / "wide", written: SynthesisCounter())
        let card = "---\nlicense: apache-2.0\nbase_model:\n- mistralai/Mistral-7B-v0.1\n---\n# Wide\n"
        try? FileSystem.remove(rig.models / "wide" / "README.md")
        try (rig.models / "wide" / "README.md").write(card)
        let result = try rig.run("inspect", "base", "wide", "--models", rig.models.string, "--json")
        #expect(result.code == 0, "\(result.errors)")
        let json = try JSON(parsing: Array(result.output.utf8))
        let models = try #require(json["models"]?.arrayValue)
        #expect(models.map { $0["name"]?.stringValue } == ["base", "wide"])
        #expect(models[1]["hidden_size"]?.intValue == shape.hidden)
        #expect(models[1]["licence"]?.stringValue == "apache-2.0")
        #expect(models[1]["made_from"]?.arrayValue?.first?.stringValue == "mistralai/Mistral-7B-v0.1")
        #expect(models[0]["parameters"]?.intValue.map { $0 > 0 } == true)
        #expect(models[0]["types"]?.arrayValue?.first?["type"]?.stringValue == "BF16")
        #expect(models[0]["head"]?.stringValue == "own")
        #expect(
            (json["obstacles"]?.arrayValue ?? []).contains {
                $0["message"]?.stringValue?.contains("wide") == true
            })
    }
}
