import Della

/// A merge's progress in one line.
struct ProgressLine {
    private var meter = RateMeter()

    /// The line at a time, at most `width` columns wide.
    mutating func text(_ figures: MergeProgress.Snapshot, width: Int, at now: ContinuousClock.Instant)
        -> String
    {
        let stage = figures.stage.map { "stage \($0.number)/\($0.count)  " } ?? ""
        if let audited = figures.tensorsAudited {
            return String("\(stage)audited \(audited)/\(figures.tensorsTotal) tensors".prefix(width))
        }
        let done = figures.bytesRead + figures.bytesWritten
        meter.add(done, at: now)
        let total = figures.bytesTotal - min(figures.bytesTotal, figures.bytesResumed)
        var tail = " \(Figure.percent(figures.fraction))  \(Figure.rate(meter.rate))"
        if let left = meter.remaining(of: total) { tail += "  ETA \(Figure.duration(left))" }
        tail += "  \(stage)\(figures.tensorsDone)/\(figures.tensorsTotal) tensors"
        let room = min(40, width - tail.count - 3)
        return room < 8
            ? String(tail.dropFirst().prefix(width))
            : "[\(Figure.bar(figures.fraction, width: room))]\(tail)"
    }
}
