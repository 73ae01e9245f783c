import StreamIO
import SystemPackage

/// The stages of one recipe, which this process alone works on until the value goes.
final class PartsLock {
    /// A lock file that was opened may have been removed with its folder, and another created.
    private static let openLimit = 4

    private let file: OpenFile

    private init(_ file: consuming OpenFile) { self.file = file }

    /// Locks the folder, which is created if it is not there.
    ///
    /// - Throws: `EAGAIN` of the operation `lock` where another process has it.
    static func take(_ parts: RecipeParts) throws(IOError) -> PartsLock {
        for _ in 0..<openLimit {
            if try !parts.isThere {
                do throws(IOError) {
                    try FileSystem.createFolder(parts.path)
                    try FileSystem.syncFolder(parts.parent)
                } catch {
                    guard error.errno == .fileExists else { throw error }
                }
            }
            guard try FileSystem.status(parts.path, followLinks: false)?.isDirectory == true else {
                throw IOError("lock", parts.path, .notDirectory)
            }
            do throws(IOError) {
                let file = try open(parts.lockFile)
                try file.lock()
                if try file.isInPlace() { return PartsLock(file) }
            } catch {
                guard error.errno == .noSuchFileOrDirectory else { throw error }
            }
        }
        throw IOError("lock", parts.path, .resourceTemporarilyUnavailable)
    }

    private static func open(_ path: FilePath) throws(IOError) -> OpenFile {
        do throws(IOError) {
            return try OpenFile.creating(path, direct: false, permissions: 0o600)
        } catch {
            guard error.errno == .fileExists else { throw error }
        }
        return try OpenFile.forUpdating(path, direct: false)
    }
}
