import ArgumentParser
import StreamIO
import SystemPackage

/// The spool that a command works on, by its files alone.
struct SpoolOptions: ParsableArguments {
    @Option(
        name: .customLong("spool"), help: ArgumentHelp("The spool folder.", valueName: "dir"),
        completion: .directory)
    var path = DefaultPath.spool

    /// The spool, which must be there.
    func existing() throws(CommandFailure) -> Spool {
        // The output folder is the daemon's affair.
        let spool = Spool(root: FilePath(path), output: "")
        guard let status = (try? FileSystem.status(spool.folder(.incoming))) ?? nil, status.isDirectory else {
            throw CommandFailure(
                "\(path): is no spool (start dellad serve, which creates it, or name one with --spool)",
                .missingInput)
        }
        return spool
    }

    /// Leaves a request in `incoming`; one that is there already will do.
    func request(_ fileName: String, in spool: Spool) throws(CommandFailure) {
        do {
            try FileSystem.writeWhole([], to: spool.incoming(fileName), sync: true, permissions: 0o644)
            try FileSystem.syncFolder(spool.folder(.incoming))
        } catch  where error.errno == .fileExists {
        } catch {
            throw CommandFailure("\(error) (write access to the spool's incoming folder is needed)", .io)
        }
        warnIfIdle(spool)
    }

    /// Says when nobody will act on a request.
    func warnIfIdle(_ spool: Spool) {
        guard SpoolLock.owner(of: spool.root) == nil else { return }
        StandardStream.error.write(
            "dellad: no daemon is running on \(path) (start dellad serve; the request waits)\n")
    }

    /// A job's name as given on the command line.
    static func name(_ text: String) throws(CommandFailure) -> JobName {
        guard let name = JobName(text) else {
            throw CommandFailure(
                "'\(text.printable(atMost: 160))' cannot be a job's name (A-Z a-z 0-9 . _ -, at most "
                    + "\(JobName.byteLimit), not beginning with a dot)", .usage)
        }
        return name
    }
}
