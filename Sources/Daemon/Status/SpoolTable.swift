import StreamIO

/// A spool's jobs as a table. Where there is little room, state, rate and time left stay, and names are shortened.
struct SpoolTable {
    /// Jobs that have ended are shown up to this many, and so are files that are left alone.
    static let endedLimit = 20
    /// Below it columns are closer and states as wide as they are.
    private static let narrow = 60

    let view: SpoolView
    /// Columns.
    let width: Int

    private struct Row {
        var name: String
        var state: String
        /// What is said of it, at the most first; each next one says less.
        var details: [String]
    }

    /// Lines, each with its line end.
    var text: String {
        var (rows, hidden) = ([Row](), 0)
        for entry in view.entries where !entry.status.state.isFinal {
            rows.append(Self.row(entry))
        }
        rows += view.leftAlone.prefix(Self.endedLimit).map { file in
            Row(
                name: file.printable, state: "left alone",
                details: ["rename it: \(JobName.rule)", "rename it"])
        }
        for entry in view.entries where entry.status.state.isFinal {
            if rows.count < Self.endedLimit { rows.append(Self.row(entry)) } else { hidden += 1 }
        }
        var lines: [String] = []
        if !view.isServed {
            let spool = view.root.isEmpty ? "this spool" : view.root.string
            lines.append("no daemon is running on \(spool) (start dellad serve); jobs wait")
        }
        lines += rows.isEmpty ? ["no jobs"] : table(rows)
        let more = view.leftAlone.count - Self.endedLimit
        if more > 0 { lines.append("and \(Figure.count(more, "more file")) left alone (--json shows all)") }
        if hidden > 0 {
            lines.append("and \(hidden) more that \(hidden == 1 ? "has" : "have") ended (--json shows all)")
        }
        return lines.map { String($0.printable.prefix(width)) + "\n" }.joined()
    }

    private func table(_ rows: [Row]) -> [String] {
        let isNarrow = width < Self.narrow
        let gap = String(repeating: " ", count: isNarrow ? 1 : 2)
        let stateWidth = max(isNarrow ? 5 : 9, rows.map(\.state.count).max() ?? 0)
        let room = max(0, width - stateWidth - 2 * gap.count)
        let longest = max(4, rows.map(\.name.count).max() ?? 0)
        let wanted = min(longest, width > 200 ? longest : 40)
        // What is said of a merge is worth more than a long name.
        let level = rows.map { row in
            row.details.firstIndex { room - $0.count >= min(wanted, 12) } ?? row.details.count - 1
        }
        let demand = zip(rows, level).filter { $0.0.details.count > 2 }.map { $0.0.details[$0.1].count }.max()
        let nameWidth = max(3, min(wanted, room - (demand ?? min(24, room / 2))))
        let cells =
            [["JOB", "STATE", "PROGRESS"]]
            + zip(rows, level).map {
                [Self.shortened($0.0.name, to: nameWidth), $0.0.state, $0.0.details[$0.1]]
            }
        return cells.map { cells in
            let text = Self.pad(cells[0], nameWidth) + gap + Self.pad(cells[1], stateWidth) + gap + cells[2]
            return String(text.reversed().drop { $0 == " " }.reversed())
        }
    }

    private static func row(_ entry: SpoolView.Entry) -> Row {
        let status = entry.status
        let state = entry.folder == .incoming ? "incoming" : status.state.rawValue
        return Row(name: status.job.text, state: state, details: details(entry))
    }

    private static func details(_ entry: SpoolView.Entry) -> [String] {
        let status = entry.status
        switch status.state {
        case .merging: return progress(entry)
        case .fetching: return fetching(status)
        case .queued:
            if let error = status.error { return ["to be tried again: \(firstLine(error))"] }
            return [status.fraction > 0 ? "\(Figure.percent(status.fraction)) done, goes on from there" : ""]
        case .done:
            let finished = status.finishedAt.map { text in Timestamp(text)?.description ?? text }
            return ["\(finished ?? "")  \(status.output)"]
        case .failed, .cancelled: return [firstLine(status.error ?? "")]
        }
    }

    private static func fetching(_ status: JobStatus) -> [String] {
        guard
            let model = status.fetching.first(where: { $0.error != nil })
                ?? status.fetching.first(where: { $0.state != "done" })
        else { return [""] }
        let more = status.fetching.count > 1 ? ", \(status.fetching.count) models" : ""
        if let error = model.error {
            return ["\(model.model): \(firstLine(error))\(more)", "\(model.model): \(firstLine(error))"]
        }
        return ["\(model.model): \(model.state), \(model.figures)\(more)", model.figures]
    }

    private static func progress(_ entry: SpoolView.Entry) -> [String] {
        let status = entry.status
        let percent = Figure.percent(status.fraction)
        func bar(_ width: Int) -> String { "[\(Figure.bar(status.fraction, width: width))] \(percent)" }
        if let silence = entry.silence {
            let news = "no news for \(Figure.duration(Double(silence)))"
            return ["\(bar(20))  \(news) (is the daemon stopped?)", "\(percent)  \(news)", news]
        }
        if let audited = status.progress.tensorsAudited {
            let part = "audited \(audited)/\(status.progress.tensorsTotal)"
            return ["\(bar(20))  \(part) tensors", "\(percent)  \(part)", part]
        }
        let rate = Figure.rate(status.bytesPerSecond)
        let left = status.etaSeconds.map { "ETA \(Figure.duration($0))" }
        let figures = [rate] + (left.map { [$0] } ?? [])
        let (loose, close) = (figures.joined(separator: "  "), figures.joined(separator: " "))
        return [
            "\(bar(20))  \(loose)", "\(bar(10))  \(loose)", "\(percent)  \(loose)", "\(percent) \(close)",
            close,
        ]
    }

    private static func firstLine(_ text: String) -> String {
        let lines = text.split(separator: "\n")
        return lines.count > 1 ? "\(lines[0]) (and \(lines.count - 1) more)" : String(lines.first ?? "")
    }

    /// The beginning and the end of a name that is too long.
    static func shortened(_ name: String, to width: Int) -> String {
        guard name.count > width else { return name }
        guard width > 4 else { return String(name.prefix(width)) }
        let tail = (width - 2) / 2
        return name.prefix(width - 2 - tail) + ".." + name.suffix(tail)
    }

    static func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
