import ArgumentParser
import CDaemon
import Della
import Glibc
import StreamIO

@main
struct Dellad: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dellad",
        abstract: "Merges language models in bounded memory, streaming them from disk.",
        version: Version.current,
        subcommands: [
            ServeCommand.self, MergeCommand.self, AssembleCommand.self, CheckCommand.self,
            InspectCommand.self, CompareCommand.self,
            FetchCommand.self, SynthCommand.self, StatusCommand.self, SubmitCommand.self, CancelCommand.self,
            RetryCommand.self, VerifyCommand.self, AuditCommand.self,
        ]
    )

    /// Runs the command line. Errors go to stderr, each line as `dellad: what is wrong (what to do)`.
    static func main() {
        dellad_prepare_process()
        do {
            let given = mergekitWords(CommandLine.arguments)
            let names = configuration.subcommands.compactMap { $0.configuration.commandName }
            if let problem = MissingCommand(words: given, commands: names).problem {
                throw CommandFailure(problem, .usage)
            }
            StandardStream.forgetImpossibleWidth()
            let words = CommandLineWords(words: given)
            var command = try words.parsed(
                { try parseAsRoot($0) }, isAnswer: { exitCode(for: $0).isSuccess })
            try command.run()
        } catch let failure as CommandFailure {
            for line in failure.message.split(separator: "\n") {
                StandardStream.error.write("\(errorPrefix)\(String(line).printable)\n")
            }
            if let appendix = failure.appendix { StandardStream.error.write("\n\(appendix)") }
            Glibc.exit(failure.exitCode)
        } catch let error as IOError {
            StandardStream.error.write(
                "\(errorPrefix)\("\(error)".printable) (remove the cause and try again)\n")
            Glibc.exit(CommandFailure.Code.io.rawValue)
        } catch {
            usageExit(error)
        }
    }

    /// The words behind the program's name. Those of a merge may be mergekit's, and all are where the program is called
    /// that.
    private static func mergekitWords(_ words: [String]) -> [String] {
        var given = Array(words.dropFirst())
        let program = words.first?.split(separator: "/").last.map { String($0) }
        if program == MergekitWords.programName { given.insert("merge", at: 0) }
        guard given.first == "merge" else { return given }
        let mergekit = MergekitWords(Array(given.dropFirst()))
        for remark in mergekit.remarks { StandardStream.error.write("dellad: \(remark.printable)\n") }
        return ["merge"] + mergekit.words
    }

    /// The journal knows the program; it is told the priority instead.
    private static var errorPrefix: String {
        StandardStream.error.isJournal(ProcessEnvironment.variables) ? "<3>" : "dellad: "
    }

    private static func usageExit(_ error: any Error) -> Never {
        let code = exitCode(for: error)
        var text = fullMessage(for: error)
        if code.isSuccess {
            do throws(CommandFailure) {
                if !text.isEmpty { try StandardStream.print(text + "\n") }
                Glibc.exit(0)
            } catch {
                StandardStream.error.write("\(errorPrefix)\(error.message)\n")
                Glibc.exit(error.exitCode)
            }
        }
        if text.hasPrefix("Error: ") { text = "dellad: " + text.dropFirst("Error: ".count) }
        if !text.isEmpty { StandardStream.error.write(text + "\n") }
        Glibc.exit(code.rawValue)
    }
}
