import Foundation
import Glibc
import StreamIO
import Synthesis
import SystemPackage
import Testing

@testable import Daemon

/// What a member of the group or a model's author may try, against the built daemon in a memory group of 512 MiB, with an
/// honest job behind it that ends in time.
///
/// Without a writable memory controller of version 1 the daemon runs outside of a group, which is said.
@Suite(.serialized) struct HostileServeTests {
    /// As long as an honest job may take on a machine that runs every test at once.
    private static let patience = 120

    /// A memory group of its own, removed at the end.
    private final class MemoryGroup {
        let path: FilePath?

        init() {
            let path = FilePath("/sys/fs/cgroup/memory/dellad-test-\(UInt64.random(in: 0 ... .max))")
            guard mkdir(path.string, 0o755) == 0 else {
                print("no memory group can be made here: the daemon runs without")
                self.path = nil
                return
            }
            self.path = path
            for name in ["memory.limit_in_bytes", "memory.memsw.limit_in_bytes"] {
                try? Data("\(512 << 20)".utf8).write(to: URL(fileURLWithPath: path.appending(name).string))
            }
        }

        /// What a shell does before it becomes the program.
        var prelude: String? { path.map { "echo $$ >\($0)/cgroup.procs" } }

        deinit {
            guard let path else { return }
            for _ in 0..<100 where rmdir(path.string) != 0 { usleep(20_000) }
        }
    }

    private func serve(_ rig: MergeRig, in group: MemoryGroup) throws -> Executable {
        let daemon = try Executable(rig.serveArguments, in: rig.folder, prelude: group.prelude)
        try #require(rig.wait { (rig.spool / "status").exists }, "\(daemon.errorText)")
        return daemon
    }

    /// Drops a config, dated where a date is given.
    private func drop(_ rig: MergeRig, _ name: String, _ text: String, date: Int? = nil) throws {
        let draft = rig.spool / "incoming" / ".\(name)"
        try draft.write(text)
        if let date {
            let times = [timespec(tv_sec: date, tv_nsec: 0), timespec(tv_sec: date, tv_nsec: 0)]
            try #require(utimensat(AT_FDCWD, draft.string, times, 0) == 0)
        }
        try FileSystem.rename(draft, to: rig.spool / "incoming" / "\(name).yml", replacing: false)
    }

