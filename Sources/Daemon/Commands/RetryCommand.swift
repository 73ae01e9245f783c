import ArgumentParser
import StreamIO
import SystemPackage

/// `dellad retry`: asks the daemon to take up a failed job again.
struct RetryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry",
        abstract: "Takes up a failed job where it stopped, as touching incoming/NAME.retry would."
    )

    @Argument(
        help: "The job; after -- if its name begins with a dash.",
        completion: .custom { words, _, _ in Completions.jobs(in: [.failed], words) })
    var name: String

    @OptionGroup var options: SpoolOptions

    func run() throws {
        let name = try SpoolOptions.name(name)
        let spool = try options.existing()
        guard try spool.holds(name, in: .failed) else {
            throw CommandFailure("\(name): has not failed (dellad status lists the jobs)", .missingInput)
        }
        try options.request("\(name).retry", in: spool)
    }
}
