extension ReportPage {
    /// The heat maps.
    var places: String {
        guard !frame.cells.isEmpty, scale.largest > 0 || report.whole.elements > 0 else { return "" }
        let withTips = frame.cells.count * report.subjects.count <= HeatMap.tipLimit
        var text =
            "<h2>Where</h2>\n<p>Difference from \(Self.escaped(report.referenceName)) relative to its norm: layers down, kinds of "
            + "tensors across. All maps have one scale; each step of colour is the same ratio.</p>\n"
            + Self.picture(
                "legend", title: "Scale of the heat maps", summary: HeatLegend(scale: scale).summary,
                width: HeatLegend.width, height: HeatLegend.height, body: HeatLegend(scale: scale).body)
            + "\n<div class=\"maps\">\n"
        for (place, subject) in report.subjects.enumerated() {
            let map = HeatMap(
                frame: frame, subject: subject, name: report.name(of: subject),
                reference: report.referenceName,
                scale: scale)
            text +=
                "<figure class=\"scroll\">"
                + Self.picture(
                    "map\(place)", title: map.title, summary: map.summary, width: frame.width,
                    height: frame.height,
                    body: map.body(withTips: withTips)) + "</figure>\n"
        }
        return text + "</div>\n"
    }

    /// Lines of what was measured.
    var byLayer: String {
        let measured = charts.measured
        guard !measured.isEmpty else { return "" }
        let entries = report.subjects.map { (LayerCharts.style($0), report.name(of: $0)) }
        var text = "<h2>By layer</h2>\n\(Self.legend(entries))<div class=\"charts\">\n"
        for (place, chart) in measured.enumerated() { text += figure("by\(place)", chart, entries) }
        return text + "</div>\n"
    }

    /// What was asked for, above what it came to.
    var configured: String {
        let configured = charts.configured, outcomes = charts.outcomes
        guard !configured.isEmpty || !outcomes.isEmpty else { return "" }
        let entries = report.slots.indices.map {
            (LayerCharts.style(.model($0)), report.name(of: .model($0)))
        }
        var text =
            "<h2>Configured, and what it came to</h2>\n<p>Means over the tensors of a layer. A shade is the range within it.</p>\n"
            + Self.legend(entries)
        if !configured.isEmpty {
            text += "<div class=\"charts\">\n"
            for (place, chart) in configured.enumerated() { text += figure("set\(place)", chart, entries) }
            text += "</div>\n"
        }
        if !outcomes.isEmpty {
            text += "<h3>What it came to</h3>\n<div class=\"charts\">\n"
            for (place, chart) in outcomes.enumerated() { text += figure("got\(place)", chart, entries) }
            text += "</div>\n"
        }
        return text
    }

    /// A strip of experts for each model.
    var experts: String {
        guard report.experts.contains(where: { $0 != nil }) else { return "" }
        let strip = ExpertStrip(report, scale: scale)
        return
            "<h2>Experts</h2>\n<p>Each expert’s difference from \(Self.escaped(report.referenceName)), all layers together, in the "
            + "colours of the maps above.</p>\n<div class=\"scroll\">"
            + Self.picture(
                "experts", title: "How far each expert is from the reference", summary: strip.summary,
                width: strip.width,
                height: strip.height, body: strip.body) + "</div>\n"
    }

    private func figure(_ id: String, _ chart: LineChart, _ shared: [(String, String)]) -> String {
        // A legend of its own where the lines are none of those above.
        let names = chart.lines.map { ($0.style, $0.name) }
        let isKnown = names.allSatisfy { line in shared.contains { $0 == line } }
        return "<figure><figcaption>\(Self.escaped(chart.title))</figcaption>"
            + (isKnown || names.count < 2 ? "" : Self.legend(names)) + "<div class=\"scroll\">"
            + Self.picture(
                id, title: chart.title, summary: chart.summary, width: LineChart.width, height: chart.height,
                body: chart.body) + "</div></figure>\n"
    }

    private static func legend(_ entries: [(String, String)]) -> String {
        let items = entries.map { style, name in
            "<li><svg aria-hidden=\"true\" width=\"34\" height=\"8\"><path class=\"l \(style)\" d=\"M1 4H33\"/></svg>"
                + "<span>\(escaped(name))</span></li>"
        }
        return "<ul class=\"legend\">\(items.joined())</ul>\n"
    }
}
