import Glibc
import StreamIO
import SystemPackage
import Testing

@testable import Daemon
@testable import MergeReference

/// `dellad audit` and `merge --audit`, as processes.
@Suite struct AuditCommandTests {
    private let rig: MergeRig

    init() throws { rig = try MergeRig() }

    private func merge(
        _ name: String, _ options: [String] = [], plan: String? = nil
    ) throws -> (code: Int32, output: String, errors: String) {
        try Executable.run(
            [
                "merge", rig.config.string, (rig.output / name).string, "--models", rig.models.string,
                "--threads", "1", "--memory", "4M",
            ] + options, in: rig.folder, environment: plan.map { ["DELLAD_FAULT_PLAN": $0] } ?? [:])
    }

    private func audit(
        _ name: String, _ options: String...
    ) throws -> (code: Int32, output: String, errors: String) {
        try Executable.run(
            ["audit", (rig.output / name).string, "--models", rig.models.string] + options, in: rig.folder)
    }

    private func flipBit(of path: FilePath, fromEnd: UInt64) throws {
        let file = try OpenFile.forUpdating(path, direct: false)
        let place = try file.status().size - fromEnd
        let byte = try file.read(upTo: 1, at: place)[0] ^ 1
        try withUnsafeBytes(of: byte) { try file.write($0, at: place) }
    }

    @Test func aMergedFolderIsAudited() throws {
        try FileSystem.createFolder(rig.output)
        let merged = try merge("out")
        #expect(merged.code == 0, "\(merged.errors)")
        #expect(merged.output.contains("rows audited"))
        for share in [
            [], ["--share", "100%"], ["--share", "0.1 %"], ["--share", "0.1", "%"], ["--share=1"],
        ] {
            let ending = try Executable.run(
                ["audit", (rig.output / "out").string, "--models", rig.models.string] + share, in: rig.folder)
            #expect(ending.code == 0, "\(share): \(ending.errors)")
            #expect(ending.output.contains("are as computed anew"))
        }
        // The same seed and share give the same rows.
        let first = try audit("out", "--seed", "9", "--share", "20%")
        let second = try audit("out", "--seed", "9", "--share", "20%")
        #expect(first.output.split(separator: ";").first == second.output.split(separator: ";").first)
        // A model by its path needs no folder, and the seed of the record is taken.
        let text = rig.config.text.replacing("model: tuned", with: "model: \(rig.models / "tuned")")
            .replacing("base_model: base", with: "base_model: \(rig.models / "base")")
        try rig.config.rewrite(text)
        #expect(try merge("paths", ["--seed", "18446744073709551615"]).code == 0)
        let paths = try Executable.run(
            ["audit", (rig.output / "paths").string, "--share", "1"], in: rig.folder)
        #expect(paths.code == 0, "\(paths.errors)")
    }

