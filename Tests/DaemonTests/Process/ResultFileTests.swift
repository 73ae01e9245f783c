import Foundation
import Glibc
import StreamIO
import SystemPackage
import Testing

@testable import Daemon

/// Files that options name for what comes of a command: what they replace, and what they leave alone.
@Suite struct ResultFileTests {
    private func compare(
        _ rig: MergeRig, _ more: [String], prelude: String? = nil
    ) throws -> (code: Int32, output: String, errors: String) {
        let command = try Executable(
            ["compare", "base", "tuned", "--models", rig.models.string] + more, in: rig.folder,
            prelude: prelude)
        let code = command.wait()
        return (code, command.outputText, command.errorText)
    }

    /// By their names, by links, and by other names that they have.
    @Test(arguments: ["model.safetensors", "config.json", "link", "hard"])
    func aFileOfAModelIsNotReplaced(name: String) throws {
        let rig = try MergeRig()
        let base = rig.models / "base"
        let weights = try rig.weights(base)
        symlink((base / "model.safetensors").string, (rig.models / "link").string)
        link((base / "model.safetensors").string, (rig.models / "hard").string)
        let file = name.contains(".") ? base / name : rig.models / name
        let text = file.text
        let page = try compare(rig, ["--html", file.string])
        let trace = try rig.run(
            "merge", rig.config.string, rig.output.string, "--models", rig.models.string, "--trace",
            file.string)
        for (result, option) in [(page, "--html"), (trace, "--trace")] {
            #expect(result.code == 73 && result.output == "", "\(result)")
            #expect(
                result.errors
                    == "dellad: \(option) \(file): cannot be written: it is a file of the model in "
                    + "\(base) (name another file)\n")
        }
        #expect(try rig.weights(base) == weights && file.text == text)
        #expect(!rig.output.exists && !(rig.folder.path / ".output.journal").exists)
    }

    @Test func whatAMergeReadsAndMakesIsNotReplaced() throws {
        let rig = try MergeRig()
        let config = rig.config.text
        let other = rig.folder.path / "other.yml"
        symlink(rig.config.string, other.string)
        func merge(_ trace: String) throws -> (code: Int32, output: String, errors: String) {
            try rig.run(
                "merge", rig.config.string, rig.output.string, "--models", rig.models.string, "--trace", trace
            )
        }
        for file in [rig.config, other] {
            let result = try merge(file.string)
            #expect(result.code == 73 && result.errors.contains("this command reads it"), "\(result)")
        }
        for name in [
            "output", ".output.partial", ".output.journal", ".output.statistics", ".output.journals",
        ] {
            let result = try merge((rig.folder.path / name).string)
            #expect(result.code == 73 && result.errors.contains("it is the output's own"), "\(result)")
        }
        #expect(rig.config.text == config && !rig.output.exists)
        let stream = try merge("-")
        #expect(stream.code == 64 && stream.errors.contains("(name a file)"), "\(stream)")
        // One that an earlier run left is replaced.
        let trace = rig.models / "base" / "trace.json"
        for output in ["output", "again"] {
            let result = try rig.run(
                "merge", rig.config.string, (rig.folder.path / output).string, "--models", rig.models.string,
                "--trace", trace.string)
            #expect(result.code == 0 && trace.text.hasPrefix("{\"displayTimeUnit\""), "\(result)")
        }
    }

    @Test func aLinkStaysAndSoDoesWhatOthersPutBeside() throws {
        let rig = try MergeRig()
        let (page, named) = (rig.folder.path / "page.html", rig.folder.path / "named.html")
        try page.write("old")
        symlink("page.html", named.string)
        let others = [rig.folder.path / ".page.html.tmp", rig.folder.path / ".named.html.tmp"]
        for other in others { try other.write("theirs") }
        let result = try compare(rig, ["--html", named.string])
        #expect(result.code == 0, "\(result)")
        #expect(try FileSystem.status(named, followLinks: false)?.isLink == true)
        #expect(page.text.hasPrefix("<!DOCTYPE html>"))
        #expect(others.map(\.text) == ["theirs", "theirs"])
        #expect(try !FileSystem.entries(of: rig.folder.path).contains { $0.hasPrefix(".dellad") })
        let gone = rig.folder.path / "gone"
        symlink("nowhere", gone.string)
        let dangling = try compare(rig, ["--html", gone.string])
        #expect(dangling.code == 73 && dangling.errors.contains("leads to what is not there"))
    }

    /// The tests' standard output is a file.
    @Test(arguments: ["-", "/dev/stdout", "link"])
    func standardOutputTakesThePageInPlaceOfTheTable(name: String) throws {
        let rig = try MergeRig()
        let link = rig.folder.path / "link"
        symlink("/proc/self/fd/1", link.string)
        let file = name == "link" ? link.string : name
        let result = try compare(rig, ["--html", file])
        #expect(result.code == 0, "\(result)")
        #expect(result.output.hasPrefix("<!DOCTYPE html>") && result.output.hasSuffix("</html>\n"))
        #expect(try FileSystem.status(link, followLinks: false)?.isLink == true)
        let both = try compare(rig, ["--html", file, "--json"])
        #expect(both.code == 64 && both.output == "", "\(both)")
    }

    @Test func pipesAndDevicesAreWrittenInto() throws {
        let rig = try MergeRig()
        let (pipe, copy) = (rig.folder.path / "pipe", rig.folder.path / "copy")
        mkfifo(pipe.string, 0o600)
        let result = try compare(rig, ["--html", pipe.string], prelude: "{ cat '\(pipe)' > '\(copy)' & }")
        #expect(result.code == 0 && result.output.hasPrefix("compared "), "\(result)")
        #expect(rig.wait(seconds: 20) { copy.text.hasSuffix("</html>\n") })
        let full = try compare(rig, ["--html", "/dev/full"])
        #expect(full.code == 74 && full.errors.contains("No space left on device"), "\(full)")
        let null = try compare(rig, ["--html", "/dev/null", "--json"], prelude: "exec > /dev/null")
        #expect(null.code == 0, "\(null)")
    }

    @Test func aFolderIsSaidToBeOne() throws {
        let rig = try MergeRig()
        for folder in [rig.models.string, "..", "/"] {
            let result = try compare(rig, ["--html", folder])
            #expect(result.code == 73, "\(result)")
            #expect(result.errors == "dellad: --html \(folder): is a folder (name a file in it)\n")
        }
    }
}
