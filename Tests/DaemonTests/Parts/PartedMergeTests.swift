import Foundation
import StreamIO
import SystemPackage
import Testing

@testable import MergeReference

/// Merges in parts by the program itself: several processes, one output.
@Suite struct PartedMergeTests {
    /// Everything but what says when it was made, and what was audited.
    static func expectSame(_ expected: [String: [UInt8]], _ tiny: TinyMerge) throws {
        let model = try tiny.model()
        #expect(model.keys.sorted() == expected.keys.sorted())
        for (name, bytes) in expected { #expect(model[name] == bytes, "\(name)") }
        #expect(try tiny.wrongHashes() == [])
        #expect(try tiny.leftovers() == [])
    }

    /// `dellad.json` without what differs from run to run.
    static func record(_ tiny: TinyMerge) throws -> [String: JSON] {
        let bytes = try FileSystem.readWhole(tiny.output.appending("dellad.json"), limit: 1 << 24)
        let members = try #require(try JSON(parsing: bytes).objectValue).members
        return Dictionary(uniqueKeysWithValues: members.map { ($0.key, $0.value) })
            .filter { $0.key != "seconds" && $0.key != "audit" }
    }

    @Test(
        arguments: [1, 2, 3, 7, 40],
        ["della", "karcher", "ties", "task_arithmetic"])
    func anyNumberOfPartsMakesTheFilesThatOneMergeMakes(count: Int, method: String) throws {
        var random = SeededRandom(seed: TestSeed.drawn())
        let engine = Bool.random(using: &random) ? "uring" : "posix"
        let tiny = try TinyMerge(engine: engine, method: method)
        let single = try tiny.run(nil)
        try #require(single.code == 0, "\(single.errors)")
        let (expected, record) = (try tiny.model(), try Self.record(tiny))
        try tiny.clear()
        for part in (0..<count).shuffled(using: &random) {
            let ending = try tiny.part("\(part)/\(count)")
            #expect(ending.code == 0, "\(ending.errors)")
            #expect(ending.output.contains("part \(part)/\(count) of "), "\(ending.output)")
        }
        let again = try tiny.part("0/\(count)")
        #expect(again.code == 0 && again.output.contains("was done before"), "\(again)")
        let assembled = try tiny.assemble()
        #expect(assembled.code == 0 && assembled.output.contains(": assembled, "), "\(assembled)")
        try Self.expectSame(expected, tiny)
        #expect(try Self.record(tiny) == record)
        // Both come late, after the last journal is gone.
        let late = [try tiny.part("0/\(count)"), try tiny.assemble()]
        for ending in late { #expect(ending.code == 0, "\(ending)") }
        try Self.expectSame(expected, tiny)
        let verified = try Executable.run(["verify", tiny.output.string], in: tiny.notes)
        #expect(verified.code == 0, "\(verified.errors)")
    }

    @Test func partsAtOnceOfWhichTheLastAssemblesLeaveOneModel() throws {
        let tiny = try TinyMerge(engine: "posix")
        let expected = try tiny.undisturbed()
        for _ in 0..<4 {
            let running = try (0..<5).map { part in
                try Executable(
                    tiny.arguments("merge", ["--part", "\(part)/5", "--assemble"]), in: tiny.notes)
            }
            for process in running { #expect(process.wait() == 0, "\(process.errorText)") }
            let outputs = running.map(\.outputText)
            #expect(outputs.count { $0.contains(": assembled, ") } == 1, "\(outputs)")
            try Self.expectSame(expected, tiny)
            try tiny.clear()
        }
    }

    @Test func ofTwoAssembliesAtOnceOneDoesItAndNoneFails() throws {
        let tiny = try TinyMerge(engine: "posix")
        let expected = try tiny.undisturbed()
        for waits in [true, false, true, false] {
            for part in 0..<2 { #expect(try tiny.part("\(part)/2").code == 0) }
            let running = try (0..<3).map { _ in
                try Executable(tiny.arguments("assemble", waits ? ["--wait"] : []), in: tiny.notes)
            }
            let codes = running.map { $0.wait() }
            #expect(codes.contains(0), "\(running.map(\.errorText))")
            #expect(codes.allSatisfy { $0 == 0 || !waits && $0 == 75 }, "\(running.map(\.errorText))")
            #expect(running.count { $0.outputText.contains(": assembled, ") } == 1)
            try Self.expectSame(expected, tiny)
            try tiny.clear()
        }
    }

    @Test func partsThatAreNotDoneAreNamedOrWaitedFor() throws {
        let tiny = try TinyMerge(engine: "posix")
        let expected = try tiny.undisturbed()
        let none = try tiny.assemble()
        #expect(none.code == 75 && none.errors.contains("no part was begun yet"), "\(none)")
        #expect(try tiny.leftovers() == [])
        #expect(try tiny.part("1/4").code == 0)
        let some = try tiny.assemble()
        #expect(some.code == 75 && some.errors.contains("parts 0, 2 of 4 are not done yet"), "\(some)")
        let waiting = try Executable(tiny.arguments("assemble", ["--wait"]), in: tiny.notes)
        for part in [0, 3, 2] {
            usleep(100_000)
            #expect(waiting.isRunning)
            #expect(try tiny.part("\(part)/4").code == 0)
        }
        #expect(waiting.wait() == 0, "\(waiting.errorText)")
        try Self.expectSame(expected, tiny)
        // One that waits ends when it is told to.
        try tiny.clear()
        let stopped = try Executable(tiny.arguments("assemble", ["--wait"]), in: tiny.notes)
        usleep(500_000)
        stopped.signal(SIGTERM)
        #expect(stopped.wait() == 130)
    }

    @Test func aPartThatAnotherProcessHasIsLeftToIt() throws {
        let tiny = try TinyMerge(engine: "posix")
        #expect(try tiny.part("0/2").code == 0)
        let lock = try FileLock.take(tiny.folder.appending(".out.journals").appending("1-of-2.lock"))
        let ending = try tiny.part("1/2")
        #expect(ending.code == 75, "\(ending)")
        #expect(
            ending.errors.contains("another process is at it: process \(getpid()) on "), "\(ending.errors)")
        withExtendedLifetime(lock) {}
    }

    @Test func aPartStartedTwiceAtOnceIsBuiltOnce() throws {
        let tiny = try TinyMerge(engine: "posix")
        let expected = try tiny.undisturbed()
        for _ in 0..<4 {
            let running = try (0..<3).map { _ in
                try Executable(tiny.arguments("merge", ["--part", "0/1"]), in: tiny.notes)
            }
            let codes = running.map { $0.wait() }
            #expect(codes.contains(0) && codes.allSatisfy { $0 == 0 || $0 == 75 }, "\(codes)")
            #expect(try tiny.assemble().code == 0)
            try Self.expectSame(expected, tiny)
            try tiny.clear()
        }
    }

    @Test func aMergeWithoutPartsIsNotTakenOver() throws {
        let tiny = try TinyMerge(engine: "posix")
        let expected = try tiny.undisturbed()
        let journal = tiny.folder.appending(".out.journal")
        for number in stride(from: 1, to: 400, by: 10) where !journal.exists {
            #expect(try tiny.run("die:\(number)").code == -SIGKILL)
        }
        try #require(journal.exists)
        let ending = try tiny.part("0/2")
        #expect(ending.code == 75 && ending.errors.contains("go on without --part"), "\(ending)")
        #expect(try tiny.run(nil).code == 0)
        #expect(try tiny.model() == expected)
    }

    /// Builds three parts and kills their assembly, at earlier and earlier operations, until it has left what is asked for.
    private func killAssembly(_ tiny: TinyMerge, until isLeft: () throws -> Bool) throws {
        func build() throws {
            for part in 0..<3 { #expect(try tiny.part("\(part)/3").code == 0) }
        }
        try build()
        let count = tiny.folder.appending("count")
        #expect(try tiny.assemble(plan: "count:\(count)").code == 0)
        try tiny.clear()
        let last = try #require(Int(count.text.trimmingCharacters(in: .whitespacesAndNewlines)))
        for number in (last - 60...last).reversed() {
            try build()
            #expect(try tiny.assemble(plan: "die:\(number)").code == -SIGKILL)
            if try isLeft() { return }
            #expect(try tiny.assemble().code == 0)
            try tiny.clear()
        }
        Issue.record("no operation leaves that")
    }

    private func isWhole(_ tiny: TinyMerge) -> Bool {
        tiny.folder.appending(".out.journal").text.contains("\"complete\"")
    }

    @Test func whatIsGoneOfAMergeThatLacksItsNameIsBuiltAnew() throws {
        let tiny = try TinyMerge(engine: "posix")
        let expected = try tiny.undisturbed()
        try killAssembly(tiny) { !tiny.isPublished && isWhole(tiny) }
        let partial = tiny.folder.appending(".out.partial")
        let names = try FileSystem.entries(of: partial).filter { $0.hasPrefix("model-") }
        try FileSystem.remove(partial.appending(try #require(names.sorted().dropFirst().first)))
        let ending = try tiny.assemble()
        #expect(ending.code == 75 && ending.errors.contains("of 3 is not done yet"), "\(ending)")
        for part in 0..<3 { #expect(try tiny.part("\(part)/3").code == 0) }
        #expect(try tiny.assemble().code == 0)
        try Self.expectSame(expected, tiny)
    }

    @Test func aModelThatIsRemovedBeforeItsJournalsAreIsBuiltAnew() throws {
        let tiny = try TinyMerge(engine: "posix")
        let expected = try tiny.undisturbed()
        let agreement = tiny.folder.appending(".out.journals").appending("agreement")
        try killAssembly(tiny) { tiny.isPublished && agreement.exists }
        try FileSystem.removeTree(tiny.output)
        #expect(try tiny.part("0/3").code == 0)
        let ending = try tiny.assemble()
        #expect(ending.code == 75 && ending.errors.contains("parts 1, 2 of 3 are not done yet"), "\(ending)")
        for part in 1..<3 { #expect(try tiny.part("\(part)/3").code == 0) }
        #expect(try tiny.assemble().code == 0)
        try Self.expectSame(expected, tiny)
    }

    @Test func aPartialFolderBesideAModelThatHasItsNameGoes() throws {
        let tiny = try TinyMerge(engine: "posix")
        let expected = try tiny.undisturbed()
        let agreement = tiny.folder.appending(".out.journals").appending("agreement")
        try killAssembly(tiny) { tiny.isPublished && agreement.exists }
        try FileSystem.createFolder(tiny.folder.appending(".out.partial"))
        #expect(try tiny.assemble().code == 0)
        try Self.expectSame(expected, tiny)
    }

    @Test func aShardThatIsTooLongIsBuiltAnew() throws {
        let tiny = try TinyMerge(engine: "posix")
        let expected = try tiny.undisturbed()
        for part in 0..<2 { #expect(try tiny.part("\(part)/2").code == 0) }
        let partial = tiny.folder.appending(".out.partial")
        let name = try #require(FileSystem.entries(of: partial).sorted().first { $0.hasPrefix("model-") })
        try OpenFile.forUpdating(partial.appending(name), direct: false).append([0])
        let ending = try tiny.assemble()
        #expect(ending.code == 75 && ending.errors.contains("of 2 is not done yet"), "\(ending)")
        for part in 0..<2 { #expect(try tiny.part("\(part)/2").code == 0) }
        #expect(try tiny.assemble().code == 0)
        try Self.expectSame(expected, tiny)
    }

    @Test func aModelOfOtherWeightsOrWithoutItsOwnIsNotTakenForDone() throws {
        let tiny = try TinyMerge(engine: "posix")
        #expect(try tiny.part("0/1", ["--assemble"]).code == 0)
        let model = tiny.folder.appending("tune").appending("model.safetensors")
        let date = try FileManager.default.attributesOfItem(atPath: model.string)[.modificationDate] as? Date
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSinceNow: 60)], ofItemAtPath: model.string)
        for ending in [try tiny.part("0/1"), try tiny.assemble()] { #expect(ending.code == 73, "\(ending)") }
        try FileManager.default.setAttributes(
            [.modificationDate: try #require(date)], ofItemAtPath: model.string)
        #expect(try tiny.part("0/1").code == 0)
        let name = try #require(FileSystem.entries(of: tiny.output).first { $0.hasPrefix("model-") })
        try FileSystem.remove(tiny.output.appending(name))
        for ending in [try tiny.part("0/1"), try tiny.assemble()] { #expect(ending.code == 73, "\(ending)") }
    }

    @Test func partsWithoutAFileNeedNotBeStarted() throws {
        let tiny = try TinyMerge(engine: "posix")
        let expected = try tiny.undisturbed()
        let shards = expected.keys.count { $0.hasPrefix("model-") }
        for part in 0..<shards { #expect(try tiny.part("\(part)/50").code == 0) }
        #expect(try tiny.assemble().code == 0)
        try Self.expectSame(expected, tiny)
    }

    @Test func aRecipeIsRefusedWithItsLine() throws {
        let tiny = try TinyMerge(engine: "posix", method: "recipe")
        for ending in [
            try tiny.part("0/2"), try tiny.assemble(),
            try Executable.run(
                [
                    "check", tiny.folder.appending("merge.yml").string, "--models", tiny.folder.string,
                    "--parts", "2",
                ], in: tiny.notes),
        ] {
            #expect(ending.code == 65, "\(ending)")
            #expect(ending.errors.contains("a config of several documents cannot be merged in parts"))
        }
        #expect(try tiny.leftovers() == [])
    }

    @Test func checkShowsThePartsAndHowManyAreOfUse() throws {
        let tiny = try TinyMerge(engine: "posix")
        let arguments = ["check", tiny.folder.appending("merge.yml").string, "--models", tiny.folder.string]
        let few = try Executable.run(arguments + ["--parts", "2"], in: tiny.notes)
        #expect(few.code == 0, "\(few.errors)")
        #expect(few.output.contains("parts     2, of "), "\(few.output)")
        #expect(few.output.contains("\n          1/2  "), "\(few.output)")
        let many = try Executable.run(arguments + ["--parts", "50"], in: tiny.notes)
        #expect(many.output.contains("can be used (for more, make smaller files with --shard-size)"))
        let least = try Executable.run(arguments + ["--parts", "50", "--shard-size", "1"], in: tiny.notes)
        #expect(
            least.output.contains("can be used (each file has one tensor: no more can be)"), "\(least.output)"
        )
        let json = try Executable.run(arguments + ["--parts", "3", "--json"], in: tiny.notes)
        let parts = try #require(try JSON(parsing: Array(json.output.utf8))["parts"])
        #expect(parts["count"] == .int(3))
        #expect(parts["parts"]?.arrayValue?.count == 3)
    }

    @Test(arguments: [
        (["SLURM_ARRAY_TASK_ID": "1", "SLURM_ARRAY_TASK_COUNT": "2", "SLURM_ARRAY_TASK_MIN": "0"], true),
        (["SLURM_ARRAY_TASK_ID": "1", "DELLAD_PARTS": "2"], true),
        (["JOB_COMPLETION_INDEX": "1", "DELLAD_PARTS": "2"], true),
        (["JOB_COMPLETION_INDEX": "1"], false),
        (["SLURM_ARRAY_TASK_ID": "1", "SLURM_ARRAY_TASK_COUNT": "2", "SLURM_ARRAY_TASK_MIN": "1"], false),
        (
            [
                "SLURM_ARRAY_TASK_ID": "1", "SLURM_ARRAY_TASK_COUNT": "2", "SLURM_ARRAY_TASK_MIN": "0",
                "SLURM_ARRAY_TASK_MAX": "4",
            ], false
        ),
        (["SLURM_ARRAY_TASK_ID": "2", "DELLAD_PARTS": "2"], false),
        (["SLURM_ARRAY_TASK_ID": "one", "DELLAD_PARTS": "2"], false), ([:], false),
    ])
    func theEnginesOfClustersSayWhichPart(environment: [String: String], isPart: Bool) throws {
        let tiny = try TinyMerge(engine: "posix")
        let ending = try Executable.run(
            tiny.arguments("merge", ["--part", "auto"]), in: tiny.notes, environment: environment)
        #expect(ending.code == (isPart ? 0 : 64), "\(ending)")
        if isPart {
            #expect(ending.output.contains("part 1/2 of "), "\(ending.output)")
        } else {
            #expect(ending.errors.hasPrefix("dellad: --part auto: "), "\(ending.errors)")
        }
    }

    @Test(arguments: ["3", "2/2", "-1/2", "1/0", "1/4097", "a/b", "1/2/3", ""])
    func whatIsNoPartIsRefused(word: String) throws {
        let tiny = try TinyMerge(engine: "posix")
        #expect(try tiny.part(word).code == 64)
        #expect(try tiny.leftovers() == [])
    }
}