    @Test func aDifferenceIsNamed() throws {
        try FileSystem.createFolder(rig.output)
        #expect(try merge("out", ["--no-audit"]).code == 0)
        try flipBit(of: rig.output / "out" / "model.safetensors", fromEnd: 2)
        let ending = try audit("out", "--share", "100%")
        #expect(ending.code == 65)
        #expect(
            ending.errors.contains("model.safetensors: lm_head.weight, row 511, element "), "\(ending.errors)"
        )
    }

    @Test func whatIsNotAsRecordedIsRefused() throws {
        try FileSystem.createFolder(rig.output)
        #expect(try merge("out", ["--audit", "off"]).code == 0)
        // Another model of the same name.
        let tuned = rig.models / "tuned" / "model.safetensors"
        try FileSystem.rename(rig.models / "tuned", to: rig.models / "real", replacing: false)
        let missing = try audit("out")
        #expect(missing.code == 66 && missing.errors.contains("tuned"), "\(missing.errors)")
        try FileSystem.createFolder(rig.models / "tuned")
        for name in try FileSystem.entries(of: rig.models / "real") {
            try FileSystem.copy(
                OpenFile.forReading(rig.models / "real" / name, direct: false),
                to: rig.models / "tuned" / name)
        }
        // A space more or less in the header is another header.
        var bytes = try FileSystem.readWhole(tuned, limit: 1 << 30)
        let space = try #require(bytes[8...].firstRange(of: Array(" ".utf8))?.lowerBound)
        bytes[space] = UInt8(ascii: "\n")
        try FileSystem.remove(tuned)
        try FileSystem.writeWhole(bytes, to: tuned, sync: false)
        let other = try audit("out")
        #expect(other.code == 65 && other.errors.contains("another header"), "\(other.errors)")
        #expect(other.errors.contains(tuned.string))
        try FileSystem.removeTree(rig.models / "tuned")
        try FileSystem.rename(rig.models / "real", to: rig.models / "tuned", replacing: false)
        #expect(try audit("out").code == 0)
        // Another config, no record, no folder.
        let config = rig.output / "out" / "mergekit_config.yml"
        let text = config.text
        try config.rewrite(text.replacing("0.5", with: "0.6"))
        let edited = try audit("out")
        #expect(edited.code == 65 && edited.errors.contains(config.string), "\(edited.errors)")
        try FileSystem.remove(rig.output / "out" / "dellad.json")
        #expect(try audit("out").code == 66)
        #expect(try audit("nowhere").code == 66)
        #expect(try audit("out", "--share", "5").code == 64)
    }

    @Test(arguments: ["auto", "0.1%", "100%"])
    func anAuditIsChosenForAMerge(policy: String) throws {
        try FileSystem.createFolder(rig.output)
        let merged = try merge("out", ["--audit", policy])
        #expect(merged.code == 0 && merged.output.contains("rows audited"), "\(merged.errors)")
        #expect(try audit("out", "--share", "1").code == 0)
        #expect(try merge("other", ["--audit", policy, "--no-audit"]).code == 64)
        #expect(try merge("other", ["--audit", "much"]).code == 64)
    }

    @Test func aMergeWithAWrongBitIsNotPublished() throws {
        try FileSystem.createFolder(rig.output)
        let ending = try merge("out", ["--audit", "100%"], plan: "spoil:1")
        #expect(ending.code == 65)
        #expect(ending.errors.contains("computed anew"), "\(ending.errors)")
        #expect(!(rig.output / "out").exists)
        #expect((rig.output / ".out.partial" / "model.safetensors").exists)
        #expect((rig.output / ".out.journal").exists)
        let again = try merge("out", ["--audit", "100%"])
        #expect(again.code == 0 && again.errors.contains("starting over"), "\(again.errors)")
        #expect(try audit("out", "--share", "1").code == 0)
    }

    @Test func aMergeThatIsKilledInItsAuditGoesOn() throws {
        try FileSystem.createFolder(rig.output)
        let counts = rig.folder.path / "operations"
        #expect(try merge("whole", ["--audit", "1"], plan: "count:\(counts)").code == 0)
        let count = try #require(Int(counts.text.filter(\.isNumber)))
        let weights = try rig.weights(rig.output / "whole")
        var random = SeededRandom(seed: TestSeed.drawn())
        // Most of what such a merge does is its audit.
        for round in 0..<4 {
            let name = "out-\(round)"
            let operation = Int.random(in: count / 2..<count * 2 / 3, using: &random)
            #expect(try merge(name, ["--audit", "1"], plan: "die:\(operation)").code == -SIGKILL)
            let again = try merge(name, ["--audit", "1"])
            #expect(again.code == 0, "died at \(operation): \(again.errors)")
            #expect(try rig.weights(rig.output / name) == weights)
        }
    }

    @Test func aJobWithAWrongBitFailsAndARetryBeginsAnew() throws {
        let daemon = try Executable(
            rig.serveArguments + ["--audit", "100%"], in: rig.folder,
            environment: ["DELLAD_FAULT_PLAN": "spoil:1"])
        try #require(rig.wait { (rig.spool / "incoming").exists && (rig.spool / "status").exists })
        try rig.drop("job")
        let reason = rig.spool / "failed" / "job.error.txt"
        try #require(rig.wait { reason.exists }, "\(daemon.errorText)")
        #expect(
            reason.text.contains("weight, row ") && reason.text.contains("computed anew"), "\(reason.text)")
        #expect(rig.wait { rig.status("job")?.state == .failed })
        #expect((rig.output / ".job.partial" / "model.safetensors").exists)
        #expect((rig.output / ".job.journal").exists && !(rig.output / "job").exists)
        let retry = try rig.run("retry", "job", "--spool", rig.spool.string)
        #expect(retry.code == 0)
        try #require(rig.wait { (rig.spool / "done" / "job.yml").exists }, "\(daemon.errorText)")
        #expect(try audit("job", "--share", "1").code == 0)
        daemon.signal(SIGTERM)
        #expect(daemon.wait() == 0)
    }
}
