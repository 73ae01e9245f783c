import Foundation
import StreamIO
import SystemPackage
import Testing

@testable import Daemon

/// Recipes through the built program: by hand, and dropped into a spool.
@Suite struct RecipeMergeTests {
    @Test func aRecipeMakesWhatItsStagesMakeOneByOne() throws {
        let rig = try RecipeRig()
        let expected = try rig.merged()
        let output = rig.folder.path / "out"
        try FileSystem.createFolder(output)
        let ending = try rig.merge(RecipeRig.recipe, to: output / "all", "--audit", "10%")
        #expect(ending.code == 0, "\(ending.errors)")
        #expect(try FileSystem.entries(of: output) == ["all", "all.drawn"])
        let result = try RecipeRig.files(output / "all")
        #expect(result.count > 3)
        #expect(result == expected[""])
        #expect(try RecipeRig.files(output / "all.drawn") == expected["drawn"])
        // Both have a report, and are as they were written.
        for name in ["all", "all.drawn"] {
            #expect((output / name / "report.html").exists)
            let verified = try Executable.run(["verify", (output / name).string], in: rig.folder)
            #expect(verified.code == 0, "\(verified.errors)")
        }
        let audit = try Executable.run(
            ["audit", (output / "all").string, "--models", rig.models.string], in: rig.folder)
        #expect(
            audit.code == 66 && audit.errors.contains("the stage 'stacked', which was not kept"),
            "\(audit.errors)")
        let check = rig.folder.path / "check.yml"
        try check.write(RecipeRig.recipe)
        let checked = try Executable.run(
            ["check", check.string, "--models", rig.models.string], in: rig.folder)
        #expect(checked.code == 0, "\(checked.errors)")
        for stage in RecipeRig.stages.dropLast() {
            #expect(checked.output.contains("stage     \(stage.name), line "))
        }
        #expect(checked.output.contains("of it by stages, until the end"))
    }

    @Test func aStoppedRecipeGoesOn() throws {
        let rig = try RecipeRig(vocabulary: 40_000)
        let output = rig.folder.path / "out"
        try FileSystem.createFolder(output)
        let config = rig.folder.path / "recipe.yml"
        try config.write(RecipeRig.recipe)
        let arguments = [
            "merge", config.string, (output / "all").string, "--models", rig.models.string, "--memory",
            "32M",
            "--threads", "1", "--no-report",
        ]
        let whole = try Executable.run(arguments, in: rig.folder)
        try #require(whole.code == 0, "\(whole.errors)")
        let expected = try RecipeRig.files(output / "all")
        for entry in try FileSystem.entries(of: output) { try FileSystem.removeTree(output / entry) }
        let run = try Executable(arguments, in: rig.folder)
        let end = ContinuousClock.now + .seconds(120)
        while run.isRunning, !(output / ".all.parts" / ".spherical.made").exists,
            ContinuousClock.now < end
        {
            usleep(1000)
        }
        run.signal(SIGTERM)
        let code = run.wait()
        #expect(code == 130 || code == 0, "\(run.errorText)")
        let again = try Executable.run(arguments, in: rig.folder)
        #expect(code == 0 || again.code == 0, "\(again.errors)")
        #expect(try RecipeRig.files(output / "all") == expected)
        #expect(try FileSystem.entries(of: output) == ["all", "all.drawn"])
    }
}

/// Recipes as jobs.
@Suite struct RecipeJobTests {
    private let rig: RecipeRig
    private let spool: Spool

    init() throws {
        rig = try RecipeRig(vocabulary: 20_000)
        spool = Spool(root: rig.folder.path / "spool", output: rig.folder.path / "output")
    }

    private func serve() throws -> Executable {
        try Executable(
            [
                "serve", "--spool", spool.root.string, "--output", spool.output.string, "--models",
                rig.models.string, "--threads", "1", "--memory", "32M",
            ], in: rig.folder)
    }

    private func drop(_ name: String, _ text: String = RecipeRig.recipe) throws {
        try spool.createFolders()
        let draft = spool.incoming(".\(name)")
        try draft.write(text)
        try FileSystem.rename(draft, to: spool.incoming("\(name).yml"), replacing: false)
    }

