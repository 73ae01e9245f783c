import Glibc
import StreamIO
import SystemPackage

/// A folder that this process alone works on, until the value goes.
struct SpoolLock: ~Copyable {
    static let fileName = ".dellad.lock"
    /// A lock file that was opened may have been removed with its folder, and another created.
    private static let openLimit = 4

    private let file: OpenFile

    private init(_ file: consuming OpenFile) {
        self.file = file
    }

    /// Locks the folder; fails, naming the process that holds it, where another has.
    static func holding(_ folder: FilePath) throws -> SpoolLock {
        let path = folder.appending(fileName)
        for _ in 0..<openLimit {
            try create(path)
            let lock = try open(path)
            try lock.take(folder)
            guard try lock.isInPlace() else { continue }
            // Earlier versions let everybody read it.
            try lock.file.keepPrivate()
            try lock.file.truncate(to: 0)
            try lock.file.append(Array("\(getpid())\n".utf8))
            return lock
        }
        throw IOError("lock", folder, .resourceTemporarilyUnavailable)
    }

    /// Whether the folder's lock file is still the one that is locked: the folder may have been removed or replaced.
    func isInPlace() throws(IOError) -> Bool { try file.isInPlace() }

    private static func create(_ path: FilePath) throws(IOError) {
        guard try FileSystem.status(path, followLinks: false) == nil else { return }
        do {
            try FileSystem.writeWhole([], to: path, sync: false, permissions: 0o600)
        } catch  where error.errno == .fileExists {}
    }

    /// What the process's number is written to must be a file of this name alone, not one that a link leads to.
    private static func open(_ path: FilePath) throws -> SpoolLock {
        let status = try FileSystem.status(path, followLinks: false)
        guard status?.isLink != true else { throw unfit(path, "is a symbolic link") }
        guard status?.isRegular != false else { throw unfit(path, "is not a regular file") }
        // Refuses a link that has come since.
        return SpoolLock(try OpenFile.forUpdating(path, direct: false))
    }

    private static func unfit(_ path: FilePath, _ finding: String) -> CommandFailure {
        CommandFailure(
            "\(path): \(finding) (remove it; dellad makes a lock file of its own)", .badConfiguration)
    }

    private func take(_ folder: FilePath) throws {
        // `owner(of:)` of another process holds it for an instant.
        for attempt in 0..<5 {
            if try tryToTake() { return }
            if attempt < 4 { usleep(20_000) }
        }
        let owner = Self.holder(file.path).map { "process \($0)" } ?? "another process"
        throw CommandFailure(
            "\(folder): \(owner) is working on it already (stop that one, or use another folder)", .locked)
    }

    /// Takes the lock if nobody has it. Whether it did.
    private func tryToTake() throws(IOError) -> Bool {
        do throws(IOError) {
            try file.lock()
            return true
        } catch {
            guard error.errno == .resourceTemporarilyUnavailable else { throw error }
            return false
        }
    }

    /// The process that holds the folder's lock; `nil` where none does. 0 where it does not say which.
    static func owner(of folder: FilePath) -> Int32? {
        let path = folder.appending(fileName)
        do throws(IOError) {
            return try isHeld(path) ? holder(path) ?? 0 : nil
        } catch {
            // The file is the daemon's alone, so that nobody else can lock it. The kernel tells everybody who does.
            guard error.errno == .permissionDenied, let status = (try? FileSystem.status(path)) ?? nil else {
                return nil
            }
            return KernelLocks.current.holder(of: status)
        }
    }

    /// A shared lock is had at once where nobody holds the exclusive one, and goes with the descriptor.
    private static func isHeld(_ path: FilePath) throws(IOError) -> Bool {
        let file = try OpenFile.forReadingUnlinked(path)
        if flock(file.reference.descriptor, LOCK_SH | LOCK_NB) == 0 { return false }
        return errno == EWOULDBLOCK
    }

    private static func holder(_ path: FilePath) -> Int32? {
        guard let bytes = try? FileSystem.readWhole(path, limit: 64, followLinks: false) else { return nil }
        return Int32(String(decoding: bytes, as: UTF8.self).filter { $0.isASCII && $0.isNumber })
    }
}
