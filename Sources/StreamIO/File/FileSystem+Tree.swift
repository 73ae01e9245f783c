import Glibc
import SystemPackage

extension FileSystem {
    /// Removes a folder and all that is in it, or a file. Links are removed, never followed; nothing happens
    /// if there is nothing of that name. `ELOOP` beyond `depthLimit` folders.
    public static func removeTree(_ path: FilePath) throws(IOError) {
        guard let status = try status(path, followLinks: false) else { return }
        guard status.isDirectory else { return try remove(path) }
        try FaultPlan.check(.open, "open", path)
        let folder = try SystemCall.value("open", path) {
            path.withPlatformString { open($0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) }
        }
        try removeContents(folder, path, depth: 1)
        try FaultPlan.check(.unlink, "remove", path)
        _ = try SystemCall.value("remove", path) { path.withPlatformString { rmdir($0) } }
    }

    /// Empties an open folder and closes its descriptor.
    private static func removeContents(_ folder: Int32, _ path: FilePath, depth: Int) throws(IOError) {
        guard depth <= depthLimit else {
            close(folder)
            throw IOError("remove", path, .tooManySymbolicLinkLevels)
        }
        try withEntries(folder, path) { (name) throws(IOError) in
            let inner = path.appending(String(cString: name))
            // By descriptor, so that a folder replaced by a link meanwhile leads nowhere.
            let opened = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
            let isFolder = opened >= 0
            if isFolder { try removeContents(opened, inner, depth: depth + 1) }
            try FaultPlan.check(.unlink, "remove", inner)
            _ = try SystemCall.value("remove", inner) { unlinkat(folder, name, isFolder ? AT_REMOVEDIR : 0) }
        }
    }
}
