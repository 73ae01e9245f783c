import ArgumentParser
import Glibc
import StreamIO

/// `dellad status`: what the spool is doing.
struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Shows the jobs of a spool, or all about one.",
        discussion: """
            With NAME and --watch it ends as the job does: 0 done, 130 cancelled, else as merge would have, 1 where \
            that is not known.
            """
    )

    /// Times that a job is looked for, or the status of one that has just ended, a second apart.
    private static let patience = 5

    @Argument(
        help: "A job.",
        completion: .custom { words, _, _ in
            Completions.jobs(in: [.incoming, .active, .failed, .done], words)
        })
    var name: String?

    @OptionGroup var options: SpoolOptions

    @Flag(help: "Shows it again every second; of one job, until it has ended.")
    var watch = false

    @Flag(help: "Shows what is done, the latest first, with how long each took.")
    var done = false

    @Flag(help: "Prints JSON.")
    var json = false

    func run() throws {
        let spool = try options.existing()
        let choice = json ? nil : options.choice
        let job = try name.map { text throws(CommandFailure) in try SpoolOptions.name(text) }
        var (last, late) = ("", 0)
        while true {
            var view = try view(of: spool)
            if done { view = view.history }
            let entry = try job.flatMap { job throws(CommandFailure) in
                try wanted(job, in: spool, view, &late, isFirst: last.isEmpty)
            }
            if job == nil || entry != nil {
                let text = (choice.map { $0.printable + "\n" } ?? "") + render(view, entry)
                if !watch { return try StandardStream.print(text) }
                try show(text, after: last)
                last = text
            }
            if let status = entry?.status, status.state.isFinal {
                // The config has moved; its status is about to say how it ended.
                late += 1
                let isKnown = status.state != .failed || status.exitCode != nil
                if isKnown || late >= Self.patience || !view.isServed {
                    guard status.outcomeCode == 0 else { throw ExitCode(status.outcomeCode) }
                    return
                }
            }
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
            throw CommandFailure.denied(error.path, .missingInput)
        }
    }

    /// The job; `nil` where it may be on its way from one folder to another.
    private func wanted(
        _ job: JobName, in spool: Spool, _ view: SpoolView, _ late: inout Int, isFirst: Bool
    ) throws(CommandFailure) -> SpoolView.Entry? {
        if let entry = view.entry(job) { return entry }
        // Its config was taken out of the spool before it ended.
        if !done, let status = spool.readStatus(job), status.state.isFinal {
            return SpoolView.Entry(folder: .status, status: status)
        }
        late += 1
        guard !isFirst, late < Self.patience else {
            throw CommandFailure(
                "\(job): there is no such job in \(spool.root) (dellad status lists them)", .missingInput)
        }
        return nil
    }

    private func render(_ view: SpoolView, _ entry: SpoolView.Entry?) -> String {
        if let entry {
            return json
                ? entry.status.json.serialized(indentedBy: 2) + "\n"
                : JobDetails(entry: entry, isServed: view.isServed).text
        }
        if json { return view.json.serialized(indentedBy: 2) + "\n" }
        let width = StandardStream.output.isTerminal ? StandardStream.output.width : 400
        return done ? HistoryTable(view: view, width: width).text : SpoolTable(view: view, width: width).text
    }

    private func show(_ text: String, after last: String) throws(CommandFailure) {
        if StandardStream.output.isSteerable() {
            // To the top left, each line to its end, then the rest of the screen.
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false).joined(
                separator: "\u{1B}[K\n")
            try StandardStream.print("\u{1B}[H\(lines)\u{1B}[J")
        } else if text != last {
            try StandardStream.print(text)
        }
    }
}
