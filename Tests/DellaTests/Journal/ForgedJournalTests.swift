import Foundation
import StreamIO
import SystemPackage
import Testing

@testable import Della
@testable import MergeReference

/// Journals that say anything, with checksums that are right: a merge begins anew, goes on or fails, and ends.
///
/// Runs for two seconds; `DELLAD_FUZZ_SECONDS` sets another time, `DELLAD_FUZZ_SEED` repeats a run, whose seed a failure
/// names.
@Suite struct ForgedJournalTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let time = Duration.seconds(environment["DELLAD_FUZZ_SECONDS"].flatMap { Int($0) } ?? 2)

    /// What a merge left that was stopped within its second shard.
    private struct Left {
        let merge: PlannedMerge
        let journal: String
        let files: [String: [UInt8]]
        var partial: FilePath { merge.folder.appending(".out.partial") }
        var path: FilePath { merge.folder.appending(".out.journal") }

        init(seed: UInt64) throws {
            let tensors =
                (0..<4).map { index in
                    PlannedMerge.Tensor(
                        name: "t\(index)", shape: [100, 512], types: [.bf16, .bf16, .f32],
                        densities: [0.5, 0.7], rescale: index != 3)
                } + [
                    PlannedMerge.Tensor(name: "i", shape: [20_000], types: [.i16, .i16, .i16], densities: [])
                ]
            merge = try PlannedMerge(tensors, modelCount: 2, seed: seed, shardBytes: 900_000)
            for limit in stride(from: UInt64(330_000), through: 30_000, by: -30_000) {
                let stop = StopRequest()
                let progress = MergeProgress()
                progress.onUpdate { if $0.bytesWritten > limit { stop.request() } }
                _ = try? merge.run("out", memory: 1 << 21, threads: 1, engine: .posix).perform(
                    progress: progress, stop: stop)
                let text = String(
                    decoding: (try? FileSystem.readWhole(
                        merge.folder.appending(".out.journal"), limit: 1 << 20)) ?? [], as: UTF8.self)
                if text.contains("\"tensor\"") { break }
                for name in ["out", ".out.partial", ".out.journal"] {
                    try FileSystem.removeTree(merge.folder.appending(name))
                }
            }
            let folder = merge.folder.appending(".out.partial")
            journal = String(
                decoding: try FileSystem.readWhole(merge.folder.appending(".out.journal"), limit: 1 << 20),
                as: UTF8.self)
            files = try Dictionary(
                uniqueKeysWithValues: FileSystem.entries(of: folder).map {
                    ($0, try FileSystem.readWhole(folder.appending($0), limit: 1 << 24))
                })
        }

        /// Puts everything back, with another journal.
        func restore(_ journal: String) throws {
            for path in [partial, path, merge.folder.appending("out")] { try FileSystem.removeTree(path) }
            try FileSystem.createFolder(partial)
            for (name, bytes) in files {
                try FileSystem.writeWhole(bytes, to: partial.appending(name), sync: false)
            }
            try FileSystem.writeWhole(Array(journal.utf8), to: path, sync: false)
        }

        /// Merges, and says what came of it; a merge that does not end counts as stopped.
        func outcome(sha256: Bool) -> MergeFailure.Kind? {
            let stop = StopRequest()
            let ended = DispatchSemaphore(value: 0)
            DispatchQueue.global().async {
                if ended.wait(timeout: .now() + 20) == .timedOut { stop.request() }
            }
            defer { ended.signal() }
            do throws(MergeFailure) {
                _ = try merge.run("out", memory: 1 << 21, threads: 1, engine: .posix, sha256: sha256).perform(
                    progress: MergeProgress(), stop: stop)
                return nil
            } catch {
                return error.kind
            }
        }
    }

    static func line(_ json: String) -> String {
        CRC32C.of(Array(json.utf8)).hexadecimal + " " + json + "\n"
    }

    /// Changes numbers, words and the order of records.
    static func forged(_ journal: String, using random: inout SeededRandom) -> String {
        var records = journal.split(separator: "\n").map { String($0.dropFirst(9)) }
        let numbers = [
            "-1", "0", "1", "4095", "4096", "65536", "67108863", "67108864", "9223372036854775807",
            "-9223372036854775808", "18446744073709551615", "1e300", "0.5", "null", "\"x\"", "[]", "true",
            "[\"00000000\"]", "\"ffffffff\"", "\"7fc00000\"",
        ]
        for _ in 0..<Int.random(in: 1...3, using: &random) where !records.isEmpty {
            let at = Int.random(in: records.indices, using: &random)
            switch Int.random(in: 0..<8, using: &random) {
            case 0: records.remove(at: at)
            case 1: records.insert(records[at], at: Int.random(in: 0...records.count, using: &random))
            case 2: records.swapAt(at, Int.random(in: records.indices, using: &random))
            case 3: records.append("{\"record\": \"complete\"}")
            default:
                // A value of a member: what follows ": " up to the next comma or bracket.
                let parts = records[at].components(separatedBy: ": ")
                guard parts.count > 1 else { continue }
                let place = Int.random(in: 1..<parts.count, using: &random)
                let rest = parts[place].drop { !",}]".contains($0) }
                var changed = parts
                changed[place] = numbers.randomElement(using: &random)! + rest
                records[at] = changed.joined(separator: ": ")
            }
        }
        return records.map(line).joined()
    }

    @Test func aForgedJournalIsSurvived() throws {
        let seed = TestSeed.asked()
        var random = SeededRandom(seed: seed)
        let left = try Left(seed: 11)
        try #require(left.journal.contains("\"tensor\""), "the merge was not stopped within a tensor")
        try left.restore(left.journal)
        #expect(left.outcome(sha256: false) == nil)
        #expect(try left.merge.output("out") == left.merge.reference())
        let end = ContinuousClock.now + Self.time
        var merged = 0
        while ContinuousClock.now < end {
            let journal = Self.forged(left.journal, using: &random)
            try left.restore(journal)
            let kind = left.outcome(sha256: Bool.random(using: &random))
            #expect(kind != .stopped, "does not end: seed \(seed)\n\(journal)")
            if kind == nil { merged += 1 }
            // What needs no plan.
            try left.restore(journal)
            _ = try? MergeRun.isComplete(output: left.merge.folder.appending("out"))
            _ = try? MergeRun.finishPublished(
                output: left.merge.folder.appending("out"), config: nil, mayName: Bool.random(using: &random))
        }
        #expect(merged > 0, "seed \(seed)")
    }

    @Test(arguments: [
        // Negative, larger than the file, not of this many bytes, of a tensor without as many terms.
        #"{"record": "written", "shard": -1, "through": 4096, "whole": false, "crc32c": [], "partial": "00000000", "partial_bytes": 4096}"#,
        #"{"record": "written", "shard": 0, "through": -4096, "whole": false, "crc32c": [], "partial": "00000000", "partial_bytes": -4096}"#,
        #"{"record": "written", "shard": 0, "through": 1048576, "whole": false, "crc32c": [], "partial": "00000000", "partial_bytes": 1048576}"#,
        #"{"record": "written", "shard": 0, "through": 4096, "whole": false, "crc32c": ["00000000"], "partial": "00000000", "partial_bytes": 4096}"#,
        #"{"record": "written", "shard": 0, "through": 4096, "whole": false, "crc32c": [], "partial": "00000000", "partial_bytes": 4096, "tensor": 0, "constants": ["3f800000"]}"#,
        #"{"record": "written", "shard": 0, "through": 4096, "whole": false, "crc32c": [], "partial": "00000000", "partial_bytes": 4096, "tensor": 9223372036854775807, "constants": ["3f800000", "3f800000"]}"#,
        #"{"record": "written", "shard": 0, "through": 4097, "whole": false, "crc32c": [], "partial": "00000000", "partial_bytes": 4097}"#,
        #"{"record": "complete"}"#,
    ])
    func aRecordThatCannotBeIsNotBelieved(record: String) throws {
        let left = try Left(seed: 12)
        let began = try #require(left.journal.split(separator: "\n").first)
        try left.restore(began + "\n" + Self.line(record))
        #expect(left.outcome(sha256: false) == nil)
        #expect(try left.merge.output("out") == left.merge.reference())
    }

    @Test func aJournalIsItsOwnersAlone() throws {
        let left = try Left(seed: 13)
        try left.restore(left.journal)
        let journal = try #require(try MergeJournal.open(left.path))
        #expect(try FileSystem.status(left.path)?.permissions == 0o600)
        withExtendedLifetime(journal) {}
        try FileSystem.remove(left.path)
        let identity = MergeIdentity(left.merge.plan, configText: [])
        let fresh = try MergeJournal.create(left.path, for: identity)
        #expect(try FileSystem.status(left.path)?.permissions == 0o600)
        withExtendedLifetime(fresh) {}
    }

    @Test func aJournalGrowsNoLargerThanIsRead() throws {
        let left = try Left(seed: 14)
        try left.restore(left.journal)
        let journal = try #require(try MergeJournal.open(left.path))
        let file = try OpenFile.forUpdating(left.path, direct: false)
        try file.truncate(to: UInt64(MergeJournal.sizeLimit) - 4)
        let error = #expect(throws: IOError.self) { try journal.append(.resumed) }
        #expect(error?.errno == .fileTooLarge)
        #expect(try MergeJournal.read(left.path) != nil)
    }

    @Test(arguments: [false, true])
    func anInputThatWasChangedAndDatedBackIsNoticed(isUnderWay: Bool) throws {
        let left = try Left(seed: 15)
        try left.restore(left.journal)
        let input = left.merge.plan.inputs[1].path
        let change: @Sendable () throws -> Void = {
            let file = try OpenFile.forUpdating(input, direct: false)
            let before = try file.status()
            let last = try file.read(upTo: 1, at: before.size - 1)
            try [last[0] ^ 1].withUnsafeBytes { try file.write($0, at: before.size - 1) }
            try file.setModified(before.modified)
        }
        let progress = MergeProgress()
        if isUnderWay {
            let isFirst = Switch()
            progress.onUpdate { if $0.bytesWritten > 0, isFirst.take() { try? change() } }
        } else {
            try change()
        }
        let failure = #expect(throws: MergeFailure.self) {
            _ = try left.merge.run("out", memory: 1 << 21, threads: 1, engine: .posix).perform(
                progress: progress, stop: StopRequest())
        }
        #expect(failure?.kind == .inputChanged)
    }
}

/// Is taken once.
private final class Switch: @unchecked Sendable {
    private let lock = NSLock()
    private var isTaken = false

    func take() -> Bool {
        lock.withLock {
            defer { isTaken = true }
            return !isTaken
        }
    }
}
