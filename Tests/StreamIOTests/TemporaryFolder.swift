import Glibc
import StreamIO
import SystemPackage

/// A folder that goes with its owner.
struct TemporaryFolder: ~Copyable {
    let path: FilePath

    /// - Parameter parent: `/dev/shm` for tmpfs; else where temporary files go.
    init(in parent: String? = nil) {
        let base = parent ?? getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(base)/streamio-tests.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { fatalError("mkdtemp: \(Errno(rawValue: errno))") }
        path = FilePath(String(decoding: template.dropLast().map(UInt8.init), as: UTF8.self))
    }

    deinit { try? FileSystem.removeTree(path) }

    func file(_ name: String) -> FilePath { path.appending(name) }

    @discardableResult
    func write(_ bytes: [UInt8], _ name: String) throws -> FilePath {
        try FileSystem.writeWhole(bytes, to: file(name), sync: false)
        return file(name)
    }
}
