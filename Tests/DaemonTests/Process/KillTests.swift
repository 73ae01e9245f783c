import Foundation
import StreamIO
import SystemPackage
import Testing

/// The daemon killed with SIGKILL at random moments of merges that were dropped into its spool.
///
/// 10 kills a method as a rule; `TEST_KILLS=200` for more, `TEST_KILL_SHAPE=nemo-4l` for larger models.
@Suite struct KillTests {
    static let environment = ProcessInfo.processInfo.environment

    @Test(arguments: ["della", "karcher", "ties"])
    func everyJobIsMergedOnceAndToTheSameBytesHoweverOftenTheDaemonIsKilled(method: String) throws {
        let wanted = Self.environment["TEST_KILLS"].flatMap(Int.init) ?? 10
        let shape = Self.environment["TEST_KILL_SHAPE"] ?? "demo"
        let spool = try KillSpool(shape: shape, method: method)
        defer { spool.remove() }
        let started = Date()
        try spool.drop("undisturbed")
        let first = try spool.start()
        try spool.wait(for: "undisturbed")
        first.killAndWait()
        let whole = Date().timeIntervalSince(started)
        let expected = try spool.checksums("undisturbed")
        var kills = 0
        var jobs = 0
        var resumptions = 0
        while kills < wanted {
            jobs += 1
            let name = "job-\(jobs)"
            try spool.drop(name)
            while true {
                let daemon = try spool.start()
                // Mostly within the merge, sometimes before it begins or after it has ended.
                let moment = Double.random(in: 0...(0.8 * whole))
                if try spool.isDone(name, within: moment) {
                    daemon.killAndWait()
                    break
                }
                daemon.killAndWait()
                kills += 1
                if kills >= wanted {
                    let last = try spool.start()
                    try spool.wait(for: name)
                    last.killAndWait()
                    break
                }
            }
            #expect(try spool.checksums(name) == expected, "\(name)")
            resumptions += try spool.resumptions(name)
            try spool.forget(name)
        }
        // A kill between the config's rename to `done` and the journal's removal: the next start forgets it.
        let last = try spool.start()
        let end = Date().addingTimeInterval(300)
        while try spool.leftovers() != [], Date() < end { Thread.sleep(forTimeInterval: 0.02) }
        last.killAndWait()
        let leftovers = try spool.leftovers()
        #expect(leftovers == [])
        print("\(method): \(kills) kills during \(jobs) jobs of \(whole) s, \(resumptions) resumed runs")
    }
}

/// A spool with two models, and the daemon that serves it.
private final class KillSpool {
    let folder: FilePath
    /// For what the runs print.
    private let notes: TemporaryFolder
    private let method: String

    init(shape: String, method: String) throws {
        self.method = method
        notes = try TemporaryFolder()
        folder = FilePath(NSTemporaryDirectory()).appending("dellad-kill-\(UUID().uuidString)")
        try FileSystem.createFolder(folder)
        let models = folder.appending("models")
        try FileSystem.createFolder(models)
        for (name, seed) in [("base", "1"), ("tune", "2")] {
            let origin =
                name == "base" ? [] : ["--base", models.appending("base").string, "--scale", "0.01"]
            let made = try Executable.run(
                ["synth", models.appending(name).string, "--shape", shape, "--seed", seed] + origin,
                in: notes)
            try #require(made.code == 0, "\(made.errors)")
        }
        try FileSystem.createFolder(folder.appending("spool"))
        try FileSystem.createFolder(folder.appending("spool").appending("incoming"))
    }

    func remove() { try? FileSystem.removeTree(folder) }

    func start() throws -> Executable {
        try Executable(
            [
                "serve", "--spool", folder.appending("spool").string, "--output",
                folder.appending("out").string, "--models", folder.appending("models").string, "--memory",
                "64M",
            ], in: notes)
    }

