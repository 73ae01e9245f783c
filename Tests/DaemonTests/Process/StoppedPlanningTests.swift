import Glibc
import StreamIO
import SystemPackage
import Testing

@testable import Daemon

/// Signals and cancels that come while a merge is planned.
@Suite struct StoppedPlanningTests {
    /// Models whose plan takes minutes: integers, which are compared, in files of holes.
    private func makeRig() throws -> MergeRig {
        let rig = try MergeRig()
        for name in ["base", "tuned"] {
            let path = rig.models / name / "model.safetensors"
            let header = SafetensorsHeader(layingOut: [("positions", .i64, [1 << 35])])
            try FileSystem.remove(path)
            try FileSystem.writeWhole(header.encoded(), to: path, sync: false)
            let size = Int(header.byteCount) + 1 << 38
            try #require(path.withPlatformString { truncate($0, size) } == 0)
        }
        return rig
    }

    @Test(arguments: [SIGTERM, SIGINT])
    func aSignalStopsAMergeThatIsPlanned(signal: Int32) throws {
        let rig = try makeRig()
        let merge = try Executable(
            [
                "merge", rig.config.string, rig.output.string, "--models", rig.models.string, "--memory",
                "64M",
            ],
            in: rig.folder)
        #expect(rig.wait { merge.blocks(signal) })
        let start = ContinuousClock.now
        merge.signal(signal)
        #expect(merge.wait() == 130)
        #expect(ContinuousClock.now - start < .seconds(60))
        #expect(merge.errorText == "dellad: interrupted before it began (give the same command again)\n")
        #expect(!rig.output.exists)
    }

    @Test func aServedMergeThatIsPlannedIsStoppedAndCancelled() throws {
        let rig = try makeRig()
        let daemon = try rig.serve()
        #expect(rig.wait { (rig.spool / "status").exists })
        try rig.drop("a")
        #expect(rig.wait { rig.status("a")?.state == .merging })
        daemon.signal(SIGTERM)
        let start = ContinuousClock.now
        #expect(daemon.wait() == 0, "\(daemon.errorText)")
        #expect(ContinuousClock.now - start < .seconds(60))
        #expect(rig.status("a")?.state == .queued)
        let next = try rig.serve()
        #expect(rig.wait { rig.status("a")?.state == .merging })
        #expect(try rig.run("cancel", "a", "--spool", rig.spool.string).code == 0)
        #expect(rig.wait { rig.status("a")?.state == .cancelled })
        next.signal(SIGTERM)
        #expect(next.wait() == 0)
    }
}

extension Executable {
    /// Whether it takes a signal when it likes to.
    fileprivate func blocks(_ signal: Int32) -> Bool {
        let lines = FilePath("/proc/\(pid)/status").text.split(separator: "\n")
        guard let mask = lines.first(where: { $0.hasPrefix("SigBlk:") })?.split(separator: "\t").last,
            let bits = UInt64(mask, radix: 16)
        else { return false }
        return bits & (1 << UInt64(signal - 1)) != 0
    }
}