    private func wait(_ seconds: Double = 300, until condition: () throws -> Bool) rethrows -> Bool {
        let end = Date().addingTimeInterval(seconds)
        while Date() < end {
            if try condition() { return true }
            usleep(2000)
        }
        return try condition()
    }

    private func status(_ name: String) -> JobStatus? {
        JobName(name).flatMap { spool.readStatus($0) }
    }

    private func state(_ name: String) -> JobState? { status(name)?.state }

    private var entries: [String] {
        get throws {
            try FileSystem.entries(of: spool.output).filter { !$0.hasPrefix(SpoolLock.fileName) }
        }
    }

    @Test func aDroppedRecipeIsDoneHoweverOftenTheDaemonIsKilled() throws {
        try drop("whole")
        let first = try serve()
        var stages: Set<String> = []
        let isDone = wait {
            if let stage = status("whole")?.progress.stage { stages.insert(stage.name) }
            return state("whole")?.isFinal == true
        }
        #expect(
            isDone && state("whole") == .done, "\(String(describing: status("whole")))\(first.errorText)")
        #expect(!stages.isEmpty)
        first.killAndWait()
        let expected = try RecipeRig.files(spool.output / "whole")
        let kept = try RecipeRig.files(spool.output / "whole.drawn")
        #expect(try entries == ["whole", "whole.drawn"])

        try drop("killed")
        var kills = 0
        while kills < 6 {
            let daemon = try serve()
            if wait(Double.random(in: 0.05...1.5), until: { state("killed") == .done }) { break }
            daemon.killAndWait()
            kills += 1
        }
        print("\(kills) kills")
        let last = try serve()
        #expect(wait { state("killed")?.isFinal == true && ((try? entries.count) ?? 0) == 4 })
        #expect(state("killed") == .done, "\(String(describing: status("killed")))")
        last.killAndWait()
        #expect(try RecipeRig.files(spool.output / "killed") == expected)
        #expect(try RecipeRig.files(spool.output / "killed.drawn") == kept)
        #expect(try entries == ["killed", "killed.drawn", "whole", "whole.drawn"])
    }

    @Test func aCancelledRecipeLeavesNothing() throws {
        try drop("gone")
        let daemon = try serve()
        #expect(
            wait {
                (spool.output / ".gone.parts" / ".spherical.made").exists || state("gone")?.isFinal == true
            })
        let cancel = try Executable.run(
            ["cancel", "gone", "--spool", spool.root.string], in: rig.folder)
        #expect(cancel.code == 0, "\(cancel.errors)")
        #expect(wait { state("gone")?.isFinal == true })
        daemon.signal(SIGTERM)
        #expect(daemon.wait() == 0)
        if state("gone") == .cancelled { #expect(try entries == []) }
        // Retried, it is merged from its beginning.
        let retry = try Executable.run(["retry", "gone", "--spool", spool.root.string], in: rig.folder)
        #expect(retry.code == 0, "\(retry.errors)")
        let again = try serve()
        #expect(wait { state("gone") == .done })
        again.killAndWait()
        #expect(try entries == ["gone", "gone.drawn"])
    }

    @Test func aRecipeThatIsWrongIsRefusedOrFailsWithAllItsProblems() throws {
        try drop("good")
        let daemon = try serve()
        #expect(wait { state("good")?.isFinal == true })
        let wrong = RecipeRig.recipe.replacing("model: two", with: "model: three")
        let config = rig.folder.path / "wrong.yml"
        try config.write(wrong)
        let submitted = try Executable.run(
            ["submit", config.string, "--spool", spool.root.string], in: rig.folder)
        #expect(submitted.code == 66, "\(submitted.errors)")
        #expect(
            submitted.errors.split(separator: "\n").count { $0.contains("the model three was not found") }
                == 2)
        try drop("wrong", wrong)
        #expect(wait { state("wrong")?.isFinal == true })
        #expect(state("wrong") == .failed)
        #expect(status("wrong")?.exitCode == 66)
        daemon.killAndWait()
        #expect(try entries == ["good", "good.drawn"])
    }
}
