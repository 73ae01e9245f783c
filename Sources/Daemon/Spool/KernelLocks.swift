import StreamIO
import SystemPackage

/// The locks on files that `/proc/locks` lists.
struct KernelLocks {
    /// As the kernel writes it: a line each.
    let text: String

    /// What is locked now; nothing where the kernel does not say.
    static var current: Self { Self(text: Host().text(of: "proc/locks") ?? "") }

    /// The process that has a file for itself by `flock(2)`; `nil` where none has.
    ///
    /// Lines are `1: FLOCK  ADVISORY  WRITE 712 08:01:1311 0 EOF`: process, then device and inode. Some file systems
    /// have another device than `stat(2)` says, so there the inode's number and the name of the process tell.
    func holder(of file: FileStatus) -> Int32? {
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count >= 6, words[1] == "FLOCK", words[3] == "WRITE", let process = Int32(words[4])
            else { continue }
            let place = words[5].split(separator: ":")
            guard place.count == 3, UInt64(place[2]) == file.inode, let major = UInt32(place[0], radix: 16),
                let minor = UInt32(place[1], radix: 16)
            else { continue }
            if file.isOnDevice(major: major, minor: minor) || Self.name(of: process) == "dellad" {
                return process
            }
        }
        return nil
    }

    private static func name(of process: Int32) -> String? {
        Host().text(of: "proc/\(process)/comm")?.split(separator: "\n").first.map(String.init)
    }
}
