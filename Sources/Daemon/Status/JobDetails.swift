import StreamIO

/// All that is known of one job, a line each.
struct JobDetails {
    let entry: SpoolView.Entry
    let isServed: Bool

    /// Lines, each with its line end.
    var text: String {
        let status = entry.status
        let state = entry.folder == .incoming ? "in incoming, not yet taken" : status.state.rawValue
        var lines = [("job", status.job.text), ("state", state)]
        if !isServed, !status.state.isFinal {
            lines.append(("", "no daemon is running on this spool (start dellad serve)"))
        }
        if !status.output.isEmpty { lines.append(("output", status.output)) }
        for model in status.fetching {
            lines.append(("fetching", "\(model.model): \(model.state), \(model.figures)"))
            if let error = model.error { lines.append(("", error)) }
        }
        let figures = status.progress
        if figures.bytesTotal > 0 {
            lines.append(("progress", progress))
            if let stage = figures.stage { lines.append(("stage", stage.text)) }
            lines.append(("tensors", "\(figures.tensorsDone) of \(figures.tensorsTotal)"))
            if let audited = figures.tensorsAudited {
                lines.append(("audited", "\(audited) of \(figures.tensorsTotal)"))
            }
            lines.append(
                (
                    "bytes",
                    "\(Figure.bytes(figures.bytesRead)) read, \(Figure.bytes(figures.bytesWritten)) written"
                ))
        }
        for (label, moment) in [
            ("queued", status.queuedAt), ("started", status.startedAt), ("finished", status.finishedAt),
        ] {
            if let moment { lines.append((label, moment)) }
        }
        if status.state.isFinal, let seconds = status.seconds {
            lines.append(("took", Figure.duration(seconds)))
        }
        if status.resumed > 0 {
            lines.append(("resumed", status.resumed == 1 ? "once" : "\(status.resumed) times"))
        }
        if status.peakResidentBytes > 0 {
            lines.append(("memory", "\(Figure.bytes(status.peakResidentBytes)) at most"))
        }
        lines += status.report.map { ("report", $0) }
        lines += status.warnings.map { ("warning", $0) }
        lines += (status.error ?? "").split(separator: "\n").map { ("error", String($0)) }
        return lines.map { label, text in
            label + String(repeating: " ", count: max(1, 10 - label.count)) + text.printable + "\n"
        }.joined()
    }

    private var progress: String {
        let status = entry.status
        var text = Figure.percent(status.fraction)
        if status.state == .merging, entry.silence == nil {
            text += ", \(Figure.rate(status.bytesPerSecond))"
            if let left = status.etaSeconds { text += ", \(Figure.duration(left)) left" }
        }
        return text
    }
}
