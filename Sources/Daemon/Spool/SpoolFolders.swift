import StreamIO
import SystemPackage

/// The two folders that a daemon works in, before anything in them is touched.
struct SpoolFolders {
    let spool: Spool
    /// Whether a service manager started the daemon, and may have shut it in.
    var isService = false

    /// Creates a folder if it is missing, and locks it.
    func lock(_ folder: FilePath) throws -> SpoolLock {
        try create(folder)
        do {
            return try SpoolLock.holding(folder)
        } catch let error as IOError {
            throw failure(error)
        }
    }

    /// - Throws: where spool and output are the same folder.
    func checkApart() throws {
        try create(spool.output)
        let (left, right) = (try FileSystem.status(spool.root), try FileSystem.status(spool.output))
        guard left?.inode != right?.inode || left?.device != right?.device else {
            throw CommandFailure(
                "\(spool.root): is both spool and output (use two folders)", .badConfiguration)
        }
    }

    /// Looks whether spool and output can be what they are meant to, and makes nothing.
    ///
    /// - Throws: where one is no folder, is closed to this user, or both are the same.
    func check() throws(CommandFailure) {
        var places: [FileStatus] = []
        for folder in [spool.root, spool.output] {
            let found: FileStatus?
            do throws(IOError) {
                found = try FileSystem.status(folder)
            } catch {
                throw failure(error)
            }
            guard let found else { continue }
            guard found.isDirectory else { throw failure(IOError("open", folder, .notDirectory)) }
            places.append(found)
        }
        let isOne = places.count == 2 && places[0].isSameFile(as: places[1])
        guard !isOne, spool.root.lexicallyNormalized() != spool.output.lexicallyNormalized() else {
            throw CommandFailure(
                "\(spool.root): is both spool and output (use two folders)", .badConfiguration)
        }
    }

    /// Removes a spool that was made a moment ago and that holds its lock alone.
    func removeUnused(_ lock: borrowing SpoolLock) {
        guard (try? lock.isInPlace()) == true,
            (try? FileSystem.entries(of: spool.root)) == [SpoolLock.fileName]
        else { return }
        try? FileSystem.remove(spool.root.appending(SpoolLock.fileName))
        try? FileSystem.removeTree(spool.root)
    }

    private func create(_ folder: FilePath) throws(CommandFailure) {
        do {
            try Spool.createFolders(to: folder)
        } catch {
            throw failure(error)
        }
    }

    /// A service's sandbox looks like a read-only disk: the failure then shows how to let the folders in.
    func failure(_ error: IOError) -> CommandFailure {
        if let remedy = error.sharedStorageRemedy {
            return CommandFailure("\(error) (\(remedy))", .badConfiguration)
        }
        let isReadOnly = error.errno == .readOnlyFileSystem
        guard isService, isReadOnly || error.errno == .permissionDenied else {
            let remedy =
                isReadOnly
                ? "mount it writable: mount -o remount,rw, a container's volume without :ro"
                : error.errno == .permissionDenied
                    ? "create it for the daemon's user, or \(AccessAdvice(for: error.path, writing: true))"
                    : "create it for the daemon's user"
            return CommandFailure(
                "\(error) (\(remedy); or choose with --spool and --output)", .badConfiguration)
        }
        var failure = CommandFailure(
            "\(error) (the service may write its own folders only; create this one for its user and let it in: "
                + "systemctl edit dellad, with the lines below)", .badConfiguration)
        failure.appendix = "[Service]\nReadWritePaths=\(spool.root) \(spool.output)\n"
        return failure
    }
}
