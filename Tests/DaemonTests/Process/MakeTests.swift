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
    private func run(
        _ script: String, _ arguments: [String], in folder: TemporaryFolder
    ) throws -> (code: Int32, output: String, errors: String) {
        let (output, errors) = (folder.path / "stdout", folder.path / "stderr")
        for path in [output, errors] { try path.write("") }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Self.repository.appending("Makefile.d/\(script)").string)
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: folder.path.string)
        process.standardOutput = FileHandle(forWritingAtPath: output.string)
        process.standardError = FileHandle(forWritingAtPath: errors.string)
        try process.run()
        process.waitUntilExit()
        defer { for path in [output, errors] { try? FileSystem.remove(path) } }
        return (process.terminationStatus, output.text, errors.text)
    }

    /// A toolchain of that version, as far as its name for itself goes.
    private func toolchain(_ version: String, in folder: TemporaryFolder) throws -> String {
        let path = folder.path / "swift-\(version)"
        try FileSystem.writeWhole(
            Array("#!/bin/sh\necho 'Swift version \(version) (swift-\(version)-RELEASE)'\n".utf8), to: path,
            sync: false, permissions: 0o755)
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
