import StreamIO
import SystemPackage
import Testing

@testable import Daemon

/// That dellad(8) keeps up with the commands.
@Suite struct ManualTests {
    @Test func theSynopsisHasEveryOptionOfEveryCommand() throws {
        let path = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()
            .removingLastComponent().appending("docs/man/dellad.8")
        let text = String(decoding: try FileSystem.readWhole(path, limit: 1 << 20), as: UTF8.self)
            .replacing("\\-", with: "-").replacing("\\fB", with: "").replacing("\\fR", with: "")
        let synopsis = try #require(
            text.split(separator: ".nf\n").dropFirst().first?.split(separator: ".fi").first)
        let entries = synopsis.split(separator: "dellad ")
        for command in Dellad.configuration.subcommands {
            let name = try #require(command.configuration.commandName)
            let entry = try #require(entries.first { $0.hasPrefix(name + " ") }, "\(name)")
            #expect(options(in: String(entry)) == listed(in: Dellad.helpMessage(for: command)), "\(name)")
        }
    }

    /// The options that a help message has a line for; the usage of a command with many does not name them.
    private func listed(in help: String) -> Set<Substring> {
        let lines = help.split(separator: "\n").filter { $0.hasPrefix("  --") }
        return Set(lines.compactMap { $0.split(separator: " ").first }).subtracting(["--version"])
    }

    private func options(in text: String) -> Set<Substring> {
        Set(text.split { " []\n".contains($0) }.filter { $0.hasPrefix("--") })
    }
}
