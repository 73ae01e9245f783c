/// The heat map of one model, or of the output, as SVG: how far it is from the reference, by layer and kind.
struct HeatMap: Sendable {
    let frame: HeatFrame
    let subject: ReportSubject
    /// The subject's name, for a person.
    let name: String
    let reference: String
    let scale: HeatScale

    /// Cells that are drawn one by one, with a text that shows beside the pointer, in all maps of a page; more are drawn
    /// as one shape a colour.
    static let tipLimit = 9000

    /// The heading above the map.
    var heading: String { subject == .output ? "Output" : name }

    /// What the picture shows, for who does not see it.
    var title: String {
        subject == .output
            ? "How far the output is from \(reference), by layer and kind of tensor"
            : "How far \(name) is from \(reference), by layer and kind of tensor"
    }

    /// The same as the picture, in words.
    var summary: String {
        let found = frame.cells.compactMap { cell in
            subject.relativeChange(cell.figures).map { (cell: cell, change: $0) }
        }
        guard let first = found.first else { return "Nothing was measured." }
        let most = found.reduce(first) { $1.change > $0.change ? $1 : $0 }
        let least = found.reduce(first) { $1.change < $0.change ? $1 : $0 }
        let kinds = frame.columns.compactMap { kind -> String? in
            var figures = GroupFigures()
            for cell in frame.cells where cell.label.hasPrefix(kind.rawValue + " of ") {
                figures.add(cell.figures)
            }
            return subject.relativeChange(figures).map { "\(kind.rawValue) \(ReportText.percent($0))" }
        }
        return
            "Largest in \(most.cell.label), \(ReportText.percent(most.change)); smallest in \(least.cell.label), "
            + "\(ReportText.percent(least.change)). By kind over all layers: \(ReportText.list(kinds))."
    }

    /// The figures of all cells.
    static func figures(_ frame: HeatFrame, _ subjects: [ReportSubject]) -> [Double] {
        subjects.flatMap { subject in frame.cells.compactMap { subject.relativeChange($0.figures) } }
    }

    /// The drawing, without the `svg` around it.
    func body(withTips: Bool) -> String {
        var text =
            "<text class=\"b\" x=\"4\" y=\"14\">\(ReportText.escaped(ReportText.short(heading, characters)))</text>"
        for label in frame.columnLabels {
            let (x, y) = (ReportText.place(label.x), ReportText.place(label.y))
            text += "<text x=\"\(x)\" y=\"\(y)\" transform=\"rotate(-50 \(x) \(y))\">\(label.text)</text>"
        }
        for label in frame.rowLabels {
            text += Self.text(label, " class=\"e\"")
        }
        for label in frame.stackLabels { text += Self.text(label, "") }
        return text + (withTips ? cellsWithTips : cells)
    }

    /// Characters of a heading that fit above the map.
    private var characters: Int { max(16, Int((frame.width - 8) / 8.2)) }

    private static func text(_ label: HeatFrame.Label, _ attributes: String) -> String {
        "<text\(attributes) x=\"\(ReportText.place(label.x))\" y=\"\(ReportText.place(label.y))\">"
            + "\(ReportText.escaped(label.text))</text>"
    }

    /// The colour of a cell; `nil` where nothing was measured.
    private func style(_ figures: GroupFigures) -> String? {
        if subject == .output, figures.nonfinite > 0 { return "hx" }
        guard let change = subject.relativeChange(figures) else { return nil }
        return change > 0 ? "h\(scale.step(change))" : "hz"
    }

    private var cellsWithTips: String {
        var text = ""
        for cell in frame.cells {
            guard let style = style(cell.figures) else { continue }
            let change = ReportText.percent(subject.relativeChange(cell.figures))
            text +=
                "<rect class=\"\(style)\" x=\"\(ReportText.place(cell.x))\" y=\"\(ReportText.place(cell.y))\" "
                + "width=\"\(ReportText.place(cell.width))\" height=\"\(ReportText.place(cell.height))\">"
                + "<title>\(ReportText.escaped(cell.label)): \(change)</title></rect>"
        }
        return text
    }

    private var cells: String {
        var shapes: [String: String] = [:]
        for cell in frame.cells {
            guard let style = style(cell.figures) else { continue }
            let width = ReportText.place(cell.width), height = ReportText.place(cell.height)
            shapes[style, default: ""] +=
                "M\(ReportText.place(cell.x)) \(ReportText.place(cell.y))h\(width)v\(height)h-\(width)z"
        }
        return shapes.sorted { $0.key < $1.key }.map { "<path class=\"\($0.key)\" d=\"\($0.value)\"/>" }
            .joined()
    }
}