    private func expectHonest(_ rig: MergeRig, _ daemon: Executable) {
        #expect(
            rig.wait(seconds: Self.patience) { rig.status("honest")?.state == .done },
            "\(String(describing: rig.status("honest")))\n\(daemon.errorText)")
    }

    private func stop(_ daemon: Executable) {
        daemon.signal(SIGTERM)
        #expect(daemon.wait() == 0, "\(daemon.errorText)")
    }

    /// Two models of integers in files of holes, whose comparison takes minutes.
    private static func makeSlow(_ rig: MergeRig) throws {
        for name in ["slow-base", "slow-tuned"] {
            let folder = rig.models / name
            try FileSystem.createFolder(folder)
            let header = SafetensorsHeader(layingOut: [("positions", .i64, [1 << 35])])
            let path = folder / "model.safetensors"
            try FileSystem.writeWhole(header.encoded(), to: path, sync: false)
            try #require(truncate(path.string, Int(header.byteCount) + 1 << 38) == 0)
        }
    }

    private static func slow(_ rig: MergeRig) -> String {
        rig.config.text.replacing("base_model: base", with: "base_model: slow-base")
            .replacing("model: tuned", with: "model: slow-tuned")
    }

    @Test func filesOfAnyDateStopNobody() throws {
        let rig = try MergeRig()
        let group = MemoryGroup()
        for name in ["config.json", "model.safetensors"] {
            let times = [
                timespec(tv_sec: 9_300_000_000, tv_nsec: 0), timespec(tv_sec: 9_300_000_000, tv_nsec: 0),
            ]
            try #require(utimensat(AT_FDCWD, (rig.models / "tuned" / name).string, times, 0) == 0)
        }
        let daemon = try serve(rig, in: group)
        for date in [9_223_372_037, 9_300_000_000, -9_300_000_000] {
            try drop(rig, "dated\(date)", rig.config.text, date: date)
        }
        try drop(rig, "honest", rig.config.text)
        expectHonest(rig, daemon)
        for date in [9_223_372_037, 9_300_000_000, -9_300_000_000] {
            #expect(rig.wait(seconds: Self.patience) { rig.status("dated\(date)")?.state == .done })
        }
        // The next start reads them all again.
        stop(daemon)
        let next = try serve(rig, in: group)
        #expect(rig.wait { next.errorText.contains("spool") })
        stop(next)
    }

    @Test func aJobWhosePlanningEndsTheDaemonIsPutAside() throws {
        let rig = try MergeRig()
        let group = MemoryGroup()
        try Self.makeSlow(rig)
        var daemon = try serve(rig, in: group)
        try drop(rig, "poison", Self.slow(rig), date: 1000)
        try drop(rig, "honest", rig.config.text)
        let note = rig.spool / "active" / ".poison.planning"
        for count in 1...PlanningNote.limit {
            // This daemon's own note: one of the daemon before it says fewer.
            try #require(
                rig.wait(seconds: Self.patience) { note.text.hasPrefix("\(count) ") }, "\(daemon.errorText)")
            // As the OOM killer does.
            daemon.killAndWait()
            daemon = try serve(rig, in: group)
        }
        expectHonest(rig, daemon)
        #expect(rig.status("poison")?.state == .failed)
        #expect(rig.status("poison")?.error == PlanningNote.reason)
        stop(daemon)
    }

    @Test func planningHoldsBackNobodysCancel() throws {
        let rig = try MergeRig()
        let group = MemoryGroup()
        try Self.makeSlow(rig)
        let daemon = try serve(rig, in: group)
        try drop(rig, "slow", Self.slow(rig), date: 1000)
        #expect(rig.wait { rig.status("slow")?.state == .merging }, "\(daemon.errorText)")
        try drop(rig, "other", rig.config.text)
        try drop(rig, "honest", rig.config.text)
        #expect(rig.wait { rig.status("other")?.state == .queued && rig.status("honest")?.state == .queued })
        let start = ContinuousClock.now
        #expect(try rig.run("cancel", "other", "--spool", rig.spool.string).code == 0)
        #expect(rig.wait { rig.status("other")?.state == .cancelled }, "\(daemon.errorText)")
        #expect(try rig.run("cancel", "slow", "--spool", rig.spool.string).code == 0)
        #expect(rig.wait { rig.status("slow")?.state == .cancelled }, "\(daemon.errorText)")
        #expect(ContinuousClock.now - start < .seconds(120))
        expectHonest(rig, daemon)
        stop(daemon)
    }

    @Test func aPythonFileOfAStrangerStopsNobody() throws {
        let rig = try MergeRig()
        let group = MemoryGroup()
        let code = rig.models / "base" / "modeling_x.py"
        try code.write(String(repeating: "from . import (a, \\\n", count: 40_000))
        let config = rig.models / "base" / "config.json"
        var json = try JSON(parsing: Array(config.text.utf8))
        json["auto_map"] = .object(JSONObject([("AutoModel", .string("modeling_x.X"))]))
        try FileSystem.replaceAtomically(config, with: Array(json.serialized().utf8), sync: false)
        let daemon = try serve(rig, in: group)
        try drop(rig, "strange", rig.config.text, date: 1000)
        try drop(rig, "honest", rig.config.text)
        expectHonest(rig, daemon)
        #expect(rig.status("strange")?.state == .done)
        #expect((rig.output / "strange" / "modeling_x.py").text == code.text)
        stop(daemon)
    }

    @Test func moreFilesMayBeOpenThanTheShellAllows() throws {
        let rig = try MergeRig()
        let daemon = try Executable(rig.serveArguments, in: rig.folder, prelude: "ulimit -Sn 64")
        #expect(rig.wait { (rig.spool / "status").exists }, "\(daemon.errorText)")
        let limits = FilePath("/proc/\(daemon.pid)/limits").text.split(separator: "\n")
        let words = limits.first { $0.hasPrefix("Max open files") }?.split(separator: " ") ?? []
        #expect(words.count > 4 && words[3] == words[4] && words[3] != "64", "\(words)")
        stop(daemon)
    }

    @Test func theLocksAreTheDaemonsAlone() throws {
        let rig = try MergeRig()
        let daemon = try Executable(rig.serveArguments, in: rig.folder, umask: "022")
        let locks = [rig.spool, rig.output].map { $0 / SpoolLock.fileName }
        #expect(
            rig.wait { (rig.spool / "status").exists && !locks[0].text.isEmpty && !locks[1].text.isEmpty })
        for lock in locks {
            #expect(try FileSystem.status(lock)?.permissions == 0o600)
            // What a member sees who may not read it.
            let status = try #require(try FileSystem.status(lock))
            #expect(KernelLocks.current.holder(of: status) == daemon.pid)
        }
        stop(daemon)
        let status = try #require(try FileSystem.status(locks[0]))
        #expect(KernelLocks.current.holder(of: status) == nil)
        #expect(
            KernelLocks(text: "1: FLOCK\n2: FLOCK ADVISORY WRITE x 1:2:\(status.inode) 0 EOF\n::").holder(
                of: status) == nil)
        // An older version's file, which anybody may lock, is taken over once it is free.
        for lock in locks { chmod(lock.string, 0o666) }
        let next = try serve(rig, in: MemoryGroup())
        #expect(rig.wait { (try? FileSystem.status(locks[1]))??.permissions == 0o600 })
        stop(next)
    }
}
