import Foundation
import StreamIO
import SystemPackage
import Testing

@testable import Daemon

/// What `make` runs for those who come new.
@Suite struct MakeTests {
    private static let repository = (0..<4).reduce(FilePath(#filePath)) { path, _ in
        path.removingLastComponent()
    }

    /// Runs one of the Makefile's scripts in a folder.
    ///
    /// - Parameter tools: a folder whose programs it finds before all others.
    private func run(
        _ script: String, _ arguments: [String], in folder: TemporaryFolder, tools: FilePath? = nil
    ) throws -> (code: Int32, output: String, errors: String) {
        let (output, errors) = (folder.path / "stdout", folder.path / "stderr")
        for path in [output, errors] { try path.write("") }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Self.repository.appending("Makefile.d/\(script)").string)
        process.arguments = arguments
        if let tools {
            let environment = ProcessInfo.processInfo.environment
            process.environment = environment.merging(["PATH": "\(tools):\(environment["PATH"] ?? "")"]) {
                $1
            }
        }
        process.currentDirectoryURL = URL(fileURLWithPath: folder.path.string)
        process.standardOutput = FileHandle(forWritingAtPath: output.string)
        process.standardError = FileHandle(forWritingAtPath: errors.string)
        try process.run()
        process.waitUntilExit()
        defer { for path in [output, errors] { try? FileSystem.remove(path) } }
        return (process.terminationStatus, output.text, errors.text)
    }

    /// Writes a program of a shell's.
    private func program(_ text: String, at path: FilePath) throws {
        try FileSystem.writeWhole(
            Array("#!/bin/sh\n\(text)\n".utf8), to: path, sync: false, permissions: 0o755)
    }

    /// A toolchain of that version, as far as its name for itself goes.
    private func toolchain(_ version: String, in folder: TemporaryFolder) throws -> String {
        let path = folder.path / "swift-\(version)"
        try program("echo 'Swift version \(version) (swift-\(version)-RELEASE)'", at: path)
        return path.string
    }

    @Test func aMissingToolchainIsNamedWithWhereItComesFrom() throws {
        let folder = try TemporaryFolder()
        let missing = try run("need-swift", ["/nowhere/swift"], in: folder)
        #expect(missing.code == 1 && missing.output.isEmpty)
        #expect(missing.errors.hasPrefix("dellad: there is no /nowhere/swift here (install Swift 6.3"))
        #expect(missing.errors.contains("https://www.swift.org/install/linux/"))
    }

    @Test(arguments: [
        ("5.10.1", false), ("6.2.3", false), ("6.3", true), ("6.3.1", true), ("6.10", true), ("7.0", true),
    ])
    func aToolchainIsRefusedThatIsTooOld(version: String, isFit: Bool) throws {
        let folder = try TemporaryFolder()
        let asked = try run("need-swift", [try toolchain(version, in: folder)], in: folder)
        #expect((asked.code == 0) == isFit, "\(asked.errors)")
        if !isFit { #expect(asked.errors.contains("is version \(version) (install Swift 6.3 or later")) }
    }

    /// A Debian of a folder's: apt that notes what it installs, and dpkg that knows of nothing else.
    private func debian(_ folder: TemporaryFolder) throws -> FilePath {
        let tools = folder.path / "tools"
        try FileSystem.createFolder(tools)
        let programs = [
            "apt-get": "[ \"$1\" = update ] || printf '%s\\n' \"$*\" >>'\(folder.path)/installed'",
            "dpkg-query": "grep -qw -- \"$4\" '\(folder.path)/installed' && echo 'install ok installed'",
            // It runs nothing but what it is given.
            "sudo": "exec \"$@\"",
        ]
        for (name, text) in programs { try program(text, at: tools / name) }
        try (folder.path / "installed").write("")
        return tools
    }

    @Test(arguments: [["--version"], ["package", "--version"]])
    func whatAToolchainLacksToRunIsInstalledOnce(command: [String]) throws {
        let folder = try TemporaryFolder()
        let tools = try debian(folder)
        let swift = folder.path / "swift"
        try program(
            """
            if [ "$*" = '\(command.joined(separator: " "))' ] && ! grep -q libncurses-dev '\(folder.path)/installed'; then
                echo 'swift: cannot open libncurses.so.6' >&2
                exit 127
            fi
            echo 'Swift version 6.3.1'
            """, at: swift)
        let asked = try run("need-swift", [swift.string], in: folder, tools: tools)
        #expect(asked.code == 0, "\(asked.errors)")
        for library in ["libcurl4-openssl-dev", "libncurses-dev", "libsqlite3-dev", "libxml2-dev"] {
            #expect(asked.output.contains(library))
        }
        #expect((folder.path / "installed").text.split(separator: "\n").count == 1)
        let again = try run("need-swift", [swift.string], in: folder, tools: tools)
        #expect(again.code == 0 && again.output.isEmpty)
        #expect((folder.path / "installed").text.split(separator: "\n").count == 1)
        // What apt has done all it can for.
        try FileSystem.remove(swift)
        try program("echo 'swift: no such processor' >&2; exit 126", at: swift)
        let broken = try run("need-swift", [swift.string], in: folder, tools: tools)
        #expect(broken.code == 1)
        #expect(broken.errors.contains("dellad: \(swift) does not run (install what it asks for"))
        #expect(broken.errors.contains("swift: no such processor"))
    }

    @Test func belowAHomeNothingIsInstalledElsewhere() throws {
        let folder = try TemporaryFolder()
        let tools = folder.path / "tools"
        try FileSystem.createFolder(tools)
        try program("exec '\(Executable.path)' \"$@\"", at: tools / "dellad")
        try program("", at: tools / "strip")
        let (root, home) = (folder.path / "root", "home/alice/.local")
        let arguments = [(tools / "dellad").string, root.string, "/\(home)", "/\(home)/lib/systemd/system"]
        let staged = try run("stage", arguments, in: folder, tools: tools)
        #expect(staged.code == 0, "\(staged.errors)")
        #expect(try FileSystem.entries(of: root) == ["home"])
        // Where the systemd of a user looks.
        let unit = root.pushing(FilePath("\(home)/share/systemd/user/dellad.service")).text
        #expect(unit.contains("ExecStart=/\(home)/bin/dellad serve"))
        #expect(unit.contains("ExecStartPre=/\(home)/lib/dellad/user-settings"))
        #expect(root.pushing(FilePath("\(home)/lib/dellad/user-settings")).exists)
    }

    @Test func theDemoSaysWhatTheMergeTook() throws {
        let folder = try TemporaryFolder()
        let demo = try run("demo", [Executable.path], in: folder)
        try #require(demo.code == 0, "\(demo.output)\(demo.errors)")
        func figure(_ label: String) -> Double? {
            let line = demo.output.split(separator: "\n").first { $0.hasPrefix(label) }
            return line?.split(separator: " ").compactMap { Double($0) }.first
        }
        let record = try JSON(
            parsing: try FileSystem.readWhole(
                folder.path.appending("demo/merged/seed/dellad.json"), limit: 1 << 24))
        let seconds = try #require(record["seconds"]?.doubleValue)
        let (time, rate) = (try #require(figure("time ")), try #require(figure("rate ")))
        #expect(seconds > 0 && abs(time - seconds) <= 0.01)
        let spool = Spool(root: folder.path.appending("demo/spool"), output: "")
        let figures = try #require(JobName("seed").flatMap { spool.readStatus($0) }).progress
        let moved = Double(figures.bytesRead + figures.bytesWritten) / 1e6
        #expect(moved > 900 && abs(rate * seconds - moved) < moved * 0.01, "\(demo.output)")
    }
}
