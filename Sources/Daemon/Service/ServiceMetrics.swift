import Della
import StreamIO

/// The figures of a daemon in Prometheus' text format. Names and meanings are explained in docs/operating.md.
struct ServiceMetrics: Sendable {
    /// The merge under way.
    struct Merge: Hashable, Sendable {
        var job: String
        var progress: MergeProgress.Snapshot
        var bytesPerSecond: Double
        var etaSeconds: Double?
    }

    /// Jobs by state, counted in the spool.
    var jobs: [(state: String, count: Int)] = []
    var tally = JobTally()
    var merge: Merge?
    /// Bytes.
    var peakResident: UInt64 = 0
    var memoryBudget: UInt64 = 0
    /// Seconds since the epoch.
    var startTime: Int64 = 0
    var version = Version.current

    /// The whole file.
    var text: String {
        var text = ""
        func metric(
            _ name: String, _ type: String, _ help: String, _ samples: [(labels: String, value: String)]
        ) {
            guard !samples.isEmpty else { return }
            text += "# HELP dellad_\(name) \(help)\n# TYPE dellad_\(name) \(type)\n"
            for sample in samples { text += "dellad_\(name)\(sample.labels) \(sample.value)\n" }
        }
        func one(_ value: some CustomStringConvertible) -> [(String, String)] { [("", "\(value)")] }
        let running = merge?.progress ?? MergeProgress.Snapshot()
        metric("info", "gauge", "The program.", [(Self.labels([("version", version)]), "1")])
        metric("start_time_seconds", "gauge", "When the daemon started.", one(startTime))
        metric(
            "jobs", "gauge", "Jobs in the spool by state.",
            jobs.map { (Self.labels([("state", $0.state)]), "\($0.count)") })
        metric(
            "jobs_finished_total", "counter", "Jobs that ended since the start.",
            [("done", tally.done), ("failed", tally.failed), ("cancelled", tally.cancelled)].map {
                (Self.labels([("outcome", $0.0)]), "\($0.1)")
            })
        metric(
            "read_bytes_total", "counter", "Bytes of models read.", one(tally.bytesRead + running.bytesRead))
        metric(
            "written_bytes_total", "counter", "Bytes of models written.",
            one(tally.bytesWritten + running.bytesWritten))
        metric(
            "bytes_per_second", "gauge", "Read and written lately by the merge under way.",
            one(Int(saturating: merge?.bytesPerSecond ?? 0)))
        let job = merge.map { Self.labels([("job", $0.job)]) } ?? ""
        metric(
            "merge_progress_ratio", "gauge", "Done of the merge under way, 0 to 1.",
            merge.map { [(job, "\($0.progress.fraction)")] } ?? [])
        metric(
            "merge_eta_seconds", "gauge", "Until the merge under way is done, at its rate.",
            merge?.etaSeconds.map { [(job, "\(Int(saturating: $0.rounded(.up)))")] } ?? [])
        metric(
            "last_success_timestamp_seconds", "gauge", "When a job was last done.",
            tally.lastSuccess.map { one($0) } ?? [])
        metric("memory_budget_bytes", "gauge", "What the buffers of a merge may take.", one(memoryBudget))
        metric(
            "peak_resident_bytes", "gauge", "The most memory the daemon has had resident.", one(peakResident))
        metric("io_errors_total", "counter", "Errors of disks since the start.", one(tally.ioErrors))
        return text
    }

    static func labels(_ labels: [(name: String, value: String)]) -> String {
        let inside = labels.map { label in
            var value = ""
            for scalar in label.value.unicodeScalars {
                switch scalar {
                case "\\": value += "\\\\"
                case "\"": value += "\\\""
                case "\n": value += "\\n"
                default: value.unicodeScalars.append(scalar)
                }
            }
            return "\(label.name)=\"\(value)\""
        }
        return "{\(inside.joined(separator: ","))}"
    }
}
