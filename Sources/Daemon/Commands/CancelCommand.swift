import ArgumentParser
import StreamIO
import SystemPackage

/// `dellad cancel`: asks the daemon to cancel a job.
struct CancelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel",
        abstract: "Cancels a job and deletes its partial output, as touching incoming/NAME.cancel would."
    )

    @Argument(help: "The job.")
    var name: String

    @OptionGroup var options: SpoolOptions

    func run() throws {
        let name = try SpoolOptions.name(name)
        let spool = try options.existing()
        let places =
            [Spool.Folder.active, .incoming, .failed].map { spool.config(name, in: $0) } + [
                spool.incoming("\(name).yaml")
            ]
        guard try places.contains(where: { try FileSystem.status($0, followLinks: false) != nil }) else {
            throw CommandFailure(
                "\(name): there is nothing to cancel (dellad status lists the jobs)", .missingInput)
        }
        try options.request("\(name).cancel", in: spool)
    }
}
