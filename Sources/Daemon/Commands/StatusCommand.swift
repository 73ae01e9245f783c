import ArgumentParser
import Glibc
import StreamIO

/// `dellad status`: what the spool is doing.
struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Shows the jobs of a spool, or all about one."
    )

    @Argument(
        help: "A job.",
        completion: .custom { words, _, _ in
            Completions.jobs(in: [.incoming, .active, .failed, .done], words)
        })
    var name: String?

    @OptionGroup var options: SpoolOptions

    @Flag(help: "Shows it again every second; of one job, until it has ended.")
    var watch = false

    @Flag(help: "Prints JSON.")
    var json = false

    func run() throws {
        let spool = try options.existing()
        let job = try name.map { text throws(CommandFailure) in try SpoolOptions.name(text) }
        var last = ""
        while true {
            let view = try view(of: spool)
            let (text, isFinal) = try render(view, job, of: spool)
            if !watch {
                StandardStream.output.write(text)
                return
            }
            show(text, after: last)
            last = text
            if isFinal { return }
            sleep(1)
        }
    }

    private func view(of spool: Spool) throws(CommandFailure) -> SpoolView {
        do {
            return try SpoolView(of: spool)
        } catch {
            guard error.errno == .permissionDenied else {
                throw CommandFailure("\(error) (remove the cause and try again)", .io)
            }
            throw CommandFailure(
                "\(error.path): Permission denied (\(AccessAdvice(for: error.path)))", .missingInput)
        }
    }

    /// What is printed, and whether nothing about it will change any more.
    private func render(
        _ view: SpoolView, _ job: JobName?, of spool: Spool
    ) throws(CommandFailure) -> (String, Bool) {
        guard let job else {
            let text =
                json
                ? view.json.serialized(indentedBy: 2) + "\n"
                : SpoolTable(
                    view: view, width: StandardStream.output.isTerminal ? StandardStream.output.width : 400
                ).text
            return (text, false)
        }
        guard let entry = view.entry(job) else {
            throw CommandFailure(
                "\(job): there is no such job in \(spool.root) (dellad status lists them)", .missingInput)
        }
        let text =
            json
            ? entry.status.json.serialized(indentedBy: 2) + "\n"
            : JobDetails(entry: entry, isServed: view.isServed).text
        return (text, entry.status.state.isFinal)
    }

    private func show(_ text: String, after last: String) {
        if StandardStream.output.isTerminal {
            // To the top left, each line to its end, then the rest of the screen.
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false).joined(
                separator: "\u{1B}[K\n")
            StandardStream.output.write("\u{1B}[H\(lines)\u{1B}[J")
        } else if text != last {
            StandardStream.output.write(text)
        }
    }
}
