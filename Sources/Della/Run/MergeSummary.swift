/// What a merge did.
public struct MergeSummary: Hashable, Sendable {
    /// Bytes that this run read and wrote.
    public var bytesRead: UInt64
    public var bytesWritten: UInt64
    /// Bytes of the shards.
    public var outputBytes: UInt64
    /// This run's wall time.
    public var seconds: Double
    /// How often the merge was taken up again.
    public var resumptions: Int
    /// The I/O engine and the vector instructions used: for reports, they change nothing.
    public var engine: String
    public var simd: String
    /// What was computed anew before publication; `nil` where nothing was.
    public var audit: AuditReport?
    /// What the report says in a few lines; empty where none was made.
    public var report: [String] = []
    /// Of the plan and of the merge itself.
    public var warnings: [String]
}

extension MergeSummary {
    /// Of a merge that begins, or goes on.
    init(_ plan: MergePlan, resumptions: Int) {
        self.init(
            bytesRead: 0, bytesWritten: 0, outputBytes: plan.shards.reduce(0) { $0 + $1.byteCount },
            seconds: 0, resumptions: resumptions, engine: "none", simd: "none", warnings: plan.warnings)
    }

    /// Takes down what only its end tells.
    mutating func close(since start: ContinuousClock.Instant, _ progress: MergeProgress) {
        let figures = progress.snapshot
        (bytesRead, bytesWritten) = (figures.bytesRead, figures.bytesWritten)
        warnings += progress.warnings
        seconds = start.duration(to: .now).seconds
    }
}
