import StreamIO
import SystemPackage

/// The locks on SPOOL and OUTPUT of a daemon at work.
struct FolderLocks: ~Copyable {
    private let folders: SpoolFolders
    private var spool: SpoolLock
    private var output: SpoolLock

    /// Creates the folders if they are missing, and locks them.
    ///
    /// - Throws: where another process has one, or both are the same folder.
    init(_ folders: SpoolFolders) throws {
        let isNew = try FileSystem.status(folders.spool.root) == nil
        let spool = try folders.lock(folders.spool.root)
        do {
            try folders.checkApart()
            output = try folders.lock(folders.spool.output)
        } catch {
            // Nothing is left of a start that was refused.
            if isNew { folders.removeUnused(spool) }
            throw error
        }
        self.folders = folders
        self.spool = spool
    }

    /// Locks what has taken a folder's place since: a lock stays with the folder that was removed or renamed.
    ///
    /// - Returns: the folders that were locked anew.
    /// - Throws: as at the start.
    mutating func renew() throws -> [FilePath] {
        var renewed: [FilePath] = []
        if try !spool.isInPlace() {
            spool = try folders.lock(folders.spool.root)
            renewed.append(folders.spool.root)
        }
        if try !output.isInPlace() {
            output = try folders.lock(folders.spool.output)
            renewed.append(folders.spool.output)
        }
        return renewed
    }
}
