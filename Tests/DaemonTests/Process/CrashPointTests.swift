import Foundation
import StreamIO
import SystemPackage
import Testing

/// A merge disturbed at its first, second, … n-th operation on the file system until none is left.
///
/// `DELLAD_FAULT_PLAN` makes the operation fail or kills the process there. Whatever happens, a second,
/// undisturbed run must end with the bytes of a merge that was never disturbed.
@Suite struct CrashPointTests {
    /// The distance between operations that are tried, from a random one on; `make test-crash` tries all.
    static let stride = ProcessInfo.processInfo.environment["TEST_CRASH_STRIDE"].flatMap(Int.init) ?? 8

    static func points(_ operations: Int, every step: Int) -> StrideThrough<Int> {
        let first = Int.random(in: 1...step)
        print("operations \(first), \(first + step), … of \(operations)")
        return Swift.stride(from: first, through: operations, by: step)
    }

    @Test(arguments: ["uring", "posix"])
    func aMergeKilledAtAnyOperationEndsWithTheSameBytes(engine: String) throws {
        let tiny = try TinyMerge(engine: engine)
        let expected = try tiny.undisturbed()
        let operations = try tiny.countOperations()
        var tried = 0
        for number in Self.points(operations, every: Self.stride) {
            let killed = try tiny.run("die:\(number)")
            #expect(killed.code == -SIGKILL, "operation \(number): \(killed)")
            let resumed = try tiny.run(nil)
            // Killed after the folder got its name, the merge is done; it must not be done again.
            #expect(resumed.code == 0 || tiny.isPublished, "operation \(number): \(resumed.errors)")
            #expect(try tiny.model() == expected, "operation \(number)")
            #expect(try tiny.wrongHashes() == [], "operation \(number)")
            #expect(try tiny.leftovers() == [], "operation \(number)")
            try tiny.clear()
            tried += 1
        }
        print("crash points, \(engine): \(tried) of \(operations) tried")
        #expect(tried >= operations / Self.stride)
    }

    @Test(arguments: ["uring", "posix"], ["EIO", "ENOSPC", "EMFILE", "ENOMEM"])
    func aMergeWhoseOperationFailsSaysSoAndIsDoneOnARetry(engine: String, error: String) throws {
        let tiny = try TinyMerge(engine: engine)
        let expected = try tiny.undisturbed()
        let operations = try tiny.countOperations()
        var tried = 0
        let step = error == "EIO" ? Self.stride : 4 * Self.stride
        for number in Self.points(operations, every: step) {
            let failed = try tiny.run("fail:\(number):\(error)")
            #expect(failed.code >= 0, "operation \(number): \(failed)")
            if failed.code != 0 {
                #expect(failed.errors.contains("dellad: "), "operation \(number): \(failed.errors)")
                let retried = try tiny.run(nil)
                #expect(
                    retried.code == 0 || tiny.isPublished,
                    "operation \(number): \(failed.errors) then \(retried.errors)")
            }
            #expect(try tiny.model() == expected, "operation \(number): \(failed.errors)")
            #expect(try tiny.leftovers() == [], "operation \(number): \(failed.errors)")
            try tiny.clear()
            tried += 1
        }
        print("failure points, \(engine), \(error): \(tried) of \(operations) tried")
        #expect(tried >= operations / step)
    }
}

/// Two tiny models and a config in a folder of memory, merged by the program itself.
private struct TinyMerge {
    let folder: FilePath
    let engine: String
    /// For what the runs print.
    private let notes: TemporaryFolder
    var output: FilePath { folder.appending("out") }

    init(engine: String) throws {
        self.engine = engine
        notes = try TemporaryFolder()
        // Thousands of syncs: on a file system in memory they cost nothing.
        let root =
            FileManager.default.isWritableFile(atPath: "/dev/shm") ? "/dev/shm" : NSTemporaryDirectory()
        folder = FilePath(root).appending("dellad-crash-\(UUID().uuidString)")
        try FileSystem.createFolder(folder)
        for (name, seed) in [("base", "1"), ("tune", "2")] {
            let origin = name == "base" ? [] : ["--base", folder.appending("base").string, "--scale", "0.01"]
            let made = try Executable.run(
                ["synth", folder.appending(name).string, "--shape", "tiny", "--seed", seed] + origin,
                in: notes)
            try #require(made.code == 0, "\(made.errors)")
        }
        let config = """
            base_model: base
            merge_method: della
            dtype: bfloat16
            dellad: {shard_size: 250KB}
            models:
              - model: tune
                parameters: {density: 0.5, epsilon: 0.1, weight: 1.0}
            """
        try FileSystem.writeWhole(Array(config.utf8), to: folder.appending("merge.yml"), sync: false)
    }

    func run(_ plan: String?) throws -> (code: Int32, output: String, errors: String) {
        try Executable.run(
            [
                "merge", folder.appending("merge.yml").string, output.string, "--models", folder.string,
                "--memory", "4M", "--threads", "1", "--io", engine, "--sha256",
            ], in: notes, environment: plan.map { ["DELLAD_FAULT_PLAN": $0] } ?? [:])
    }

    func undisturbed() throws -> [String: [UInt8]] {
        let ending = try run(nil)
        try #require(ending.code == 0, "\(ending.errors)")
        let model = try model()
        try #require(model.count > 2)
        try clear()
        return model
    }

    func countOperations() throws -> Int {
        let file = folder.appending("count")
        let ending = try run("count:\(file)")
        try #require(ending.code == 0, "\(ending.errors)")
        try clear()
        let text = try FileSystem.readWhole(file, limit: 100)
        return try #require(
            Int(String(decoding: text, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)))
    }

    var isPublished: Bool { (try? FileSystem.status(output)) != nil }

    /// The files of the output that say nothing of when they were made.
    func model() throws -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        for name in try FileSystem.entries(of: output) where name != "dellad.json" {
            files[name] = try FileSystem.readWhole(output.appending(name), limit: 1 << 24)
        }
        return files
    }

    /// Files whose SHA-256 in `dellad.json` is not that of their bytes.
    func wrongHashes() throws -> [String] {
        let record = try JSON(
            parsing: try FileSystem.readWhole(output.appending("dellad.json"), limit: 1 << 24))
        let files = try #require(record["files"]?.arrayValue)
        return try files.compactMap { file in
            let name = file["name"]?.stringValue ?? ""
            let bytes = try FileSystem.readWhole(output.appending(name), limit: 1 << 24)
            return file["sha256"]?.stringValue == SHA256.of(bytes).hexadecimal ? nil : name
        }
    }

    /// What a merge must not leave beside its output.
    func leftovers() throws -> [String] {
        try FileSystem.entries(of: folder).filter { $0.hasPrefix(".") }
    }

    func clear() throws {
        if isPublished { try FileSystem.removeTree(output) }
    }
}
