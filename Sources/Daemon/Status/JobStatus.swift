import Della
import StreamIO

/// The content of `status/NAME.json`.
struct JobStatus: Hashable, Sendable {
    static let schema = 1

    var job: JobName
    var state: JobState
    /// The folder of the merged model.
    var output: String
    var progress = MergeProgress.Snapshot()
    /// Of reading and writing together, lately.
    var bytesPerSecond: Double = 0
    var etaSeconds: Double?
    /// RFC 3339; so are the others.
    var queuedAt: String?
    var startedAt: String?
    var finishedAt: String?
    /// How long it was worked on until now, in all its runs, by a clock that nobody sets; `nil` before the first.
    var seconds: Double?
    /// How often the job went on after an interruption.
    var resumed = 0
    var peakResidentBytes: UInt64 = 0
    var warnings: [String] = []
    /// Models that the job waits for.
    var fetching: [FetchStatus] = []
    /// Models of one job that the status tells of, at most.
    private static let fetchLimit = 200
    /// Lines, at most; each as long, in characters.
    static let reportLineLimit = (count: 8, length: 200)
    /// What the report of a merged model says in a few lines.
    var report: [String] = []
    var error: String?
    /// What a command that waits for the job ends with: 0 of one that is done, 130 of one that was cancelled; `nil` while it
    /// has not ended, and where it is not known.
    var exitCode: Int32?

    init(job: JobName, state: JobState, output: String) {
        self.job = job
        self.state = state
        self.output = output
    }

    /// Done, from 0 to 1.
    var fraction: Double { state == .done ? 1 : progress.fraction }

    /// Takes over what another status says of a merge.
    mutating func take(from other: Self) {
        progress = other.progress
        startedAt = other.startedAt ?? startedAt
        seconds = seconds ?? other.seconds
        resumed = max(resumed, other.resumed)
        peakResidentBytes = max(peakResidentBytes, other.peakResidentBytes)
        if warnings.isEmpty { warnings = other.warnings }
        if report.isEmpty { report = other.report }
    }

    var json: JSON {
        func optional(_ text: String?) -> JSON { text.map { .string($0) } ?? .null }
        let took: JSON = seconds.map { .double(($0 * 1000).rounded() / 1000) } ?? .null
        let code: JSON = exitCode.map { .int(Int($0)) } ?? .null
        return .object(
            JSONObject([
                ("schema", .int(Self.schema)),
                ("job", .string(job.text)),
                ("state", .string(state.rawValue)),
                ("output", .string(output)),
                ("fraction", .double((fraction * 10_000).rounded(.down) / 10_000)),
                ("tensors_done", .int(progress.tensorsDone)),
                ("tensors_total", .int(progress.tensorsTotal)),
                ("tensors_audited", progress.tensorsAudited.map { .int($0) } ?? .null),
                ("stage", stage),
                ("bytes_read", .int(progress.bytesRead)),
                ("bytes_written", .int(progress.bytesWritten)),
                ("bytes_total", .int(progress.bytesTotal)),
                ("bytes_resumed", .int(progress.bytesResumed)),
                ("bytes_per_second", Self.whole(bytesPerSecond)),
                ("eta_seconds", etaSeconds.map { Self.whole($0.rounded(.up)) } ?? .null),
                ("queued_at", optional(queuedAt)),
                ("started_at", optional(startedAt)),
                ("finished_at", optional(finishedAt)),
                ("seconds", took),
                ("resumed", .int(resumed)),
                ("peak_rss_bytes", .int(peakResidentBytes)),
                ("fetching", .array(fetching.prefix(Self.fetchLimit).map(\.json))),
                ("warnings", .array(LimitedWarnings(warnings).texts.map { .string($0) })),
                (
                    "report",
                    .array(
                        report.prefix(Self.reportLineLimit.count).map {
                            .string(String($0.prefix(Self.reportLineLimit.length)))
                        })
                ),
                ("error", optional(error.map { FailureText($0).text })),
                ("exit_code", code),
            ]))
    }

    /// The stage of a recipe that is under way, or was last.
    private var stage: JSON {
        guard let stage = progress.stage else { return .null }
        return .object(
            JSONObject([
                ("name", .string(stage.name)), ("number", .int(stage.number)), ("count", .int(stage.count)),
            ]))
    }

    /// `null` for what is no whole number of a machine.
    private static func whole(_ value: Double) -> JSON {
        Int(exactly: value.rounded(.towardZero)).map { .int($0) } ?? .null
    }

    /// The largest figure that is believed: sums of several still fit.
    private static let largest = 1 << 60

    /// Reads what `json` writes; `nil` where the job or the state is missing. Everything else has a default, so
    /// that a file of an older or newer program is of use, and a figure that cannot be is none.
    init?(_ json: JSON) {
        guard let job = json["job"]?.stringValue.flatMap({ JobName($0) }),
            let state = json["state"]?.stringValue.flatMap({ JobState(rawValue: $0) })
        else { return nil }
        self.init(job: job, state: state, output: json["output"]?.stringValue ?? "")
        func count(_ key: String) -> Int {
            json[key]?.intValue.flatMap { (0...Self.largest).contains($0) ? $0 : nil } ?? 0
        }
        func number(_ key: String) -> Double? {
            json[key]?.doubleValue.flatMap { (0...Double(Self.largest)).contains($0) ? $0 : nil }
        }
        progress.tensorsDone = count("tensors_done")
        progress.tensorsTotal = count("tensors_total")
        progress.tensorsAudited = json["tensors_audited"]?.intValue.map { _ in count("tensors_audited")
        }
        progress.bytesRead = UInt64(count("bytes_read"))
        progress.bytesWritten = UInt64(count("bytes_written"))
        progress.bytesTotal = UInt64(count("bytes_total"))
        progress.bytesResumed = UInt64(count("bytes_resumed"))
        if let stage = json["stage"], let name = stage["name"]?.stringValue,
            let number = stage["number"]?.intValue, let count = stage["count"]?.intValue,
            1 <= number, number <= count, count <= Self.largest
        {
            progress.stage = MergeProgress.Stage(name: name, number: number, count: count)
        }
        bytesPerSecond = number("bytes_per_second") ?? 0
        etaSeconds = number("eta_seconds")
        queuedAt = json["queued_at"]?.stringValue
        startedAt = json["started_at"]?.stringValue
        finishedAt = json["finished_at"]?.stringValue
        seconds = number("seconds")
        resumed = count("resumed")
        peakResidentBytes = UInt64(count("peak_rss_bytes"))
        warnings = json["warnings"]?.arrayValue?.compactMap(\.stringValue) ?? []
        fetching =
            json["fetching"]?.arrayValue?.prefix(Self.fetchLimit).compactMap { FetchStatus($0) } ?? []
        report =
            json["report"]?.arrayValue?.prefix(Self.reportLineLimit.count).compactMap(\.stringValue) ?? []
        error = json["error"]?.stringValue
        exitCode = json["exit_code"]?.intValue.flatMap { (0...255).contains($0) ? Int32($0) : nil }
    }
}
