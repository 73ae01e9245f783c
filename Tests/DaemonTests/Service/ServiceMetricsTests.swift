import Della
import Testing

@testable import Daemon

@Suite("metrics.prom")
struct ServiceMetricsTests {
    private var full: ServiceMetrics {
        var metrics = ServiceMetrics()
        metrics.jobs = [("queued", 3), ("merging", 1)]
        metrics.tally = JobTally(
            done: 7, failed: 2, cancelled: 1, bytesRead: 100, bytesWritten: 50, ioErrors: 4,
            lastSuccess: 1_700_000_000)
        var progress = MergeProgress.Snapshot()
        (progress.bytesRead, progress.bytesWritten, progress.bytesTotal) = (30, 20, 100)
        metrics.merge = ServiceMetrics.Merge(
            job: "a\"b\\c\nd", progress: progress, bytesPerSecond: 12.7, etaSeconds: 3.2)
        return metrics
    }

    /// Samples by name and labels, after checking each line and that a metric's lines stand together.
    private func samples(_ text: String) throws -> [String: Double] {
        var samples: [String: Double] = [:]
        var seen: [Substring] = []
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 3)
            if line.hasPrefix("# HELP ") {
                #expect(!seen.contains(words[2]), "\(words[2]) is there twice")
                seen.append(words[2])
            } else if line.hasPrefix("# TYPE ") {
                #expect(words[2] == seen.last && ["gauge", "counter"].contains(words[3]))
                #expect((words[3] == "counter") == words[2].hasSuffix("_total"))
            } else {
                let space = try #require(line.lastIndex(of: " "))
                let name = line[..<space].prefix { $0 != "{" }
                #expect(name == seen.last && name.hasPrefix("dellad_"))
                let value: Double = try #require(Double(line[line.index(after: space)...]))
                samples[String(line[..<space])] = value
            }
        }
        #expect(text.hasSuffix("\n"))
        return samples
    }

    @Test("Every figure is there, labels escaped, the merge under way added to the counters")
    func allFigures() throws {
        let samples = try samples(full.text)
        #expect(samples["dellad_jobs{state=\"queued\"}"] == 3)
        #expect(samples["dellad_jobs_finished_total{outcome=\"failed\"}"] == 2)
        #expect(samples["dellad_read_bytes_total"] == 130)
        #expect(samples["dellad_written_bytes_total"] == 70)
        #expect(samples["dellad_merge_progress_ratio{job=\"a\\\"b\\\\c\\nd\"}"] == 0.5)
        #expect(samples.filter { $0.key.hasPrefix("dellad_merge_eta_seconds") }.values.first == 4)
        #expect(samples["dellad_last_success_timestamp_seconds"] == 1_700_000_000)
        #expect(samples["dellad_io_errors_total"] == 4)
    }

    @Test("What is not known is left out, not said to be 0")
    func absent() throws {
        let samples = try samples(ServiceMetrics().text)
        #expect(samples["dellad_last_success_timestamp_seconds"] == nil)
        #expect(samples.keys.allSatisfy { !$0.hasPrefix("dellad_merge_") })
        #expect(samples["dellad_jobs_finished_total{outcome=\"done\"}"] == 0)
    }

    @Test("A success is counted with its time")
    func tally() {
        var tally = JobTally()
        tally.ended(.failed, at: Timestamp(seconds: 5))
        #expect(tally.lastSuccess == nil)
        tally.ended(.done, at: Timestamp(seconds: 9))
        #expect(tally == JobTally(done: 1, failed: 1, lastSuccess: 9))
    }
}
