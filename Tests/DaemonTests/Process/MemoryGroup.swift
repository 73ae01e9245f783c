import Glibc
import StreamIO
import SystemPackage

/// A memory group of cgroup v1, made for one test and gone with it.
final class MemoryGroup {
    private static let root: FilePath = "/sys/fs/cgroup/memory"

    /// Whether this host lets the tests make one.
    static let isAvailable: Bool = {
        getuid() == 0 && (try? FileSystem.status(root / "memory.limit_in_bytes")) != nil
            && (try? MemoryGroup(byteLimit: 1 << 30)) != nil
    }()

    private let path: FilePath

    init(byteLimit: Int) throws {
        path = Self.root / "dellad-test-\(getpid())-\(UInt64.random(in: 0 ... .max))"
        try FileSystem.createFolder(path)
        try Self.put("\(byteLimit)", into: path / "memory.limit_in_bytes")
    }

    /// Takes a process in, with what it takes from now on.
    func add(_ pid: Int32) throws { try Self.put("\(pid)", into: path / "cgroup.procs") }

    /// The most bytes that were in use.
    var peak: Int { Int((path / "memory.max_usage_in_bytes").text.filter(\.isNumber)) ?? .max }

    private static func put(_ text: String, into path: FilePath) throws {
        let file = try OpenFile.forUpdating(path, direct: false)
        try Array(text.utf8).withUnsafeBytes { try file.write($0, at: 0) }
    }

    deinit { rmdir(path.string) }
}
