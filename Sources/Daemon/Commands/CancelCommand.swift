import ArgumentParser
import StreamIO
import SystemPackage

/// `dellad cancel`: asks the daemon to cancel a job.
struct CancelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel",
        abstract: "Cancels a job and deletes its partial output, as touching incoming/NAME.cancel would."
    )

    @Argument(
        help: "The job; after -- if its name begins with a dash.",
        completion: .custom { words, _, _ in Completions.jobs(in: [.incoming, .active, .failed], words) })
    var name: String

    @OptionGroup var options: SpoolOptions

    func run() throws {
        let name = try SpoolOptions.name(name)
        let spool = try options.existing()
        let waiting = Spool.fileNames(of: name).map { spool.incoming($0) }
        let configs = try ([spool.config(name, in: .active)] + waiting).compactMap {
            try FileSystem.status($0, followLinks: false)
        }
        // One whose config was taken out of `active` goes on.
        let isUnderWay =
            SpoolLock.owner(of: spool.root) != nil
            && spool.readStatus(name).map { !$0.state.isFinal } ?? false
        guard try !configs.isEmpty || isUnderWay || spool.holds(name, in: .failed) else {
            throw CommandFailure(
                "\(name): there is nothing to cancel (dellad status lists the jobs)", .missingInput)
        }
        // A config may be of a time that has not come: the clock was put back, or cp -p kept another host's.
        try options.request("\(name).cancel", in: spool, noOlderThan: configs.map(\.modified).max() ?? .min)
    }
}
