import StreamIO
import SystemPackage
import Testing

@testable import Daemon

@Suite struct HostTests {
    /// A host whose `/proc` and `/sys` hold these files.
    private func host(_ files: [String: String], in folder: TemporaryFolder) throws -> Host {
        for (name, text) in files {
            var path = folder.path
            for part in name.split(separator: "/").dropLast() {
                path = path / String(part)
                if !path.exists { try FileSystem.createFolder(path) }
            }
            try (folder.path / name).write(text)
        }
        return Host(root: folder.path)
    }

    private static let megabyte: UInt64 = 1 << 20

    @Test func cgroupVersion2LimitsAreSoughtInEveryGroupAbove() throws {
        let folder = try TemporaryFolder()
        let host = try host(
            [
                "proc/self/cgroup": "0::/system.slice/dellad.service\n",
                "proc/meminfo": "MemTotal: 8388608 kB\nMemAvailable:    4194304 kB\n",
                "sys/fs/cgroup/system.slice/memory.max": "\(600 * Self.megabyte)\n",
                "sys/fs/cgroup/system.slice/memory.current": "\(300 * Self.megabyte)\n",
                "sys/fs/cgroup/system.slice/memory.stat":
                    "anon 1000\ninactive_file \(100 * Self.megabyte)\nactive_file \(50 * Self.megabyte)\n",
                "sys/fs/cgroup/system.slice/dellad.service/memory.max": "max\n",
                "sys/fs/cgroup/system.slice/cpu.max": "150000 100000\n",
                "sys/fs/cgroup/system.slice/dellad.service/cpu.max": "max 100000\n",
            ], in: folder)
        #expect(host.memory.groupLimit == 600 * Self.megabyte)
        #expect(host.memory.groupFree == 450 * Self.megabyte)
        #expect(host.memory.hostFree == 4096 * Self.megabyte)
        #expect(host.memory.hostTotal == 8192 * Self.megabyte)
        #expect(host.threads(affinity: 8) == 2)
        #expect(host.threads(affinity: 1) == 1)
        #expect(try host.memory.budget(asked: nil) == 194 * Self.megabyte)
    }

    @Test func cgroupVersion1IsRead() throws {
        let folder = try TemporaryFolder()
        let host = try host(
            [
                "proc/self/cgroup": "5:memory:/box/inner\n4:cpu,cpuacct:/box\n1:name=systemd:/box\n0::/\n",
                "sys/fs/cgroup/memory/box/inner/memory.limit_in_bytes": "9223372036854771712\n",
                "sys/fs/cgroup/memory/box/memory.limit_in_bytes": "\(512 * Self.megabyte)\n",
                "sys/fs/cgroup/memory/box/memory.usage_in_bytes": "\(40 * Self.megabyte)\n",
                "sys/fs/cgroup/memory/box/memory.stat":
                    "total_inactive_file \(8 * Self.megabyte)\ntotal_active_file 0\n",
                "sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_quota_us": "50000\n",
                "sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_period_us": "100000\n",
            ], in: folder)
        #expect(host.memory.groupLimit == 512 * Self.megabyte)
        #expect(host.memory.groupFree == 480 * Self.megabyte)
        #expect(host.memory.hostFree == nil)
        #expect(host.threads(affinity: 4) == 1)
    }

    @Test func aContainersGroupIsTheRootOfItsMount() throws {
        let folder = try TemporaryFolder()
        let host = try host(
            [
                "proc/self/cgroup": "0::/docker/0123\n",
                "sys/fs/cgroup/memory.max": "\(300 * Self.megabyte)\n",
                "sys/fs/cgroup/memory.current": "0\n",
                "sys/fs/cgroup/cpu.max": "400000 100000\n",
            ], in: folder)
        #expect(host.memory.groupLimit == 300 * Self.megabyte)
        #expect(host.threads(affinity: 16) == 4)
    }

    @Test func withoutLimitsThereAreNone() throws {
        let folder = try TemporaryFolder()
        let host = try host(["proc/self/cgroup": "0::/\n"], in: folder)
        #expect(host.memory == MemoryFacts(groupLimit: nil, groupFree: nil, hostFree: nil))
        #expect(host.threads(affinity: 3) == 3)
        #expect(try host.memory.budget(asked: nil) == 1 << 30)
        #expect(Host(root: folder.path / "nowhere").peakResidentBytes == 0)
    }

    @Test(arguments: [
        (UInt64(8192), UInt64(1024)), (1024, 768), (300, 44), (257, 1),
    ])
    func theDefaultBudgetLeaves256MiB(freeMebibytes: UInt64, mebibytes: UInt64) throws {
        let (free, budget) = (freeMebibytes * Self.megabyte + 5, mebibytes * Self.megabyte)
        #expect(try MemoryFacts(groupLimit: nil, groupFree: nil, hostFree: free).budget(asked: nil) == budget)
        #expect(
            try MemoryFacts(groupLimit: free, groupFree: free, hostFree: 1 << 40).budget(asked: nil) == budget
        )
    }

    @Test func aBudgetThatCannotFitIsRefusedWithBothFigures() throws {
        let facts = MemoryFacts(groupLimit: 512 << 20, groupFree: 500 << 20, hostFree: 1 << 40)
        #expect(try facts.budget(asked: 448 << 20) == 448 << 20)
        let failure = try #require(throws: CommandFailure.self) { try facts.budget(asked: 449 << 20) }
        #expect(failure.exitCode == 78)
        #expect(failure.message.contains("449M"))
        #expect(failure.message.contains("512M"))
        #expect(failure.message.contains("448M or less"))
        let small = MemoryFacts(hostFree: 4 << 30, hostTotal: 8 << 30 + 4096)
        #expect(try small.budget(asked: 900 << 30) == 900 << 30)
        #expect(
            small.warning(asked: 900 << 30)
                == "a budget of 900G is more than the host's memory, 8G (name a smaller one with --memory: a large "
                + "merge would be swapped out, or killed)")
        #expect(small.warning(asked: 8 << 30) == nil && small.warning(asked: nil) == nil)
        let starved = MemoryFacts(groupLimit: nil, groupFree: nil, hostFree: 100 << 20)
        let other = try #require(throws: CommandFailure.self) { try starved.budget(asked: nil) }
        #expect(other.message.contains("100M"))
        #expect(other.message.contains("256M"))
    }

    @Test func theRealHostIsRead() {
        let host = Host()
        #expect(host.peakResidentBytes > 1 << 20)
        #expect(host.threads() >= 1)
        #expect(host.memory.hostFree ?? 0 > 1 << 20)
    }

    @Test(arguments: ["VmHWM:\t  12345 kB", "Name:\tx\nVmHWM:\t12345 kB\nVmRSS:\t1 kB"])
    func fieldsOfProcFiles(text: String) {
        #expect(Host.field("VmHWM", of: text) == 12345 * 1024)
        #expect(Host.field("VmPeak", of: text) == nil)
    }
}
