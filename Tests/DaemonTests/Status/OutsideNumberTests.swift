import Glibc
import StreamIO
import SystemPackage
import Testing

@testable import Daemon

/// Times, sizes and counts that no honest host has.
@Suite struct OutsideNumberTests {
    /// Seconds: the first that 64 bits of nanoseconds do not hold, and the last that a file can have.
    private static let dates = [Int.min, -9_223_372_037, 0, 9_223_372_036, 9_223_372_037, 1 << 40, Int.max]

    @Test func configsOfAnyDateAreMergedAndCancelled() throws {
        for date in Self.dates {
            let rig = try SpoolRig()
            try rig.drop("later.yml", at: date)
            try rig.drop("now.yml", at: 1000)
            try rig.drop("wait.yml", "wait", at: date)
            rig.settle(after: 3)
            try rig.drop("wait.cancel", "", at: date)
            rig.settle(after: 3)
            try rig.restart()
            let order = rig.runAll()
            #expect(Set(order) == ["later", "now"], "\(date): \(order)")
            #expect(rig.status("wait")?.state == .cancelled, "\(date)")
        }
    }

    @Test func entriesOfAnyDateAreJudged() throws {
        for date in Self.dates {
            for clock in [Int64.min, 0, 13_569_465_600, .max] {
                let rig = try SpoolRig()
                rig.machine.clearAfter = Age("36500d")
                try rig.drop("a.yml", "fail", at: date)
                rig.runAll()
                for path in [rig.spool.statusFile(JobName("a")!), rig.spool.errorText(JobName("a")!)] {
                    rig.setTime(path, date)
                }
                rig.setTime(rig.spool.output / ".a.journal", date)
                rig.machine.clear(now: rig.now, wall: Timestamp(seconds: clock))
                try rig.restart()
                _ = try SpoolView(of: rig.spool, now: Timestamp(seconds: clock))
                #expect(Timestamp(seconds: clock).description.hasSuffix("Z"))
            }
        }
    }

    @Test func theKernelsFilesMaySayAnything() throws {
        var random = SystemRandomNumberGenerator()
        let words = [
            "9223372036854775807", "18446744073709551615", "99999999999999999999", "-1", "0", "1", "1e300",
            "inf", "-inf", "nan", "0x1p99", "max", "", "kB", "garbage", "1000000 ",
        ]
        for _ in 0..<400 {
            let folder = try TemporaryFolder(inMemory: true)
            func word() -> String { words.randomElement(using: &random) ?? "" }
            for part in ["proc", "proc/self", "sys", "sys/fs", "sys/fs/cgroup", "sys/fs/cgroup/memory"] {
                try FileSystem.createFolder(folder.path.pushing(FilePath(part)))
            }
            let files = [
                "proc/self/cgroup": "0::/\n2:memory:/\n3:cpu:\(word())\n",
                "proc/meminfo": "MemTotal: \(word()) kB\nMemAvailable: \(word()) kB\n",
                "proc/self/status": "VmHWM: \(word()) kB\n",
                "sys/fs/cgroup/memory.max": word(), "sys/fs/cgroup/memory.current": word(),
                "sys/fs/cgroup/memory.stat": "inactive_file \(word())\nactive_file \(word())\n",
                "sys/fs/cgroup/cpu.max": "\(word()) \(word())\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": word(),
                "sys/fs/cgroup/memory/memory.usage_in_bytes": word(),
                "sys/fs/cgroup/memory/memory.stat":
                    "total_inactive_file \(word())\ntotal_active_file \(word())\n",
            ]
            for (name, text) in files { try folder.path.pushing(FilePath(name)).write(text) }
            let host = Host(root: folder.path)
            #expect(host.threads(affinity: 4) >= 1, "\(files)")
            _ = host.peakResidentBytes
            for asked in [nil, UInt64(1), 1 << 30, .max] {
                _ = try? host.memory.budget(asked: asked)
                _ = host.memory.warning(asked: asked)
            }
        }
    }

    @Test(arguments: ["9223372036854775807", "1025", "0", "-1"])
    func threadsBeyondAnyHostsAreRefused(count: String) throws {
        let folder = try TemporaryFolder()
        let out = (folder.path / "out").string
        for arguments in [
            ["merge", "x.yml", out, "--threads=\(count)"], ["check", "x.yml", "--threads=\(count)"],
            ["serve", "--spool", out, "--threads=\(count)"],
        ] {
            let result = try Executable.run(arguments, in: folder)
            #expect(result.code == 64, "\(arguments): \(result.errors)")
            #expect(result.errors.contains("from 1 to 1024"), "\(result.errors)")
        }
        for option in ["layers", "vocabulary", "threads"] {
            let result = try Executable.run(
                ["synth", out, "--shape", "tiny", "--\(option)=\(count == "1025" ? "10000001" : count)"],
                in: folder)
            #expect(result.code == 64, "\(option): \(result.errors)")
        }
    }

    @Test func theLargestSizesAreTaken() throws {
        let rig = try MergeRig()
        let most = "9223372036854775807"
        let checked = try rig.run(
            "check", rig.config.string, "--models", rig.models.string, "--memory", most, "--threads", "1024")
        #expect(checked.code == 0, "\(checked.errors)")
        let made = try rig.run(
            "synth", (rig.folder.path / "s").string, "--shape", "tiny", "--shard-size", most)
        #expect(made.code == 0, "\(made.errors)")
        let config = rig.folder.path / "large.yml"
        try config.write(
            rig.config.text.replacing("seed: 7", with: "seed: 7, shard_size: 9223372036854775807"))
        let merged = try rig.run(
            "merge", config.string, rig.output.string, "--models", rig.models.string, "--memory", "64M")
        #expect(merged.code == 0, "\(merged.errors)")
    }
}
