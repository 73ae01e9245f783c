import StreamIO

/// What was merged, the latest first: when, how long it was worked on, and how much was moved.
struct HistoryTable {
    let view: SpoolView
    /// Columns.
    let width: Int

    /// Lines, each with its line end.
    var text: String {
        let entries = view.history.entries
        guard !entries.isEmpty else { return "nothing is done yet\n" }
        let longest = max(4, entries.map(\.status.job.text.count).max() ?? 0)
        let name = max(8, min(longest, width > 200 ? longest : 40, width - 32))
        let rows =
            [["JOB", "FINISHED", "TOOK", "MOVED", "OUTPUT"]]
            + entries.map { entry in
                let status = entry.status
                let finished = status.finishedAt.flatMap { Timestamp($0) }
                return [
                    SpoolTable.shortened(status.job.text, to: name),
                    finished.map { String($0.description.prefix(16).replacing("T", with: " ")) } ?? "-",
                    status.seconds.map { Figure.duration($0) } ?? "-",
                    Figure.bytes(status.progress.bytesRead + status.progress.bytesWritten), status.output,
                ]
            }
        let widths = [name, 16, 8, 8]
        return rows.map { cells in
            let text = zip(cells, widths + [0]).map { SpoolTable.pad($0.0, $0.1) }.joined(separator: " ")
            return String(text.printable.prefix(width).reversed().drop { $0 == " " }.reversed()) + "\n"
        }.joined()
    }
}
