import Foundation
import StreamIO
import SystemPackage
import Testing

/// Parts that are not of one merge, or find that theirs cannot be: what they say, and that nothing is lost.
@Suite struct PartAgreementTests {
    @Test func partsOfAnotherMergeAreRefusedAndLoseNothing() throws {
        let tiny = try TinyMerge(engine: "posix")
        let expected = try tiny.undisturbed()
        #expect(try tiny.part("0/2").code == 0)
        let config = tiny.folder.appending("merge.yml")
        let text = try FileSystem.readWhole(config, limit: 1 << 20)
        func refused(_ ending: TinyMerge.Ending, _ reason: String) {
            #expect(ending.code == 65, "\(ending)")
            #expect(ending.errors.contains("its parts were begun otherwise: \(reason)"), "\(ending.errors)")
        }
        refused(try tiny.part("1/2", ["--seed", "5"]), "the seed is 5, it was begun with ")
        refused(try tiny.part("1/3"), "they are 2 parts, not 3")
        refused(try tiny.part("0/2", ["--shard-size", "1MB"]), "it makes ")
        refused(try tiny.part("1/2", ["--no-report"]), "they take figures for a report, this one does not")
        refused(try tiny.assemble(["--seed", "5"]), "the seed is 5")
        try FileSystem.replaceAtomically(config, with: text + Array("# more\n".utf8))
        refused(try tiny.part("1/2"), "the config has changed")
        refused(try tiny.assemble(), "the config has changed")
        try FileSystem.replaceAtomically(config, with: text)
        let single = try tiny.run(nil)
        #expect(single.code == 75 && single.errors.contains("is being merged in parts"), "\(single)")
        // What was done is still worth something.
        #expect(try tiny.part("0/2").output.contains("was done before"))
        #expect(try tiny.part("1/2", ["--assemble"]).code == 0)
        try PartedMergeTests.expectSame(expected, tiny)
    }

    @Test func partsWithoutFiguresMakeAModelWithoutAReportAndSaySo() throws {
        let tiny = try TinyMerge(engine: "posix")
        for part in ["0/2", "1/2"] { #expect(try tiny.part(part, ["--no-report"]).code == 0) }
        let ending = try tiny.assemble()
        #expect(
            ending.code == 0 && ending.errors.contains("gets no report: its parts took no figures"),
            "\(ending)")
        let names = try FileSystem.entries(of: tiny.output)
        #expect(names.contains("dellad.json") && !names.contains("report.html"), "\(names)")
        #expect(try tiny.leftovers() == [])
    }

    @Test func aDamagedAgreementIsNamedWithItsRemedy() throws {
        let tiny = try TinyMerge(engine: "posix")
        #expect(try tiny.part("0/2").code == 0)
        let agreement = tiny.folder.appending(".out.journals").appending("agreement")
        try FileSystem.replaceAtomically(agreement, with: Array("what".utf8))
        for ending in [try tiny.part("1/2"), try tiny.assemble()] {
            #expect(ending.code == 65, "\(ending)")
            #expect(ending.errors.contains("agreement: is damaged (remove "), "\(ending.errors)")
        }
    }

    /// What stands beside the output has longer names, and what assembly writes there longer ones than what parts do.
    @Test(arguments: [[], ["--part", "0/1"]])
    func aNameThatIsTooLongIsRefusedBeforeAnythingIsMade(part: [String]) throws {
        let tiny = try TinyMerge(engine: "posix")
        var refused = 0
        for length in 238...255 {
            let output = tiny.folder.appending(String(repeating: "n", count: length))
            let words = { (command: String, more: [String]) in
                tiny.arguments(command, more).map { $0 == tiny.output.string ? output.string : $0 }
            }
            let isInParts = !part.isEmpty
            let part = try Executable.run(words("merge", part), in: tiny.notes)
            if part.code != 0 {
                #expect(part.code == 73 && part.errors.contains("use a shorter name"), "\(length): \(part)")
                refused += 1
            } else {
                #expect(refused == 0, "\(length)")
                let ending = isInParts ? try Executable.run(words("assemble", []), in: tiny.notes) : part
                #expect(ending.code == 0, "\(length): \(ending)")
                try FileSystem.removeTree(output)
            }
            #expect(try tiny.leftovers() == [], "\(length)")
        }
        #expect(refused > 0 && refused < 18)
    }

