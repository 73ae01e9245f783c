import Glibc
import SystemPackage

/// What on a host stands in the way of io_uring, as the error number and the host's settings tell.
enum RingObstacle {
    /// The error of a ring that could not be set up, in words that name the likely cause and the remedy.
    static func error(_ number: Int32) -> IOError {
        let setting = try? FileSystem.readWhole("/proc/sys/kernel/io_uring_disabled", limit: 64)
        let value = setting.map { String(decoding: $0.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self) }
        return IOError("io_uring: \(cause(number, sysctl: value))", "", Errno(rawValue: number))
    }

    /// - Parameter sysctl: the content of `kernel.io_uring_disabled`, `nil` where there is no such setting.
    static func cause(_ number: Int32, sysctl: String?) -> String {
        switch (number, sysctl) {
        case (EPERM, "2"):
            "switched off by sysctl kernel.io_uring_disabled=2 (set it to 0)"
        case (EPERM, "1"):
            "sysctl kernel.io_uring_disabled=1 allows it to a group only "
                + "(set it to 0, or kernel.io_uring_group to a group of this user)"
        case (EPERM, _), (EACCES, _):
            "forbidden, probably by the seccomp filter of a container or service (allow io_uring_setup)"
        case (ENOSYS, _):
            "this kernel has none, or a seccomp filter hides it (Linux 5.11 or later has it)"
        case (EINVAL, _), (EOPNOTSUPP, _):
            "this kernel's is too old (Linux 5.11 or later will do)"
        case (ENOMEM, _):
            "not enough memory that may be locked (raise ulimit -l, or LimitMEMLOCK= of the service)"
        case (EMFILE, _), (ENFILE, _):
            "too many open files (raise ulimit -n, or LimitNOFILE= of the service)"
        default:
            "the ring could not be set up"
        }
    }
}
