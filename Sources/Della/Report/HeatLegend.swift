/// What the colours of heat maps mean, as SVG.
struct HeatLegend: Sendable {
    let scale: HeatScale

    static let width = 330.0, height = 40.0

    /// The same in words.
    var summary: String {
        guard scale.largest > 0 else { return "All differences are 0." }
        return
            "From \(ReportText.percent(scale.least)) (and less) to \(ReportText.percent(scale.largest)) in steps of equal "
            + "ratio; a figure that is exactly 0 has a frame."
    }

    /// The drawing, without the `svg` around it.
    var body: String {
        let bar = 240.0, step = bar / Double(HeatScale.steps)
        var text =
            "<rect class=\"hz\" x=\"1\" y=\"2\" width=\"14\" height=\"14\"/><text class=\"m\" x=\"8\" y=\"30\">0</text>"
        guard scale.largest > 0 else { return text }
        for place in 0..<HeatScale.steps {
            text +=
                "<rect class=\"h\(place)\" x=\"\(ReportText.place(34 + Double(place) * step))\" y=\"2\" "
                + "width=\"\(ReportText.place(step + 0.2))\" height=\"14\"/>"
        }
        let isClipped = scale.largest / scale.least >= HeatScale.range * 0.999
        let marks: [(Double, String, String)] = [
            (34, (isClipped ? "≤ " : "") + ReportText.percent(scale.least), "s"),
            (34 + bar / 2, ReportText.percent(scale.middle), "m"),
            (34 + bar, ReportText.percent(scale.largest), "e"),
        ]
        for (x, label, style) in marks {
            text += "<text class=\"\(style)\" x=\"\(ReportText.place(x))\" y=\"30\">\(label)</text>"
        }
        return text
    }
}
