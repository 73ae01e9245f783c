import SystemPackage

/// What to do about an error of a disk.
struct DiskRemedy: Hashable {
    /// `nil` where the error is not of that kind.
    let text: String?

    /// - Parameter disk: which one, "the spool's disk".
    init(_ errno: Errno, of disk: String) {
        text =
            switch errno {
            case .noSpace: "free space on \(disk)"
            case .diskQuotaExceeded: "raise the quota, or free space on \(disk)"
            case .readOnlyFileSystem: "mount \(disk) writable: mount -o remount,rw"
            case .fileTooLarge: "let files on \(disk) be larger: ulimit -f"
            case .ioError: "check \(disk) with dmesg and smartctl"
            default: nil
            }
    }
}
