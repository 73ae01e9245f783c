import Foundation
import StreamIO
import SystemPackage
import Testing

@testable import Daemon

/// Status files and records of models that say anything: shown, checked or refused, never a crash.
///
/// Runs for two seconds each; `DELLAD_FUZZ_SECONDS` sets another time.
@Suite struct RecordFuzzTests {
    private static let time = Duration.seconds(
        ProcessInfo.processInfo.environment["DELLAD_FUZZ_SECONDS"].flatMap { Int($0) } ?? 2)

    private static let values = [
        "-1", "0", "1", "4096", "67108864", "9223372036854775807", "9223372036854775808",
        "18446744073709551616", "-9223372036854775808", "1e400", "-0.0", "0.5", "null", "true", "[]", "{}",
        "\"\"", "\"..\"", "\"/\"", "\"a/../b\"", "\"ffffffff\"", "\"9999-99-99T99:99:99Z\"", "\"\\u0000\"",
    ]

    /// The text of a JSON file with values of members replaced.
    static func changed(_ text: String) -> String {
        var parts = text.components(separatedBy: ": ")
        for _ in 0..<Int.random(in: 1...4) where parts.count > 1 {
            let place = Int.random(in: 1..<parts.count)
            let rest = parts[place].drop { !",}]\n".contains($0) }
            parts[place] = values.randomElement()! + rest
        }
        return parts.joined(separator: ": ")
    }

    @Test func aRecordThatSaysAnythingIsCheckedOrRefused() throws {
        let rig = try MergeRig()
        let out = rig.output
        let merged = try rig.run("merge", rig.config.string, out.string, "--models", rig.models.string)
        try #require(merged.code == 0, "\(merged.errors)")
        let path = out / RecordedFile.recordName
        let text = path.text
        let end = ContinuousClock.now + Self.time
        var checked = 0, refused = 0
        while ContinuousClock.now < end {
            try FileSystem.remove(path)
            let changed = Self.changed(text)
            try path.write(changed)
            do throws(CommandFailure) {
                let verification = try ModelVerification(reading: out)
                _ = verification.byteCount
                _ = verification.findings(threads: 2)
                checked += 1
            } catch {
                #expect(error.exitCode == 65, "\(changed)")
                refused += 1
            }
        }
        #expect(checked > 0 && refused > 0)
    }

    @Test func aStatusThatSaysAnythingIsShown() throws {
        let rig = try SpoolRig()
        try rig.drop("a.yml", "fail")
        rig.runAll()
        let path = rig.spool.statusFile(JobName("a")!)
        let text = path.text
        let end = ContinuousClock.now + Self.time
        while ContinuousClock.now < end {
            try FileSystem.remove(path)
            try path.write(Self.changed(text))
            let view = try SpoolView(of: rig.spool, now: Timestamp(seconds: .random(in: .min ... .max)))
            _ = view.json.serialized()
            _ = SpoolTable(view: view, width: 80).text
            for entry in view.entries { _ = JobDetails(entry: entry, isServed: .random()).text }
            try rig.restart()
        }
    }

    /// What is written is read again, however much there was to say.
    @Test func aFailureOfManyProblemsIsKeptAsFarAsItIsRead() throws {
        let rig = try SpoolRig()
        let name = try #require(JobName("a"))
        for text in [
            (0..<9000).map { "merge.yml:\($0): \u{7} is wrong" }.joined(separator: "\n"),
            String(repeating: "x", count: 1 << 17), String(repeating: "\u{1}", count: 1 << 17),
            String(repeating: "é\n", count: 1 << 16),
        ] {
            try rig.spool.config(name, in: .failed).write("x")
            try rig.spool.writeReason(text, for: name)
            let reason = try #require(rig.spool.readReason(of: name))
            #expect(reason.utf8.count <= FailureText.byteLimit)
            var status = JobStatus(job: name, state: .failed, output: "")
            status.error = text
            status.warnings = (0..<400).map { String(repeating: "\u{1}\"", count: 2000) + "\($0)" }
            rig.machine.write(status)
            let size = try #require(try FileSystem.status(rig.spool.statusFile(name))).size
            #expect(size <= UInt64(Spool.statusLimit), "\(size)")
            #expect(rig.status("a")?.state == .failed)
            try FileSystem.remove(rig.spool.config(name, in: .failed))
        }
        let many = (0..<50_000).map { "line \($0)" }.joined(separator: "\n")
        #expect(FailureText(many).text.hasSuffix("more problems (dellad check CONFIG lists them all)"))
        #expect(FailureText("one\ntwo").text == "one\ntwo")
    }
}
