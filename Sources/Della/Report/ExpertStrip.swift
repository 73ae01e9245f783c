/// A row for each model, and one for the output, of all experts of a mixture, as SVG.
struct ExpertStrip: Sendable {
    private let report: MergeReport
    private let scale: HeatScale
    private let cell: Double

    private static let left = 150.0, top = 18.0, row = 22.0

    /// The strip of a report's experts, in the colours of its heat maps.
    init(_ report: MergeReport, scale: HeatScale) {
        self.report = report
        self.scale = scale
        cell = min(28, max(4, (760 / Double(max(1, report.experts.count))).rounded(.down)))
    }

    var width: Double { Self.left + cell * Double(report.experts.count) + 10 }
    var height: Double { Self.top + Self.row * Double(report.subjects.count) + 4 }

    /// The same as the picture, in words.
    var summary: String {
        report.subjects.map { subject in
            let found = report.experts.enumerated().compactMap { number, figures in
                figures.flatMap(subject.relativeChange).map { (number, $0) }
            }
            let name = report.name(of: subject)
            guard let first = found.first else { return "\(name): nothing was measured." }
            let most = found.reduce(first) { $1.1 > $0.1 ? $1 : $0 },
                least = found.reduce(first) { $1.1 < $0.1 ? $1 : $0 }
            return
                "\(name): most in expert \(most.0), \(ReportText.percent(most.1)); least in expert \(least.0), "
                + "\(ReportText.percent(least.1)); of \(found.count) experts."
        }.joined(separator: " ")
    }

    /// The drawing, without the `svg` around it.
    var body: String {
        var text = ""
        let every = [1, 2, 4, 5, 8, 10, 16, 32, 64].first { Double($0) * cell >= 22 } ?? 64
        for number in stride(from: 0, to: report.experts.count, by: every) {
            let x = Self.left + (Double(number) + 0.5) * cell
            text += "<text class=\"m\" x=\"\(ReportText.place(x))\" y=\"12\">\(number)</text>"
        }
        for (place, subject) in report.subjects.enumerated() {
            let y = Self.top + Double(place) * Self.row
            let name = ReportText.short(report.name(of: subject), 22)
            text +=
                "<text class=\"e\" x=\"\(ReportText.place(Self.left - 6))\" y=\"\(ReportText.place(y + 14))\">"
                + "\(ReportText.escaped(name))</text>"
            for (number, figures) in report.experts.enumerated() {
                guard let change = figures.flatMap(subject.relativeChange) else { continue }
                text +=
                    "<rect class=\"\(change > 0 ? "h\(scale.step(change))" : "hz")\" "
                    + "x=\"\(ReportText.place(Self.left + Double(number) * cell))\" y=\"\(ReportText.place(y))\" "
                    + "width=\"\(ReportText.place(cell - 1))\" height=\"\(ReportText.place(Self.row - 2))\">"
                    + "<title>expert \(number): \(ReportText.percent(change))</title></rect>"
            }
        }
        return text
    }
}
