import Glibc
import StreamIO
import SystemPackage
import Testing

@testable import Daemon

/// A command line without a command, and room on the disk.
@Suite struct MissingCommandTests {
    private let commands = Dellad.configuration.subcommands.compactMap { $0.configuration.commandName }

    @Test(arguments: [
        (["my.yml", "out"], "my.yml: no command is named (is a merge meant? dellad merge my.yml out)"),
        (
            ["--models", "/m", "my.yaml", "out"],
            "my.yaml: no command is named (is a merge meant? dellad merge --models /m my.yaml out)"
        ),
        (
            ["my merge.yml", "out"],
            "my merge.yml: no command is named (is a merge meant? dellad merge 'my merge.yml' out)"
        ),
        (
            ["my.yml"],
            "my.yml: no command is named (dellad check my.yml says what it needs, dellad merge my.yml OUT merges it)"
        ),
        (["mrege", "my.conf", "out"], "'mrege' is no command (did you mean merge?)"),
        (["submitt", "c.yml"], "'submitt' is no command (did you mean submit?)"),
        (["chek", "c.yaml", "--json"], "'chek' is no command (did you mean check?)"),
        (["mrge", "c.yml", "o"], "'mrge' is no command (did you mean merge?)"),
        (
            ["frobnicate", "c.yml"],
            "c.yml: no command is named (is a merge meant? dellad merge frobnicate c.yml)"
        ),
        (["./chek", "c.yml"], "c.yml: no command is named (is a merge meant? dellad merge ./chek c.yml)"),
        (["help", "mrege"], "'mrege' is no command (did you mean merge?)"),
        (
            ["frobnicate"],
            "'frobnicate' is no command (dellad help lists them; a merge is dellad merge CONFIG OUT)"
        ),
    ])
    func aCommandThatIsMissingIsAskedFor(words: [String], message: String) throws {
        #expect(MissingCommand(words: words, commands: commands).problem == message)
        let folder = try TemporaryFolder()
        let result = try Executable.run(words, in: folder)
        #expect(result.code == 64)
        #expect(result.errors == "dellad: \(message)\n")
    }

    @Test(arguments: [
        [], ["help"], ["help", "merge"], ["help", "help"], ["help", "--help"], ["--help"], ["--version"],
        ["merge", "a.yml", "out"], ["status"],
        ["--models", "m", "merge", "a.yml"],
        ["--generate-completion-script", "bash"], ["---completion", "status"],
    ])
    func whatNamesACommandIsLeftAlone(words: [String]) {
        #expect(MissingCommand(words: words, commands: commands).problem == nil)
    }

    @Test(arguments: ["0", "-3", "wide", ""])
    func aWidthThatNoTerminalHasIsForgotten(columns: String) throws {
        let folder = try TemporaryFolder()
        for words in [["--help"], ["merge", "--help"]] {
            let usual = try Executable.run(words, in: folder)
            let result = try Executable.run(words, in: folder, environment: ["COLUMNS": columns])
            #expect(result.code == 0 && result.output == usual.output, "\(result.output)")
        }
    }

    @Test func aShardSizeBeatsTheConfigsAndCountsBBillions() throws {
        let rig = try MergeRig(dellad: ", shard_size: 1GB")
        func shards(_ size: String) throws -> [JSON] {
            let result = try rig.run(
                "check", rig.config.string, "--models", rig.models.string, "--shard-size", size, "--json")
            #expect(result.code == 0, "\(result.errors)")
            return try #require(try JSON(parsing: Array(result.output.utf8))["shards"]?.arrayValue)
        }
        #expect(try shards("5B").count == 1)
        #expect(try shards("0.0002B").count > 1)
        #expect(try shards("0.0002B") == shards("200KB"))
        #expect(try shards("0.0625MiB") == shards("64K"))
        let out = rig.output
        let merge = try rig.run(
            "merge", rig.config.string, out.string, "--models", rig.models.string, "--shard-size", "200KB")
        #expect(merge.code == 0, "\(merge.errors)")
        #expect(
            try FileSystem.entries(of: out).count { $0.hasSuffix(".safetensors") } == shards("200KB").count)
        let audit = try rig.run("audit", out.string, "--models", rig.models.string, "--share", "100%")
        #expect(audit.code == 0, "\(audit.errors)")
        // Billions are of shards alone.
        let memory = try rig.run("check", rig.config.string, "--models", rig.models.string, "--memory", "1B")
        #expect(memory.code == 64)
    }

    @Test(arguments: ["1.5G", "64MiB", "1500MB", "1536M"])
    func sizesAreTakenAsPeopleWriteThem(size: String) throws {
        let rig = try MergeRig()
        let check = try rig.run(
            "check", rig.config.string, "--models", rig.models.string, "--memory", size, "--json")
        // Where a control group bounds the memory that is refused, with the same figure.
        let bytes = try #require(ByteCount(size)).bytes
        guard check.code == 0 else {
            #expect(check.code == 78 && Host().memory.groupLimit != nil, "\(check.errors)")
            return
        }
        #expect(try JSON(parsing: Array(check.output.utf8))["memory"]?.intValue == Int(bytes))
    }

    @Test func aDiskWithoutRoomIsToldWithWhatItLacks() throws {
        let rig = try MergeRig()
        let disk = rig.folder.path / "disk"
        try FileSystem.createFolder(disk)
        guard geteuid() == 0, system("mount -t tmpfs -o size=64k tmpfs \(disk) 2>/dev/null") == 0 else {
            return
        }
        defer { _ = system("umount \(disk)") }
        let check = try rig.run(
            "check", rig.config.string, "--models", rig.models.string, "--memory", "64M", "--output",
            (disk / "not" / "yet").string, "--json")
        #expect(check.code == 75, "\(check.errors)")
        let report = try JSON(parsing: Array(check.output.utf8))
        let missing = try #require(report["disk_missing"]?.intValue)
        let (needed, left) = (report["disk_needed"]?.intValue ?? 0, report["disk_free"]?.intValue ?? 0)
        #expect(missing > 0 && missing == needed - left)
        #expect(check.errors.contains("\(disk)/not/yet: the disk lacks \(Figure.bytes(UInt64(missing)))"))
        let roomy = try rig.run(
            "check", rig.config.string, "--models", rig.models.string, "--memory", "64M", "--json")
        #expect(roomy.code == 0)
        #expect(try JSON(parsing: Array(roomy.output.utf8))["disk_missing"]?.intValue == 0)
    }
}
