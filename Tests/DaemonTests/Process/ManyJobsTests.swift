import Foundation
import StreamIO
import SystemPackage
import Testing

@testable import Daemon

/// Many configs for the built daemon at once, each a merge of its own: 200 as a rule, `TEST_JOBS=1000` for more.
@Suite struct ManyJobsTests {
    static let count = ProcessInfo.processInfo.environment["TEST_JOBS"].flatMap(Int.init) ?? 200

    /// Configs of which nothing can be merged, and a word of why.
    static let broken = [
        ("models: [", "not YAML"),
        ("base_model: base\nmerge_method: della\nmodels:\n  - model: absent\n", "absent"),
        ("base_model: base\nmerge_method: dela\nmodels:\n  - model: tune\n", "dela"),
    ]

    @Test func allEndInTheOrderTheyWereDroppedAndTheDaemonDoesNotGrow() throws {
        let served = try ServedMerge(engine: "posix")
        let daemon = try served.start()
        defer { daemon.killAndWait() }
        served.waitUntilServing(daemon)
        // Stopped meanwhile, so that all are there before the first is taken.
        daemon.signal(SIGSTOP)
        try Self.dropAll(served)
        let order = try Self.namesByTime(served.spool)
        #expect(order.count == Self.count)
        daemon.signal(SIGCONT)
        let usage = Self.watch(daemon, served.spool)
        let done = try Self.names(served.spool, .done, suffix: ".yml")
        let failed = try Self.names(served.spool, .failed, suffix: ".yml")
        #expect(done.count == Self.count - Self.count / 10)
        #expect(failed.count == Self.count / 10)
        for name in failed {
            let number = try #require(Int(name.dropFirst("job-".count)))
            let reason = (served.spool.folder(.failed) / "\(name).error.txt").text
            #expect(reason.contains(Self.broken[number / 10 % Self.broken.count].1), "\(name): \(reason)")
        }
        #expect(try FileSystem.entries(of: served.spool.folder(.incoming)) == [])
        #expect(try FileSystem.entries(of: served.spool.folder(.active)) == [])
        #expect(try Self.names(served.spool.output).sorted() == done.sorted())
        #expect(Self.merged(in: daemon.errorText) == order)
        print("\(Self.count) jobs: \(usage)")
        #expect(usage.files.last <= usage.files.first + 2)
        #expect(usage.memory.last <= usage.memory.first + 16 << 20)
    }

    /// By eight writers at once; one of ten is broken.
    private static func dropAll(_ served: ServedMerge) throws {
        let config = (served.tiny.folder / "merge.yml").text
        let incoming = served.spool.folder(.incoming)
        DispatchQueue.concurrentPerform(iterations: 8) { writer in
            for number in stride(from: writer, to: count, by: 8) {
                let text = number % 10 == 0 ? broken[number / 10 % broken.count].0 : config
                let draft = incoming / ".draft-\(writer)"
                try? draft.write(text)
                try? FileSystem.rename(draft, to: incoming / "job-\(number).yml", replacing: false)
            }
        }
    }

    /// The jobs as the daemon promises to take them: oldest first, then by name.
    private static func namesByTime(_ spool: Spool) throws -> [String] {
        let files = try FileSystem.entries(of: spool.folder(.incoming)).compactMap { file in
            try FileSystem.status(spool.incoming(file)).map { (file, $0.modified) }
        }
        return files.sorted { $0.1 != $1.1 ? $0.1 < $1.1 : $0.0.utf8.lexicographicallyPrecedes($1.0.utf8) }
            .map { String($0.0.dropLast(".yml".count)) }
    }

    private static func names(_ spool: Spool, _ folder: Spool.Folder, suffix: String) throws -> [String] {
        try names(spool.folder(folder)).filter { $0.hasSuffix(suffix) }.map {
            String($0.dropLast(suffix.count))
        }
    }

    private static func names(_ folder: FilePath) throws -> [String] {
        try FileSystem.entries(of: folder).filter { !$0.hasPrefix(".") }
    }

    /// The jobs whose merge the log says began, in its order: `TIME info NAME: merging`.
    private static func merged(in log: String) -> [String] {
        log.split(separator: "\n").filter { $0.hasSuffix(": merging") }.map {
            String($0.dropLast(": merging".count).split(separator: " ").last ?? "")
        }
    }

    /// What the daemon held when a tenth of the jobs had ended, at the most, and at the end.
    struct Usage: CustomStringConvertible {
        struct Figure {
            var first = 0
            var most = 0
            var last = 0

            mutating func add(_ value: Int, isFirst: Bool) {
                if isFirst { first = max(first, value) }
                most = max(most, value)
                last = value
            }
        }

        /// Resident bytes.
        var memory = Figure()
        /// Open files.
        var files = Figure()

        var description: String {
            let bytes = { (value: Int) in Daemon.Figure.bytes(UInt64(value)) }
            return "resident \(bytes(memory.first)) after the first tenth, \(bytes(memory.most)) at most, "
                + "\(bytes(memory.last)) at the end; open files \(files.first), \(files.most), \(files.last)"
        }
    }

    /// No job ends for so long: it hangs.
    private static let patience = Duration.seconds(120)

    /// Watches the daemon until all jobs have ended, as long as some do.
    private static func watch(_ daemon: Executable, _ spool: Spool) -> Usage {
        var usage = Usage()
        var (ended, last) = (0, ContinuousClock.now)
        while ContinuousClock.now - last < patience, daemon.isRunning {
            let done = (try? names(spool, .done, suffix: ".yml").count) ?? 0
            let failed = (try? names(spool, .failed, suffix: ".error.txt").count) ?? 0
            if done + failed > ended { (ended, last) = (done + failed, .now) }
            let isFirst = done + failed <= count / 10
            usage.memory.add(daemon.residentBytes, isFirst: isFirst)
            usage.files.add(daemon.openFiles, isFirst: isFirst)
            let isQuiet = ((try? names(spool.folder(.active))) ?? [""]).isEmpty
            if done + failed == count, isQuiet { break }
            Thread.sleep(forTimeInterval: 0.1)
        }
        return usage
    }
}
