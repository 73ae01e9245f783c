import Glibc
import StreamIO
import SystemPackage

/// A folder that this process alone works on, until the value goes.
struct SpoolLock: ~Copyable {
    static let fileName = ".dellad.lock"

    private let file: OpenFile

    private init(_ file: consuming OpenFile) {
        self.file = file
    }

    /// Locks the folder; fails, naming the process that holds it, where another has.
    static func holding(_ folder: FilePath) throws -> SpoolLock {
        let path = folder.appending(fileName)
        try create(path)
        let file = try OpenFile.forUpdating(path, direct: false)
        try lock(file.reference.descriptor, folder)
        try file.truncate(to: 0)
        try file.append(Array("\(getpid())\n".utf8))
        return SpoolLock(file)
    }

    private static func create(_ path: FilePath) throws(IOError) {
        guard try FileSystem.status(path, followLinks: false) == nil else { return }
        do {
            try FileSystem.writeWhole([], to: path, sync: false, permissions: 0o644)
        } catch  where error.errno == .fileExists {}
    }

    private static func lock(_ descriptor: Int32, _ folder: FilePath) throws {
        // `owner(of:)` of another process holds it for an instant.
        for attempt in 0..<5 {
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return }
            let number = errno
            guard number == EWOULDBLOCK || number == EINTR else {
                throw IOError("lock", folder, Errno(rawValue: number))
            }
            if attempt < 4 { usleep(20_000) }
        }
        let owner = holder(folder.appending(fileName)).map { "process \($0)" } ?? "another process"
        throw CommandFailure(
            "\(folder): \(owner) is working on it already (stop that one, or use another folder)", .locked)
    }

    /// The process that holds the folder's lock; `nil` where none does. 0 where it does not say which.
    static func owner(of folder: FilePath) -> Int32? {
        let path = folder.appending(fileName)
        return (try? isHeld(path)) == true ? holder(path) ?? 0 : nil
    }

    /// A shared lock is had at once where nobody holds the exclusive one, and goes with the descriptor.
    private static func isHeld(_ path: FilePath) throws(IOError) -> Bool {
        let file = try OpenFile.forReading(path, direct: false)
        if flock(file.reference.descriptor, LOCK_SH | LOCK_NB) == 0 { return false }
        return errno == EWOULDBLOCK
    }

    private static func holder(_ path: FilePath) -> Int32? {
        guard let bytes = try? FileSystem.readWhole(path, limit: 64) else { return nil }
        return Int32(String(decoding: bytes, as: UTF8.self).filter { $0.isASCII && $0.isNumber })
    }
}
