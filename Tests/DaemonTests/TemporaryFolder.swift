import Glibc
import StreamIO
import SystemPackage

/// A folder of a test's own, removed with all in it when the test lets go of it.
final class TemporaryFolder: Sendable {
    let path: FilePath

    /// - Parameter inMemory: on a file system in memory, if there is one, where a sync costs nothing.
    init(inMemory: Bool = false) throws {
        let root = inMemory && access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"
        var template = Array("\(root)/dellad-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw IOError("create folder", FilePath(root), Errno(rawValue: errno))
        }
        path = template.withUnsafeBufferPointer { buffer in
            buffer.baseAddress.map { FilePath(platformString: $0) } ?? FilePath()
        }
    }

    deinit { try? FileSystem.removeTree(path) }
}

extension FilePath {
    static func / (folder: FilePath, name: String) -> FilePath { folder.appending(name) }

    /// The file's content as text; empty where there is none.
    var text: String {
        (try? FileSystem.readWhole(self, limit: 1 << 24)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    var exists: Bool { ((try? FileSystem.status(self, followLinks: false)) ?? nil) != nil }

    /// Makes a file of this content, which must not be there.
    func write(_ text: String) throws {
        try FileSystem.writeWhole(Array(text.utf8), to: self, sync: false)
    }

    /// Puts this content in place of a file's.
    func rewrite(_ text: String) throws {
        try FileSystem.replaceAtomically(self, with: Array(text.utf8), sync: false)
    }
}
