extension ReportPage {
    /// What was merged, and the few numbers that a person wants.
    var top: String {
        let merge = report.merge
        let models = report.modelsByDistance.count
        let reference = Self.escaped(report.referenceName)
        let title = Self.escaped(merge.title.printable(atMost: 120))
        let what: String
        if let method = merge.method {
            let others = models == 0 ? "" : ", \(ReportText.counted(models, "model")) held against it"
            what =
                report.isOfSingleModels
                ? "Merged with <strong>\(Self.escaped(method.printable(atMost: 60)))</strong>. Every tensor is one model’s: "
                    + "there is nothing to hold it against."
                : "Merged with <strong>\(Self.escaped(method.printable(atMost: 60)))</strong>. The reference is "
                    + "<strong>\(reference)</strong>\(others)."
        } else {
            what =
                "\(ReportText.counted(models, "model")) held against <strong>\(reference)</strong>. Nothing was merged."
        }
        let facts = self.facts.map { name, value in
            "<li><span>\(Self.escaped(name))</span> <strong>\(Self.escaped(value))</strong></li>"
        }
        return "<h1>\(title)</h1>\n<p>\(what)</p>\n<ul class=\"facts\">\(facts.joined())</ul>\n"
    }

    private var facts: [(String, String)] {
        let whole = report.whole
        var facts: [(String, String)] = []
        if report.isMerge, whole.elements > 0 {
            let source = report.isOfSingleModels ? "the models" : "the reference"
            facts.append(("Distance from \(source)", ReportText.percent(whole.relativeChange)))
            facts.append(("Elements changed", ReportText.share(whole.changed, of: whole.elements)))
            if let conflicts = whole.conflictShare {
                facts.append(("Elements with both signs", ReportText.percent(conflicts)))
            }
            facts.append(("Largest magnitude", ReportText.number(Double(whole.outputPeak))))
            facts.append(
                (
                    "NaN and infinite",
                    whole.nonfinite == 0 ? "none" : ReportText.count(whole.nonfinite)
                ))
        }
        let copied = whole.tensors - whole.compared
        let note =
            copied > 0 && whole.compared > 0
            ? ", \(ReportText.count(UInt64(copied))) without figures of models" : ""
        facts.append(("Tensors\(note)", ReportText.count(UInt64(whole.tensors))))
        if whole.elements > 0 { facts.append(("Elements measured", ReportText.count(whole.elements))) }
        return facts
    }

    /// What stands out, in words.
    var found: String {
        let findings = report.findings
        let items = findings.map { "<li>\(Self.escaped($0.text))</li>" }.joined(separator: "\n")
        return "<h2>What stands out</h2>\n"
            + (findings.isEmpty ? "<p>Nothing.</p>\n" : "<ul class=\"found\">\(items)</ul>\n")
    }

    /// A table of the models, and one of the cosines between them.
    var models: String {
        let models = report.modelsByDistance
        guard !models.isEmpty else { return "" }
        let hasKept = models.contains { $0.figures.keptOf > 0 }
        let hasFactor = models.contains { $0.figures.factor.mean != nil }
        let largest = models.compactMap(\.figures.relativeDifference).max() ?? 0
        var text =
            "<h2>Models</h2>\n<p>How far each model is from \(Self.escaped(report.referenceName)), over all tensors.</p>\n"
            + "<div class=\"scroll\"><table class=\"models\"><thead><tr><th scope=\"col\">Model</th><th scope=\"col\">‖δ‖ / ‖b‖</th>"
            + "<th scope=\"col\">Elements equal</th>"
            + (hasKept ? "<th scope=\"col\">Differences kept</th>" : "")
            + (hasFactor ? "<th scope=\"col\">Factor</th>" : "") + "</tr></thead>\n<tbody>"
        for (model, figures) in models {
            let change = figures.relativeDifference
            let width = largest > 0 ? (change ?? 0) / largest * 100 : 0
            text +=
                "<tr><td class=\"name\">\(Self.escaped(report.modelName(model)))</td><td>\(ReportText.percent(change))"
                + "<span class=\"bar\" style=\"width:\(ReportText.place(width))%\"></span></td>"
                + "<td>\(ReportText.share(figures.equal, of: figures.elements))</td>"
            if hasKept { text += "<td>\(ReportText.percent(figures.keptShare))</td>" }
            if hasFactor { text += "<td>\(Self.range(figures.factor))</td>" }
            text += "</tr>\n"
        }
        return text + "</tbody></table></div>\n" + cosines
    }

    /// `0.5`, or `0.48 to 0.52`.
    private static func range(_ mean: FigureMean) -> String {
        guard mean.mean != nil else { return "–" }
        let (least, most) = (ReportText.number(mean.least), ReportText.number(mean.most))
        return least == most ? least : "\(least) to \(most)"
    }

    /// The cosine of each two models of the pictures.
    private var cosines: String {
        let slots = report.slots
        guard slots.count > 1 else { return "" }
        let heads = slots.dropLast().map {
            "<th scope=\"col\">\(Self.escaped(ReportText.short(report.modelName($0))))</th>"
        }
        var text =
            "<h3>Cosine between differences</h3>\n<p>1: the models differ from the reference in the same way. 0: they have "
            + "nothing to do with each other. Below 0: they work against each other.</p>\n<div class=\"scroll\"><table><thead><tr>"
            + "<td></td>\(heads.joined())</tr></thead>\n<tbody>"
        for (place, second) in slots.enumerated().dropFirst() {
            let cells = slots.indices.dropLast().map { first in
                first < place
                    ? "<td>\(ReportText.number(report.whole.cosine(slots[first], second)))</td>" : "<td></td>"
            }
            text +=
                "<tr><th scope=\"row\">\(Self.escaped(ReportText.short(report.modelName(second))))</th>\(cells.joined())</tr>\n"
        }
        text += "</tbody></table></div>\n"
        let more = report.modelsByDistance.count - slots.count
        return more > 0
            ? text
                + "<p>Pictures show the first \(slots.count) models; \(more) more are in report.json.</p>\n"
            : text
    }
}
