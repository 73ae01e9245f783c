import StreamIO

/// A spool's jobs as a table.
struct SpoolTable {
    /// Jobs that have ended are shown up to this many.
    static let endedLimit = 20
    private static let barWidth = 20

    let view: SpoolView
    /// Columns.
    let width: Int

    /// Lines, each with its line end.
    var text: String {
        var rows: [[String]] = []
        var hidden = 0
        for entry in view.entries {
            let isEnded = entry.folder == .done || entry.folder == .failed
            if isEnded, rows.count >= Self.endedLimit, hiddenStarts(rows) {
                hidden += 1
                continue
            }
            rows.append(Self.row(entry))
        }
        var lines = [
            view.isServed ? "" : "no daemon is running on this spool (start dellad serve); jobs wait"
        ]
        if rows.isEmpty {
            lines.append("no jobs")
        } else {
            let name = max(4, min(40, rows.map { $0[0].count }.max() ?? 0))
            lines.append(Self.line(["JOB", "STATE", "PROGRESS"], name))
            lines += rows.map { Self.line($0, name) }
        }
        if hidden > 0 { lines.append("and \(hidden) more that have ended (--json shows all)") }
        return lines.filter { !$0.isEmpty }.map { String($0.printable.prefix(width)) + "\n" }.joined()
    }

    private func hiddenStarts(_ rows: [[String]]) -> Bool { rows.count >= Self.endedLimit }

    private static func row(_ entry: SpoolView.Entry) -> [String] {
        let status = entry.status
        let state = entry.folder == .incoming ? "incoming" : status.state.rawValue
        return [status.job.text, state, detail(entry)]
    }

    private static func detail(_ entry: SpoolView.Entry) -> String {
        let status = entry.status
        switch status.state {
        case .merging:
            var text = "[\(Figure.bar(status.fraction, width: barWidth))] \(Figure.percent(status.fraction))"
            if let silence = entry.silence {
                return "\(text)  no news for \(Figure.duration(Double(silence))) (is the daemon stopped?)"
            }
            if let audited = status.progress.tensorsAudited {
                return "\(text)  audited \(audited)/\(status.progress.tensorsTotal) tensors"
            }
            text += "  \(Figure.rate(status.bytesPerSecond))"
            if let left = status.etaSeconds { text += "  ETA \(Figure.duration(left))" }
            return text
        case .queued:
            if let error = status.error { return "to be tried again: \(firstLine(error))" }
            return status.fraction > 0 ? "\(Figure.percent(status.fraction)) done, goes on from there" : ""
        case .done: return "\(status.finishedAt ?? "")  \(status.output)"
        case .failed, .cancelled: return firstLine(status.error ?? "")
        }
    }

    private static func firstLine(_ text: String) -> String {
        let lines = text.split(separator: "\n")
        return lines.count > 1 ? "\(lines[0]) (and \(lines.count - 1) more)" : String(lines.first ?? "")
    }

    private static func line(_ cells: [String], _ nameWidth: Int) -> String {
        let text = pad(cells[0], nameWidth) + "  " + pad(cells[1], 9) + "  " + cells[2]
        return String(text.reversed().drop { $0 == " " }.reversed())
    }

    private static func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