    func drop(_ name: String) throws {
        let base = "\nbase_model: base"
        let models = [
            "della": "  - {model: tune, parameters: {density: 0.5, epsilon: 0.1, weight: 1.0}}" + base,
            "karcher": "  - model: base\n  - model: tune",
            "ties": "  - {model: tune, parameters: {density: 0.4, weight: 1.0}}" + base,
        ]
        let config = """
            merge_method: \(method)
            dtype: bfloat16
            models:
            \(models[method] ?? "")
            """
        try FileSystem.replaceAtomically(
            folder.appending("spool").appending("incoming").appending("\(name).yml"), with: Array(config.utf8)
        )
    }

    func isDone(_ name: String, within seconds: Double) throws -> Bool {
        let end = Date().addingTimeInterval(seconds)
        repeat {
            if try place(name, "done") { return true }
            if try place(name, "failed") {
                let reason = try FileSystem.readWhole(
                    folder.appending("spool").appending("failed").appending("\(name).error.txt"),
                    limit: 1 << 16)
                Issue.record("\(name) failed: \(String(decoding: reason, as: UTF8.self))")
                return true
            }
            Thread.sleep(forTimeInterval: 0.005)
        } while Date() < end
        return false
    }

    func wait(for name: String) throws {
        try #require(try isDone(name, within: 300), "\(name) was not merged within five minutes")
    }

    private func place(_ name: String, _ state: String) throws -> Bool {
        let path = folder.appending("spool").appending(state).appending("\(name).yml")
        return try FileSystem.status(path, followLinks: false) != nil
    }

    /// The checksums that `dellad.json` gives, after they were verified against the files.
    func checksums(_ name: String) throws -> [String: [String]] {
        let output = folder.appending("out").appending(name)
        let json = try JSON(
            parsing: try FileSystem.readWhole(output.appending("dellad.json"), limit: 1 << 20))
        var sums: [String: [String]] = [:]
        for file in json["files"]?.arrayValue ?? [] {
            let listed = (file["crc32c"]?.arrayValue ?? []).compactMap(\.stringValue)
            let path = file["name"]?.stringValue ?? ""
            #expect(listed == (try Self.checksums(of: output.appending(path))), "\(name): \(path)")
            // The model card and the report name the job.
            if path == "README.md" || path.hasPrefix("report.") { continue }
            sums[path] = listed
        }
        try #require(!sums.isEmpty)
        sums["figures"] = [try figures(of: name)]
        return sums
    }

    /// The report's figures, without the job's name.
    private func figures(of name: String) throws -> String {
        let path = folder.appending("out").appending(name).appending("report.json")
        let text = String(decoding: try FileSystem.readWhole(path, limit: 1 << 24), as: UTF8.self)
        let title = "\"title\": \"\(name)\""
        #expect(text.contains(title))
        return text.split(separator: title).joined()
    }

    private static func checksums(of path: FilePath) throws -> [String] {
        let file = try OpenFile.forReading(path, direct: false)
        var sums: [String] = []
        var offset: UInt64 = 0
        while true {
            let bytes = try file.read(upTo: 64 << 20, at: offset)
            if bytes.isEmpty { return sums }
            let digits = String(CRC32C.of(bytes), radix: 16)
            sums.append(String(repeating: "0", count: 8 - digits.count) + digits)
            offset += UInt64(bytes.count)
        }
    }

    func resumptions(_ name: String) throws -> Int {
        let path = folder.appending("spool").appending("status").appending("\(name).json")
        return try JSON(parsing: try FileSystem.readWhole(path, limit: 1 << 20))["resumed"]?.intValue ?? 0
    }

    func forget(_ name: String) throws { try FileSystem.removeTree(folder.appending("out").appending(name)) }

    func leftovers() throws -> [String] {
        try FileSystem.entries(of: folder.appending("out"))
            .filter { $0.hasPrefix(".") && ($0.hasSuffix(".partial") || $0.hasSuffix(".journal")) }
            + FileSystem.entries(of: folder.appending("spool").appending("active"))
    }
}
