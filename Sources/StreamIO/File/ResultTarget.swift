import Glibc
import SystemPackage

/// What a name stands for to which a result is to be written whole: a regular file, which is replaced, or what takes text
/// as it comes, a terminal, pipe or device.
public struct ResultTarget: Hashable, Sendable {
    private enum Kind: Hashable {
        /// By the name that it has once links are followed.
        case file(FilePath)
        /// Standard output or standard error, whatever they go to: opened again by its name, a file would be cut.
        case stream(Int32)
        case sink
    }

    /// How long a pipe waits for somebody who reads it.
    private static let patience = Duration.seconds(10)

    /// As it was named.
    public let path: FilePath
    private let kind: Kind

    public static let standardOutput = Self(path: "-", kind: .stream(STDOUT_FILENO))

    private init(path: FilePath, kind: Kind) { (self.path, self.kind) = (path, kind) }

    /// - Throws: `EISDIR` for a folder.
    public init(_ path: FilePath) throws(IOError) {
        guard let status = try FileSystem.status(path) else {
            guard path.lastComponent?.kind == .regular,
                try FileSystem.status(path, followLinks: false) == nil
            else { throw IOError("write (it leads to what is not there)", path, .noSuchFileOrDirectory) }
            self.init(path: path, kind: .file(path))
            return
        }
        guard !status.isDirectory else { throw IOError("write", path, .isDirectory) }
        let isNamedError = ["/dev/stderr", "/dev/fd/2", "/proc/self/fd/2"].contains(path.string)
        let streams = isNamedError ? [STDERR_FILENO, STDOUT_FILENO] : [STDOUT_FILENO, STDERR_FILENO]
        let kind: Kind
        if let stream = streams.first(where: { Self.isOpen($0, to: status) }) {
            kind = .stream(stream)
        } else if status.isRegular, let resolved = try? FileSystem.resolved(path),
            let found = try FileSystem.status(resolved), found.isSameFile(as: status)
        {
            kind = .file(resolved)
        } else {
            kind = .sink
        }
        self.init(path: path, kind: kind)
    }

    /// Whether what is written there comes out where this process prints.
    public var isStandardOutput: Bool { kind == .stream(STDOUT_FILENO) }

    /// The file that is replaced; `nil` where nothing is.
    public var file: FilePath? {
        guard case .file(let path) = kind else { return nil }
        return path
    }

    /// Whether a stream goes to that file. A device that is none of a terminal's is as good by its name.
    private static func isOpen(_ stream: Int32, to file: FileStatus) -> Bool {
        var status = stat()
        guard fstat(stream, &status) == 0, FileStatus(status).isSameFile(as: file) else { return false }
        return status.st_mode & S_IFMT != S_IFCHR || isatty(stream) == 1
    }

    /// Tries whether it can be written, and leaves what is there as it is.
    public func probe() throws(IOError) {
        switch kind {
        case .file(let path):
            let draft = Self.draft(beside: path)
            try FileSystem.writeWhole([], to: draft, sync: false)
            try FileSystem.remove(draft)
        case .stream: break
        case .sink:
            guard FileSystem.allows(W_OK, path) else { throw IOError("open", path, .permissionDenied) }
        }
    }

    /// Writes it. A file has what was there or all of the new; a pipe that nobody reads any more is no failure.
    public func write(_ bytes: [UInt8]) throws(IOError) {
        switch kind {
        case .file(let path):
            let draft = Self.draft(beside: path)
            try FileSystem.writeWhole(bytes, to: draft, sync: false)
            do throws(IOError) {
                try FileSystem.rename(draft, to: path, replacing: true)
            } catch {
                try? FileSystem.remove(draft)
                throw error
            }
        case .stream(let descriptor): try write(bytes, to: descriptor)
        case .sink:
            let descriptor = try openSink()
            defer { close(descriptor) }
            try write(bytes, to: descriptor)
        }
    }

    /// A name that nobody else's file has: what others put beside a file is theirs.
    private static func draft(beside path: FilePath) -> FilePath {
        path.removingLastComponent().appending(".dellad-\(UInt64.random(in: 0 ... .max)).tmp")
    }

    private func openSink() throws(IOError) -> Int32 {
        let end = ContinuousClock.now + Self.patience
        while true {
            do throws(IOError) {
                // Signals are blocked by now: an open that waits for a reader could not be ended.
                return try SystemCall.value("open", path) {
                    path.withPlatformString {
                        open($0, O_WRONLY | O_TRUNC | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
                    }
                }
            } catch {
                guard error.errno == .noSuchAddressOrDevice else { throw error }
                guard .now < end else {
                    throw IOError("open (nobody reads it)", path, .noSuchAddressOrDevice)
                }
                usleep(100_000)
            }
        }
    }

    private func write(_ bytes: [UInt8], to descriptor: Int32) throws(IOError) {
        do throws(Errno) {
            try FileDescriptor(rawValue: descriptor).writeWhole(bytes)
        } catch {
            if error != .brokenPipe { throw IOError("write", path, error) }
        }
    }
}