    @Test func aChangedModelIsNoticedByPartsAndAssembly() throws {
        let tiny = try TinyMerge(engine: "posix")
        #expect(try tiny.part("0/2").code == 0)
        let model = tiny.folder.appending("tune").appending("model.safetensors")
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSinceNow: -7200)], ofItemAtPath: model.string)
        for ending in [try tiny.part("1/2"), try tiny.part("0/2"), try tiny.assemble()] {
            #expect(ending.code == 65, "\(ending)")
            #expect(
                ending.errors.contains(
                    "begun otherwise: the model file model.safetensors of tune has changed: its time, and nothing else; "
                        + "copies must keep their times: rsync -t, cp -p"), "\(ending.errors)")
        }
        let bytes = try FileSystem.readWhole(model, limit: 1 << 24)
        try FileSystem.replaceAtomically(model, with: bytes + [0])
        let other = try tiny.part("1/2")
        #expect(other.code == 65, "\(other)")
    }

    /// As a disk that fills up leaves it.
    @Test func anEmptyJournalIsOfAMergeThatWasNotBegun() throws {
        let tiny = try TinyMerge(engine: "posix")
        #expect(try tiny.part("0/2").code == 0)
        let journals = tiny.folder.appending(".out.journals")
        try FileSystem.writeWhole([], to: journals.appending("1-of-2.journal"), sync: false)
        let ending = try tiny.part("1/2", ["--assemble"])
        #expect(ending.code == 0 && !ending.errors.contains("starting over"), "\(ending)")
        try tiny.clear()
        try FileSystem.writeWhole([], to: tiny.folder.appending(".out.journal"), sync: false)
        let single = try tiny.run(nil)
        #expect(single.code == 0 && !single.errors.contains("starting over"), "\(single)")
    }

    @Test func figuresThatWereLostAreNotSaidToBeNone() throws {
        let tiny = try TinyMerge(engine: "posix")
        for part in ["0/2", "1/2"] { #expect(try tiny.part(part).code == 0) }
        try FileSystem.remove(tiny.folder.appending(".out.journals").appending("1-of-2.statistics"))
        let ending = try tiny.assemble()
        #expect(ending.code == 0, "\(ending)")
        #expect(
            ending.errors.contains(
                "no report is made: the figures that were taken for it are lost or damaged"),
            "\(ending.errors)")
        #expect(!ending.errors.contains("took no figures"), "\(ending.errors)")
        #expect(try tiny.leftovers() == [])
    }

    /// A part that is done leaves the trace of the run that did it, and so does assembly.
    @Test func whatWasDoneBeforeIsNotTraced() throws {
        let tiny = try TinyMerge(engine: "posix")
        let trace = tiny.folder.appending("trace.json")
        #expect(try tiny.part("0/2", ["--trace", trace.string]).code == 0)
        let first = try FileSystem.readWhole(trace, limit: 1 << 24)
        let ending = try tiny.part("0/2", ["--trace", trace.string])
        #expect(ending.code == 0 && ending.errors.contains("no trace is written"), "\(ending)")
        #expect(try FileSystem.readWhole(trace, limit: 1 << 24) == first)
        #expect(try tiny.part("1/2", ["--trace", trace.string, "--assemble"]).code == 0)
        let text = String(decoding: try FileSystem.readWhole(trace, limit: 1 << 24), as: UTF8.self)
        #expect(text.contains("\"name\":\"read\""))
    }

    /// No part can be begun in a folder that is not there: nothing is waited for.
    @Test(arguments: [[], ["--wait"]])
    func aFolderThatIsNotThereIsNotWaitedFor(words: [String]) throws {
        let tiny = try TinyMerge(engine: "posix")
        var arguments = tiny.arguments("assemble", words)
        arguments[2] = tiny.folder.pushing("none/out").string
        let ending = try Executable.run(arguments, in: tiny.notes)
        #expect(ending.code == 73 && ending.errors.contains("create its folder"), "\(ending)")
    }

    @Test func aFileWithTheNameOfThePartsFolderIsNamed() throws {
        let tiny = try TinyMerge(engine: "posix")
        try FileSystem.replaceAtomically(tiny.folder.appending(".out.journals"), with: [])
        let ending = try tiny.part("0/1")
        #expect(ending.code == 73 && ending.errors.contains("(remove what has that name"), "\(ending)")
    }

    @Test func aNameThatIsTakenIsLeftAlone() throws {
        let tiny = try TinyMerge(engine: "posix")
        #expect(try tiny.part("0/1").code == 0)
        try FileSystem.createFolder(tiny.output)
        for ending in [try tiny.part("0/1"), try tiny.assemble()] {
            #expect(ending.code == 73 && ending.errors.contains("exists"), "\(ending)")
        }
        try FileSystem.removeTree(tiny.output)
        #expect(try tiny.assemble().code == 0)
    }
}
