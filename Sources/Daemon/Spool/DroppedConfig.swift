import StreamIO
import SystemPackage

/// A config as it lies in the spool: opened without following a link or blocking, a regular file of bounded
/// size, on the disk.
struct DroppedConfig: Hashable, Sendable {
    /// The most bytes of a config.
    static let sizeLimit = 1 << 20

    var inode: UInt64
    /// Bytes.
    var size: UInt64
    /// Nanoseconds since the epoch.
    var modified: Int64
    /// Whose file it is.
    var userID: UInt32

    init(_ status: FileStatus) {
        inode = status.inode
        size = status.size
        modified = status.modified
        userID = status.userID
    }

    /// Why a file is not taken as a config: what is wrong (what to do).
    struct Refusal: Error, Hashable {
        var reason: String
    }

    /// What looking at a file came to.
    enum Finding: Hashable {
        case fit(DroppedConfig)
        case refused(Refusal)
        case missing
    }

    /// Looks at a file and syncs it, so that a claim is a claim of content that survives a power cut.
    static func inspect(_ path: FilePath) throws(IOError) -> Finding {
        do throws(IOError) {
            return try inspect(OpenFile.forReadingUnlinked(path))
        } catch {
            return try refusal(of: error)
        }
    }

    private static func inspect(_ file: consuming OpenFile) throws(IOError) -> Finding {
        let status = try file.status()
        if let refusal = refusal(of: status) { return .refused(refusal) }
        try file.sync()
        return .fit(DroppedConfig(status))
    }

    /// Reads a config with the same care.
    static func read(_ path: FilePath) throws(IOError) -> Result<[UInt8], Refusal>? {
        switch try inspect(path) {
        case .missing: return nil
        case .refused(let refusal): return .failure(refusal)
        case .fit:
            do {
                return .success(try FileSystem.readWhole(path, limit: sizeLimit, followLinks: false))
            } catch  where error.errno == .noSuchFileOrDirectory {
                return nil
            } catch  where error.errno == .fileTooLarge {
                return .failure(tooLarge)
            }
        }
    }

    private static let tooLarge = Refusal(
        reason: "the config is larger than \(ByteCount(UInt64(sizeLimit))) (configs are short; is this one?)")

    private static func refusal(of status: FileStatus) -> Refusal? {
        guard status.isRegular else {
            return Refusal(reason: "the config is not a regular file (copy the YAML itself)")
        }
        return status.size > UInt64(sizeLimit) ? tooLarge : nil
    }

    /// What an error of opening says about the file; others are the disk's and thrown on.
    private static func refusal(of error: IOError) throws(IOError) -> Finding {
        switch error.errno {
        case .noSuchFileOrDirectory: return .missing
        case .tooManySymbolicLinkLevels:
            return .refused(Refusal(reason: "the config is a symbolic link (copy the file itself)"))
        case .permissionDenied, .notPermitted:
            return .refused(
                Refusal(
                    reason:
                        "the config cannot be read (let the daemon's user read it, chmod a+r, and retry it)"))
        case .noSuchAddressOrDevice, .addressFamilyNotSupported:
            return .refused(Refusal(reason: "the config is not a regular file (copy the YAML itself)"))
        default: throw error
        }
    }
}
