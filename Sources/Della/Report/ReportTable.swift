/// The table of a report: a row a tensor, or a row a kind and layer where there are too many.
struct ReportTable: Sendable {
    private let report: MergeReport
    /// The slots of the models that have columns.
    private let models: [Int]
    private let hasKept: Bool
    private let hasCosine: Bool
    private let hasConflicts: Bool
    private let rowCount: Int

    /// Cells at most: of very many tensors and models, columns are left out.
    static let cellLimit = 50_000

    /// The table of a report.
    init(_ report: MergeReport) {
        self.report = report
        rowCount = report.rows.count
        let others = 8
        let room = max(1, Self.cellLimit / max(1, rowCount) - others)
        let count = report.slots.count
        hasKept = report.whole.models.contains { $0.keptOf > 0 } && 2 * count <= room
        models = Array(report.slots.indices.prefix(max(1, room)))
        hasCosine = count == 2 && report.tensorRows != nil
        hasConflicts = report.whole.conflictsOf > 0
    }

    /// What precedes the rows.
    var head: String {
        let what = report.tensorRows == nil ? "Kinds by layer" : "Tensors"
        let note =
            report.tensorRows == nil
            ? "There are \(ReportText.count(UInt64(report.whole.tensors))) tensors, so each row is those of a kind in a layer. report.json has all. "
            : ""
        let span = hasKept ? 2 : 1
        var groups = "<td></td><td></td><td></td>"
        var heads = ["tensor", "shape", "‖b‖"]
        for slot in models {
            let name = ReportText.short(report.name(of: .model(slot)))
            groups +=
                "<th class=\"group\" scope=\"colgroup\" colspan=\"\(span)\">\(ReportText.escaped(name))</th>"
            heads += hasKept ? ["δ / b %", "kept %"] : ["δ / b %"]
        }
        let rest = (hasCosine ? ["cosine"] : []) + (hasConflicts ? ["both signs %"] : [])
        groups += String(repeating: "<td></td>", count: rest.count)
        heads += rest
        if report.isMerge {
            groups += "<th class=\"group\" scope=\"colgroup\" colspan=\"2\">output</th>"
            heads += ["change %", "largest"]
        }
        let columns = heads.map { "<th scope=\"col\">\($0)</th>" }.joined()
        return
            "<h2>\(what)</h2>\n<p>\(note)A click on a heading sorts, where scripts run. % is of the reference’s norm, or of the "
            + "elements.</p>\n<div class=\"scroll tall\" tabindex=\"0\" role=\"region\" aria-label=\"Table of tensors\">"
            + "<table id=\"tensors\"><thead><tr>\(groups)</tr>\n<tr>\(columns)</tr></thead>\n<tbody>\n"
    }

    /// A row.
    func row(_ row: ReportRow) -> String {
        let figures = row.figures
        var text =
            "<tr><td class=\"name\">\(ReportText.escaped(row.name.printable(atMost: 200)))</td><td>\(row.shape)</td>"
        func add(_ value: Double?) { text += "<td>\(ReportText.number(value))</td>" }
        add(figures.elements > 0 ? figures.referenceSquares.squareRoot() : nil)
        for slot in models {
            add(figures.relativeDifference(slot).map { $0 * 100 })
            if hasKept { add(figures.model(slot)?.keptShare.map { $0 * 100 }) }
        }
        if hasCosine { add(figures.cosine(0, 1)) }
        if hasConflicts { add(figures.conflictShare.map { $0 * 100 }) }
        if report.isMerge {
            add(ReportSubject.output.relativeChange(figures).map { $0 * 100 })
            add(figures.elements > 0 ? Double(figures.outputPeak) : nil)
        }
        return text + "</tr>\n"
    }

    /// What follows the rows.
    var end: String { "</tbody></table></div>\n" }
}
