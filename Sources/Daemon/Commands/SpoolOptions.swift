import ArgumentParser
import Glibc
import StreamIO
import SystemPackage

/// The spool that a command works on, by its files alone.
struct SpoolOptions: ParsableArguments {
    @Option(
        name: .customLong("spool"),
        help: ArgumentHelp("The spool folder (default: the daemon's).", valueName: "dir"),
        completion: .directory)
    var path: String?

    @OptionGroup var settings: SettingsOptions

    func validate() throws {
        if path?.isEmpty == true {
            throw ValidationError("--spool: is empty (name the spool's folder, or leave the option out)")
        }
    }

    /// The spool in words, where neither the command line nor what is usual says which it is.
    var choice: String? {
        guard path == nil, settings.isUsersUnasked, let root = (try? settings.read())?.spool else {
            return nil
        }
        return "your own daemon's spool, \(root) (the system's is not there, or closed to you; "
            + "--spool names another)"
    }

    /// The spool, which must be there.
    func existing() throws(CommandFailure) -> Spool {
        // The output folder is the daemon's affair. Whoever names a spool may have no settings to read.
        let root = if let path { FilePath(path) } else { try settings.read().spool }
        let spool = Spool(root: root, output: "")
        let incoming = spool.folder(.incoming)
        let status: FileStatus?
        do throws(IOError) {
            status = try FileSystem.status(incoming)
        } catch {
            guard error.errno == .permissionDenied else {
                throw CommandFailure("\(error) (name another spool with --spool)", .io)
            }
            throw CommandFailure.denied(root, at: incoming, .missingInput)
        }
        guard status?.isDirectory == true else {
            throw CommandFailure(
                "\(root): is no spool (start dellad serve, which creates it, or name one with --spool)",
                .missingInput)
        }
        return spool
    }

    /// Why something cannot be put into `incoming`.
    static func failure(_ error: IOError, in spool: Spool) -> CommandFailure {
        guard error.errno == .permissionDenied else {
            let remedy =
                DiskRemedy(error.errno, of: "the spool's disk").text
                ?? "write access to the spool's incoming folder is needed"
            return CommandFailure("\(error) (\(remedy))", .io)
        }
        return .denied(spool.folder(.incoming), writing: true, .io)
    }

    /// Leaves a request in `incoming`; one that is there already will do if it is no older than `time`.
    ///
    /// - Parameter time: when the config that it is about was written, which may be later than the clock says.
    func request(
        _ fileName: String, in spool: Spool, noOlderThan time: Int64 = .min
    ) throws(CommandFailure) {
        let target = spool.incoming(fileName)
        do {
            let present = try FileSystem.status(target, followLinks: false)
            guard present?.isRegular != false else {
                throw CommandFailure(
                    "\(target): is in the way of the request (remove it, then ask again)", .cannotCreate)
            }
            if present.map({ $0.modified < time }) ?? true {
                try Self.place(target, replacing: present != nil, noOlderThan: time)
                try FileSystem.syncFolder(spool.folder(.incoming))
            }
        } catch let error as IOError {
            throw Self.failure(error, in: spool)
        } catch {
            throw error as? CommandFailure ?? CommandFailure("\(error)", .io)
        }
        warnIfIdle(spool)
    }

    /// Hidden until it has its time: the daemon acts at once on what it sees.
    private static func place(
        _ target: FilePath, replacing: Bool, noOlderThan time: Int64
    ) throws(IOError) {
        let folder = target.removingLastComponent()
        let draft = folder.appending(".\(target.lastComponent?.string ?? "").\(getpid())")
        let file = try OpenFile.creating(draft, direct: false, permissions: 0o644)
        do throws(IOError) {
            if try file.status().modified < time { try file.setModified(time) }
            try file.sync()
            try FileSystem.rename(draft, to: target, replacing: replacing)
        } catch {
            try? FileSystem.remove(draft)
            // Another such request has come meanwhile.
            guard error.errno == .fileExists else { throw error }
        }
    }

    /// Says when nobody will act on a request.
    func warnIfIdle(_ spool: Spool) {
        guard SpoolLock.owner(of: spool.root) == nil else { return }
        StandardStream.error.write(
            "dellad: no daemon is running on \(spool.root) (start dellad serve; the request waits)\n")
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
