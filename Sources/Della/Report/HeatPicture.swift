/// The heat maps of a report as one SVG file, for a model card: an image that needs nothing else, with colours for light and
/// dark surroundings and a ground of its own.
struct HeatPicture: Sendable {
    let report: MergeReport

    /// Maps beside each other end at this width.
    private static let width = 1080.0
    private static let margin = 12.0

    /// The file.
    var text: String {
        let frame = HeatFrame(report)
        let subjects = report.subjects
        let scale = HeatScale(HeatMap.figures(frame, subjects))
        let legend = HeatLegend(scale: scale)
        let columns = max(1, min(subjects.count, Int((Self.width - 2 * Self.margin) / frame.width)))
        let rows = max(1, (subjects.count + columns - 1) / columns)
        let width = max(Double(columns) * frame.width, HeatLegend.width) + 2 * Self.margin
        let head = 30.0
        let height = head + Double(rows) * (frame.height + 10) + HeatLegend.height + Self.margin
        var body = "", words: [String] = []
        for (place, subject) in subjects.enumerated() {
            let map = HeatMap(
                frame: frame, subject: subject, name: report.name(of: subject),
                reference: report.referenceName,
                scale: scale)
            let x = Self.margin + Double(place % columns) * frame.width
            let y = head + Double(place / columns) * (frame.height + 10)
            body +=
                "<g transform=\"translate(\(ReportText.place(x)) \(ReportText.place(y)))\">"
                + map.body(withTips: false) + "</g>\n"
            words.append("\(map.heading): \(map.summary)")
        }
        let bottom = height - HeatLegend.height - Self.margin / 2
        body +=
            "<g transform=\"translate(\(ReportText.place(Self.margin + 4)) \(ReportText.place(bottom)))\">\(legend.body)</g>\n"
        let title = "Difference from \(report.referenceName), by layer and kind of tensor"
        let heading = "Difference from " + ReportText.short(report.referenceName, Int(width / 8) - 18)
        words.append(legend.summary)
        let (w, h) = (ReportText.place(width), ReportText.place(height))
        return
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(w) \(h)\" width=\"\(w)\" height=\"\(h)\" "
            + "role=\"img\" aria-labelledby=\"t d\">\n<title id=\"t\">\(ReportText.escaped(title))</title>\n"
            + "<desc id=\"d\">\(ReportText.escaped(words.joined(separator: " ")))</desc>\n<style>\(Self.styles)</style>\n"
            + "<rect class=\"ground\" width=\"\(w)\" height=\"\(h)\" rx=\"8\"/>\n"
            + "<text class=\"b\" x=\"\(ReportText.place(Self.margin + 4))\" y=\"22\">"
            + "\(ReportText.escaped(heading))</text>\n\(body)</svg>\n"
    }

    private static let styles =
        "text{font:11px system-ui,-apple-system,'Segoe UI',sans-serif;fill:#1f2328}.ground{fill:#fff}"
        + ".b{font-weight:600;font-size:12px}.e{text-anchor:end}.m{text-anchor:middle}"
        + HeatScale.styles(dark: false)
        + "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.ground{fill:#14171c}"
        + HeatScale.styles(dark: true)
        + "}"
}

extension MergeReport {
    /// `report.svg`: the heat maps alone, for a model card.
    public var svg: String { HeatPicture(report: self).text }
}
