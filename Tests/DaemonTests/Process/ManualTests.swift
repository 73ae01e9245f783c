import ArgumentParser
import StreamIO
import SystemPackage
import Testing

@testable import Daemon

/// That manual pages, completions and documents keep up with the commands, whose help is what the parser makes of them.
@Suite struct ManualTests {
    /// A page without its markup.
    private func page(_ name: String) -> String {
        Repository.root.pushing(FilePath("docs/man/\(name)")).text
            .replacing("\\-", with: "-").replacing("\\fB", with: "").replacing("\\fI", with: "")
            .replacing("\\fR", with: "")
    }

    private var commands: [(name: String, type: any ParsableCommand.Type)] {
        Dellad.configuration.subcommands.compactMap { command in
            command.configuration.commandName.map { ($0, command) }
        }
    }

    @Test func theSynopsisHasEveryOptionOfEveryCommand() throws {
        let synopsis = try #require(
            page("dellad.8").split(separator: ".nf\n").dropFirst().first?.split(separator: ".fi").first)
        let entries = synopsis.split(separator: "dellad ")
        for (name, command) in commands {
            let entry = try #require(entries.first { $0.hasPrefix(name + " ") }, "\(name)")
            #expect(options(in: String(entry)) == listed(in: Dellad.helpMessage(for: command)), "\(name)")
        }
    }

    @Test(arguments: ["bash", "zsh", "fish"])
    func completionsHaveEveryCommandAndOption(shell: String) throws {
        let shellKind = try #require(CompletionShell(rawValue: shell))
        let script = Dellad.completionScript(for: shellKind)
        for (name, command) in commands {
            let offered = offered(to: name, in: script, of: shell)
            #expect(!offered.isEmpty, "\(name)")
            for option in listed(in: Dellad.helpMessage(for: command)) where option != "--help" {
                #expect(offered.contains(String(option)), "\(name) \(option)")
            }
        }
    }

    /// The options that a script offers after a command.
    private func offered(to command: String, in script: String, of shell: String) -> Set<String> {
        let lines = script.split(separator: "\n")
        guard shell != "fish" else {
            // It has them without dashes.
            let own = lines.filter { $0.contains("flags_or_options \"dellad \(command)\"") }
            return Set(
                own.compactMap { line in
                    line.split(separator: " -l '").dropFirst().first?.split(separator: "'").first.map {
                        "--\($0)"
                    }
                })
        }
        let body = lines.drop { $0 != "_dellad_\(command)() {" }.prefix { $0 != "}" }
        let words = body.joined(separator: " ").split { " '()[]{},:=|*".contains($0) }
        return Set(words.map(String.init).filter { $0.hasPrefix("--") })
    }

    @Test(arguments: ["bash", "zsh", "fish"])
    func completionsKnowShapesLevelsAndEngines(shell: String) throws {
        let script = Dellad.completionScript(for: try #require(CompletionShell(rawValue: shell)))
        for word in ["nemo-12b", "nemo-4l", "edge", "demo", "tiny", "critical", "notice", "uring", "posix"] {
            #expect(script.contains(word), "\(word)")
        }
    }

    /// Options that documents show after a command, in text and in blocks of commands.
    @Test(arguments: [
        "README.md", "docs/config.md", "docs/operating.md", "docs/performance.md", "docs/numerics.md",
        "docs/json.md", "docs/report.md", "docs/cluster.md",
        "CONTRIBUTING.md", "SECURITY.md",
    ])
    func documentsShowOptionsThatThereAre(file: String) throws {
        let text = Repository.root.pushing(FilePath(file)).text
        #expect(!text.isEmpty)
        // Code of one line, between backticks or in a block.
        for line in text.split(whereSeparator: \.isNewline) {
            for piece in line.split(separator: "`") {
                for (name, command) in commands {
                    guard let start = piece.firstRange(of: "dellad \(name) ")?.upperBound else { continue }
                    let shown = piece[start...].prefix { !"#&|;".contains($0) }
                    let known = listed(in: Dellad.helpMessage(for: command))
                    for option in options(in: String(shown)) {
                        #expect(known.contains(option), "\(file): dellad \(name) \(option)")
                    }
                }
            }
        }
    }

    @Test func everySettingIsInBothPagesAndEveryExitCodeInOne() throws {
        let (commands, settings) = (page("dellad.8"), page("dellad.yaml.5"))
        for setting in Setting.allCases {
            #expect(commands.contains(setting.variable), "\(setting.variable)")
            #expect(settings.contains(".BR \(setting.rawValue) \" ("), "\(setting.rawValue)")
        }
        let status = try #require(
            commands.split(separator: ".SH EXIT STATUS").last?.split(separator: ".SH ").first)
        for code in [64, 65, 66, 70, 73, 74, 75, 78, 130] {
            #expect(CommandFailure.Code(rawValue: Int32(code)) != nil)
            #expect(status.contains("\n\(code) "), "\(code)")
        }
    }

    @Test func everyDocumentThatIsInstalledIsThere() throws {
        for script in ["stage", "tarball"] {
            let text = Repository.root.pushing(FilePath("Makefile.d/\(script)")).text
            for document in [
                "config.md", "numerics.md", "operating.md", "cluster.md", "json.md", "report.md",
            ] {
                #expect(text.contains("docs/\(document)"), "\(script) \(document)")
                #expect(Repository.root.pushing(FilePath("docs/\(document)")).exists)
            }
        }
    }

    /// The options that a help message has a line for; the usage of a command with many does not name them.
    private func listed(in help: String) -> Set<Substring> {
        let lines = help.split(separator: "\n").filter { $0.hasPrefix("  --") }
        return Set(lines.compactMap { $0.split(separator: " ").first }).subtracting(["--version"])
    }

    private func options(in text: String) -> Set<Substring> {
        Set(text.split { " []\n`()|,".contains($0) }.filter { $0.hasPrefix("--") && $0.count > 2 })
    }
}
