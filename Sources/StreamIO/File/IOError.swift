import SystemPackage

/// A system call that failed: what was being done, to which file, and the error number.
public struct IOError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The operation in the words of a message: "open", "read", "write", "sync", "rename" …
    public var operation: String
    /// The file or folder; empty where there is none.
    public var path: FilePath
    /// Why it failed.
    public var errno: Errno

    /// A failed operation on a file.
    public init(_ operation: String, _ path: FilePath, _ errno: Errno) {
        self.operation = operation
        self.path = path
        self.errno = errno
    }

    /// The file, what was being done, and why it failed.
    public var description: String {
        path.isEmpty ? "\(operation): \(errno)" : "\(path): \(operation): \(errno)"
    }
}
