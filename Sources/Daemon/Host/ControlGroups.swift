import SystemPackage

/// The control groups that this process is in, of either version, and all groups above them.
struct ControlGroups {
    private let host: Host
    /// Folders from the process's own group up to the root, below `/`; version 2.
    private let unified: [String]
    /// The same for version 1's memory and cpu controllers.
    private let memory: [String]
    private let processor: [String]

    init(host: Host) {
        self.host = host
        let lines = Self.memberships(host.text(of: "proc/self/cgroup") ?? "")
        unified = lines.filter { $0.controllers.isEmpty }.flatMap { line in
            // Systems with both versions mount the second one below the first.
            ["sys/fs/cgroup", "sys/fs/cgroup/unified"].flatMap { Self.ancestry(of: line.path, below: $0) }
        }
        func controlled(by controller: String) -> [String] {
            lines.filter { $0.controllers.contains(controller) }.flatMap { line in
                Self.ancestry(
                    of: line.path, below: "sys/fs/cgroup/" + line.controllers.joined(separator: ","))
                    + Self.ancestry(of: line.path, below: "sys/fs/cgroup/" + controller)
            }
        }
        memory = controlled(by: "memory")
        processor = controlled(by: "cpu")
    }

    /// The lines of `/proc/self/cgroup`: `ID:controllers:path`, controllers empty in version 2.
    static func memberships(_ text: String) -> [(controllers: [String], path: String)] {
        text.split(separator: "\n").compactMap { line in
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { return nil }
            return (parts[1].split(separator: ",").map(String.init), String(parts[2]))
        }
    }

    /// A group's folder and those above it. In a container the path may not exist below the mount point; then
    /// the root is the container's group.
    static func ancestry(of path: String, below mount: String) -> [String] {
        var components = path.split(separator: "/").map(String.init)
        guard !components.contains("..") else { return [mount] }
        var folders: [String] = []
        while !components.isEmpty {
            folders.append(mount + "/" + components.joined(separator: "/"))
            components.removeLast()
        }
        return folders + [mount]
    }

    /// The smallest limit of any group, in bytes; `nil` where there is none.
    var memoryLimit: UInt64? { memoryRooms.map(\.limit).min() }

    /// The least that any limited group still has to give, in bytes. File pages count as free, for the kernel
    /// takes them back.
    var memoryFree: UInt64? {
        memoryRooms.map { room in room.limit - min(room.limit, room.used - min(room.used, room.reclaimable)) }
            .min()
    }

    /// Cores' worth of time that the tightest quota allows; `nil` where there is none.
    var processorQuota: Double? {
        let second = unified.compactMap { folder -> Double? in
            let words = host.text(of: folder + "/cpu.max")?.split { $0 == " " || $0 == "\n" } ?? []
            guard words.count == 2, let quota = Double(words[0]), let period = Double(words[1]) else {
                return nil
            }
            return period > 0 ? quota / period : nil
        }
        let first = processor.compactMap { folder -> Double? in
            guard let quota = number(folder + "/cpu.cfs_quota_us").map(Double.init), quota > 0,
                let period = number(folder + "/cpu.cfs_period_us").map(Double.init), period > 0
            else { return nil }
            return quota / period
        }
        return (second + first).min()
    }

    private struct MemoryRoom {
        var limit: UInt64
        var used: UInt64
        var reclaimable: UInt64
    }

    private var memoryRooms: [MemoryRoom] {
        unified.compactMap {
            room($0, limit: "memory.max", used: "memory.current", pages: ["inactive_file", "active_file"])
        }
            + memory.compactMap {
                room(
                    $0, limit: "memory.limit_in_bytes", used: "memory.usage_in_bytes",
                    pages: ["total_inactive_file", "total_active_file"])
            }
    }

    private func room(_ folder: String, limit: String, used: String, pages: [String]) -> MemoryRoom? {
        // Version 1 writes "no limit" as the largest number of whole pages.
        guard let limit = number(folder + "/" + limit).flatMap({ UInt64(exactly: $0) }), limit < 1 << 60
        else {
            return nil
        }
        let statistics = host.text(of: folder + "/memory.stat") ?? ""
        var reclaimable: UInt64 = 0
        for line in statistics.split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 2, pages.contains(String(words[0])) {
                reclaimable = reclaimable.addingSaturated(UInt64(words[1]) ?? 0)
            }
        }
        let current = number(folder + "/" + used).flatMap { UInt64(exactly: $0) } ?? 0
        return MemoryRoom(limit: limit, used: current, reclaimable: reclaimable)
    }

    private func number(_ path: String) -> Int64? {
        guard let text = host.text(of: path) else { return nil }
        return text.split(separator: "\n").first.flatMap { Int64($0) }
    }
}
