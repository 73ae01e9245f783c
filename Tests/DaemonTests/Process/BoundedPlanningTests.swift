import Glibc
import StreamIO
import SystemPackage
import Testing

@testable import Daemon

/// Configs and models that ask planning for too much, served in a memory group, with an honest job behind them.
@Suite struct BoundedPlanningTests {
    private static let head = "base_model: base\nmerge_method: della\ndtype: bfloat16\n"

    /// Configs, and what their errors say; `nil` where they are merged.
    private static let hostile: [(name: String, config: String, error: String?)] = [
        (
            "one-folder", head + "models:\n" + (0..<16_000).map { "  - model: tuned@\($0)\n" }.joined(),
            "one-folder.yml:260: more than 256 models"
        ),
        (
            "absent",
            head + "models:\n" + (0..<12_000).map { "  - model: Lib/Modle-\($0)-instruct\n" }.joined(),
            "absent.yml:260: more than 256 models"
        ),
        (
            "misspelt",
            head + "models:\n" + (0..<250).map { "  - model: Lib/Modle-\($0)-instruct\n" }.joined(),
            "the model Lib/Modle-0-instruct was not found"
        ),
        (
            "slices",
            head + "slices:\n"
                + String(repeating: "- sources: [{model: base, layer_range: [0, 1]}]\n", count: 4_200),
            "slices.yml:4101: 4200 slices, and a config has at most 4096"
        ),
        (
            "long-names",
            "base_model: long-names\nmerge_method: della\nmodels: [{model: longer, parameters: {weight: 1}}]\n",
            "use --memory "
        ),
        (
            "long-config", head + "models: [{model: long-config, parameters: {weight: 1}}]\n",
            "more than 100000 values"
        ),
    ]

    /// A file of 24,000 tensors without elements, whose header is nearly as long as a header may be.
    private static var longHeader: [UInt8] {
        let name = Array(repeating: UInt8(ascii: "n"), count: 4_000)
        let end = Array("\":{\"dtype\":\"BF16\",\"shape\":[0],\"data_offsets\":[0,0]}".utf8)
        var bytes = Array(repeating: 0 as UInt8, count: 8) + [UInt8(ascii: "{")]
        for number in 0..<24_000 {
            bytes += Array((number == 0 ? "\"" : ",\"").utf8) + name + Array("\(number)".utf8) + end
        }
        bytes.append(UInt8(ascii: "}"))
        withUnsafeBytes(of: UInt64(bytes.count - 8).littleEndian) { bytes.replaceSubrange(0..<8, with: $0) }
        return bytes
    }

    /// Folders that names may be mistaken for, a header that takes more than planning has, and a long config.json.
    private func makeModels(_ rig: MergeRig) throws {
        try FileSystem.createFolder(rig.models / "Lib")
        for number in 0..<300 {
            try FileSystem.createFolder(rig.models / "Lib" / "Model-\(number)")
            try (rig.models / "Lib" / "Model-\(number)" / "config.json").write("{}")
        }
        try FileSystem.createFolder(rig.models / "long-names")
        try FileSystem.writeWhole(
            Self.longHeader, to: rig.models / "long-names" / "model.safetensors", sync: false)
        // One is as much as planning has memory for.
        try FileSystem.createFolder(rig.models / "longer")
        try #require(
            link(
                (rig.models / "long-names" / "model.safetensors").string,
                (rig.models / "longer" / "model.safetensors").string) == 0)
        try FileSystem.createFolder(rig.models / "long-config")
        let tensor = SafetensorsHeader(layingOut: [("a", .bf16, [1])])
        try FileSystem.writeWhole(
            tensor.encoded() + [0, 0], to: rig.models / "long-config" / "model.safetensors", sync: false)
        try (rig.models / "long-config" / "config.json").write(
            "{\"a\":[" + String(repeating: "0,", count: 1_000_000) + "0]}")
    }

    @Test(
        .enabled(if: MemoryGroup.isAvailable, "needs root and a writable cgroup v1 memory controller"),
        .timeLimit(.minutes(10)))
    func planningThatAsksForTooMuchEndsAndTheNextJobIsMerged() throws {
        let rig = try MergeRig()
        try makeModels(rig)
        let group = try MemoryGroup(byteLimit: 512 << 20)
        let daemon = try rig.serve()
        try group.add(daemon.pid)
        #expect(rig.wait { (rig.spool / "status").exists })
        let honest = rig.config.text
        for job in Self.hostile {
            try rig.config.rewrite(job.config)
            try rig.drop(job.name)
        }
        try rig.config.rewrite(honest)
        try rig.drop("honest")
        #expect(rig.wait(seconds: 400) { rig.status("honest")?.state == .done })
        for job in Self.hostile {
            let reason = (rig.spool / "failed" / "\(job.name).error.txt").text
            #expect(reason.contains(job.error ?? ""), "\(job.name): \(reason.prefix(500))")
        }
        #expect(daemon.isRunning)
        #expect(group.peak < 512 << 20)
        // Budget and 64 MiB. A debug build has 10 MiB more of its code in memory than what is released.
        #expect(try #require(rig.status("honest")?.peakResidentBytes) <= (128 + 8) << 20)
        daemon.signal(SIGTERM)
        #expect(daemon.wait() == 0)
    }
}
