import StreamIO
import SystemPackage

/// Why a merge ended without its output, or the audit of one without a result, in words for the person who asked for it.
public struct MergeFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// What went wrong, as far as a caller can act on it.
    public enum Kind: Hashable, Sendable {
        /// A stop was asked for; the merge resumes where it was.
        case stopped
        case outputExists
        /// Another process is merging into the same output.
        case underWay
        case cannotCreateOutput
        /// A model file is not what it was when the merge was planned.
        case inputChanged
        case budgetTooSmall
        /// What was written is not what the plain reference makes of the inputs.
        case auditFailed
        /// A merged folder has no record, or no config.
        case recordMissing
        /// A merged folder's record cannot be gone by, or its files are none.
        case recordUnusable
        /// `DELLAD_SIMD` asks for what this CPU lacks.
        case unsupportedSIMD
        case io(IOError)
    }

    public let kind: Kind
    /// What is wrong, and what to do in parentheses; printable whatever it quotes.
    public let message: String

    public init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message.printable
    }

    public var description: String { message }

    /// The exit code of sysexits.h.
    public var exitCode: Int32 {
        switch kind {
        case .stopped: 130
        case .outputExists, .cannotCreateOutput: 73
        case .underWay: 75
        case .inputChanged, .auditFailed, .recordUnusable: 65
        case .recordMissing: 66
        case .budgetTooSmall, .unsupportedSIMD: 78
        case .io(let error): error.errno == .noSuchFileOrDirectory && error.operation == "open" ? 66 : 74
        }
    }

    /// Whether the same merge may succeed later without anybody changing the config: a full disk, an I/O error.
    public var isRetryable: Bool {
        guard case .io(let error) = kind else { return false }
        return error.errno == .noSpace || error.errno == .diskQuotaExceeded || error.errno == .ioError
            || error.isPassingOnSharedStorage
    }

    /// What a merge's steps throw, as the failure it is.
    init(_ error: any Error) {
        switch error {
        case let failure as MergeFailure: self = failure
        case let error as IOError: self = .io(error)
        default: preconditionFailure("a merge cannot throw \(error)")
        }
    }

    /// A stop was asked for.
    static let stopped = Self(.stopped, "stopped (start it again to go on)")

    static func budgetTooSmall(_ memory: UInt64, needed: UInt64, tensor: String) -> Self {
        Self(
            .budgetTooSmall,
            "a budget of \(ByteCount(memory)) is too small for the rows of \(tensor) "
                + "(use --memory \(ByteCount.wholeMebibytes(for: needed)))")
    }

    /// What was written is not what it should be, and is kept.
    static func auditFailed(_ difference: String, kept: FilePath) -> Self {
        Self(
            .auditFailed,
            "\(difference): the merge is not published, and kept in \(kept) to be looked at "
                + "(check memory and disk, and report it; a retry begins anew)")
    }

    /// An I/O failure, with the remedy that fits its error number.
    static func io(_ error: IOError) -> Self {
        if let remedy = error.sharedStorageRemedy { return Self(.io(error), "\(error) (\(remedy))") }
        let remedy =
            switch error.errno {
            case .noSpace: "free space on that disk and retry"
            case .diskQuotaExceeded: "raise the quota or free space and retry"
            case .fileTooLarge:
                "let files be larger (ulimit -f; FAT holds 4 GB a file), or make them smaller with shard_size, and retry"
            case .ioError: "check the disk and its cables with dmesg and smartctl, then retry"
            case .readOnlyFileSystem: "mount the file system writable and retry"
            case .permissionDenied, .notPermitted: "grant the user that dellad runs as access and retry"
            case .tooManyOpenFiles, .tooManyOpenFilesInSystem: "raise the limit of open files and retry"
            case .noMemory: "lower --memory or free memory and retry"
            case .noSuchFileOrDirectory: "restore it and retry"
            default: "remove the cause and retry"
            }
        return Self(.io(error), "\(error) (\(remedy))")
    }

    /// What to do about an output that is there, where the command names it.
    public static let existingRemedy = "choose another name, or move it away"

    /// A failure to set up the partial output.
    static func creation(_ error: IOError, output: FilePath) -> Self {
        if let failure = underWay(error, output: output) { return failure }
        switch error.errno {
        case .fileExists where error.path == output:
            return Self(.outputExists, "\(output): exists (\(existingRemedy))")
        // What was begun there was writable then.
        case .readOnlyFileSystem where !isBeside(error.path, output): return .io(error)
        case .noSuchFileOrDirectory, .notDirectory, .permissionDenied, .readOnlyFileSystem, .notPermitted:
            return Self(
                .cannotCreateOutput,
                "\(output): cannot be created: \(error) (\(creationRemedy(error, output: output)))")
        case .fileNameTooLong:
            return Self(
                .cannotCreateOutput,
                "\(output): cannot be created: too long a name for .NAME.partial beside it (use a shorter name)"
            )
        default: return .io(error)
        }
    }

    private static func isBeside(_ path: FilePath, _ output: FilePath) -> Bool {
        path.parent.lexicallyNormalized() == output.parent.lexicallyNormalized()
    }

    private static func creationRemedy(_ error: IOError, output: FilePath) -> String {
        let isBeside = isBeside(error.path, output)
        let folderIsThere = (try? FileSystem.status(output.parent))??.isDirectory ?? false
        switch error.errno {
        case .readOnlyFileSystem: return "mount the file system writable, or choose another folder"
        case .permissionDenied where folderIsThere && !FileSystem.isWritable(output.parent):
            return AccessAdvice(for: output.parent, writing: true).description
        case .notDirectory where isBeside && error.path != output && folderIsThere:
            return "remove what has that name, or choose another"
        case .permissionDenied where !isBeside, .notPermitted where !isBeside:
            return "go on as the user who began it, or remove it as that one"
        default: return "create its folder, writable by this user"
        }
    }

    /// Something else has the place of the output that was being made.
    static func replaced(_ path: FilePath) -> Self {
        Self(.inputChanged, "\(path): was replaced while it was written (leave it alone and retry)")
    }

    /// A failure to give the finished output its name.
    static func publication(_ error: IOError, output: FilePath) -> Self {
        if let failure = underWay(error, output: output) { return failure }
        guard error.errno == .fileExists else { return .io(error) }
        return Self(
            .outputExists,
            "\(output): appeared while the merge was running (move it away and retry; the merged model is kept)"
        )
    }

    /// What a lock says that another process has; `nil` for other errors.
    static func underWay(_ error: IOError, output: FilePath) -> Self? {
        guard error.operation == "lock", error.errno == .resourceTemporarilyUnavailable else { return nil }
        return Self(
            .underWay,
            "\(output): another process is merging into it (wait until it has ended and retry, or choose another name)"
        )
    }
}
