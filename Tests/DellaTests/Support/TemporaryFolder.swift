import StreamIO
import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// New folders for tests, below `TMPDIR` or `/tmp`.
enum TemporaryFolder {
    static func create() throws -> FilePath {
        let root = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(root)/dellad-test.XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else {
            throw IOError("create", FilePath(root), Errno(rawValue: errno))
        }
        return FilePath(String(cString: made))
    }
}
