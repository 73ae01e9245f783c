import CDaemon
import Glibc
import StreamIO
import SystemPackage

/// What the machine, and the control groups that this process is in, grant it.
struct Host: Sendable {
    /// Where `/proc` and `/sys` are looked for: `/`, elsewhere in tests.
    let root: FilePath

    init(root: FilePath = "/") {
        self.root = root
    }

    /// Threads that can run at once: the affinity, or the control group's quota rounded up where that is less.
    func threads(affinity: Int = Int(dellad_affinity_count())) -> Int {
        let cores = affinity > 0 ? affinity : max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        guard let quota = ControlGroups(host: self).processorQuota else { return cores }
        return max(1, min(cores, Int(saturating: quota.rounded(.up))))
    }

    /// What bounds this process's memory.
    var memory: MemoryFacts {
        let groups = ControlGroups(host: self)
        let figures = text(of: "proc/meminfo")
        return MemoryFacts(
            groupLimit: groups.memoryLimit, groupFree: groups.memoryFree,
            hostFree: figures.flatMap { Self.field("MemAvailable", of: $0) },
            hostTotal: figures.flatMap { Self.field("MemTotal", of: $0) })
    }

    /// The most memory this process has had resident, in bytes; 0 where the kernel does not say.
    var peakResidentBytes: UInt64 {
        text(of: "proc/self/status").flatMap { Self.field("VmHWM", of: $0) } ?? 0
    }

    /// Another one after each start of the host; empty where the kernel does not say.
    var bootIdentifier: String {
        String((text(of: "proc/sys/kernel/random/boot_id") ?? "").prefix { $0.isHexDigit || $0 == "-" })
    }

    /// The content of a small file of the kernel's; `nil` where it cannot be read.
    func text(of path: String) -> String? {
        guard let bytes = try? FileSystem.readWhole(root.appending(path), limit: 1 << 20) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Reads `Name:   123 kB`, as `/proc/meminfo` and `/proc/self/status` write it, in bytes.
    static func field(_ name: String, of text: String) -> UInt64? {
        for line in text.split(separator: "\n") where line.hasPrefix(name + ":") {
            let words = line.dropFirst(name.count + 1).split { $0 == " " || $0 == "\t" }
            guard let first = words.first, let number = UInt64(first) else { return nil }
            return words.count > 1 && words[1] == "kB" ? number.multipliedSaturated(by: 1024) : number
        }
        return nil
    }
}
