import CLinux
import Glibc
import SystemPackage

/// A lock file that this process alone has until the value goes. The file stays, for the next one.
///
/// By `flock(2)`: the kernel lets go of it when the process ends, however it ends. On a file system of several machines
/// the server does, once the machine's lease has run out.
package final class FileLock: Sendable {
    /// Who has a lock, as it says itself.
    package struct Holder: Hashable, Sendable {
        package var process: Int32
        package var machine: String
        /// Another one after each start of a machine.
        package var boot: String

        /// This process.
        package static var own: Self {
            var name = [CChar](repeating: 0, count: 256)
            gethostname(&name, name.count - 1)
            let boot = try? FileSystem.readWhole("/proc/sys/kernel/random/boot_id", limit: 256)
            return Self(
                process: getpid(),
                machine: String(
                    decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self),
                boot: String(decoding: (boot ?? []).prefix { $0 > 0x20 }, as: UTF8.self))
        }

        /// Whether it runs where this process does, so that the lock says that it lives.
        package var isHere: Bool { boot == Self.own.boot }

        fileprivate var text: String { "\(process) \(boot) \(machine)\n" }

        fileprivate init?(_ text: String) {
            let words = text.split(separator: "\n").first?.split(separator: " ") ?? []
            guard words.count == 3, let process = Int32(words[0]) else { return nil }
            self.init(process: process, machine: String(words[2]), boot: String(words[1]))
        }

        private init(process: Int32, machine: String, boot: String) {
            (self.process, self.machine, self.boot) = (process, machine, boot)
        }
    }

    /// A lock file that was opened may have been removed with its folder, and another created.
    private static let openLimit = 4
    /// Bytes of a file that says who has it, at most.
    private static let noteLimit = 4096

    private let file: OpenFile

    private init(_ file: consuming OpenFile) { self.file = file }

    /// Locks a file, which is created if it is not there, and its folder too; notes in it who has it.
    ///
    /// - Throws: `EAGAIN` of the operation `lock` where another process has it.
    package static func take(_ path: FilePath) throws(IOError) -> FileLock {
        for _ in 0..<openLimit {
            try makeFolder(path.removingLastComponent())
            do throws(IOError) {
                let file = try open(path)
                try file.lock()
                guard try file.isInPlace() else { continue }
                // For messages alone: a full disk keeps nobody from it.
                try? file.truncate(to: 0)
                try? file.append(Array(Holder.own.text.utf8))
                return FileLock(file)
            } catch {
                guard error.errno == .noSuchFileOrDirectory else { throw error }
            }
        }
        throw IOError("lock", path, .resourceTemporarilyUnavailable)
    }

    private static func makeFolder(_ folder: FilePath) throws(IOError) {
        guard let status = try FileSystem.status(folder, followLinks: false) else {
            do throws(IOError) {
                try FileSystem.createFolder(folder)
                return try FileSystem.syncFolder(folder.parent)
            } catch {
                guard error.errno == .fileExists else { throw error }
                return
            }
        }
        guard status.isDirectory else { throw IOError("lock", folder, .notDirectory) }
    }

    /// Who has it, or had it last; `nil` where nobody says.
    package static func holder(of path: FilePath) -> Holder? {
        guard let bytes = try? FileSystem.readWhole(path, limit: noteLimit, followLinks: false) else {
            return nil
        }
        return Holder(String(decoding: bytes, as: UTF8.self))
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
