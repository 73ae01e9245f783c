/// A comparison of models as a terminal shows it: each model over all tensors, then by layer.
struct ComparisonTable {
    /// Figures take so many characters, `0.0123 %`.
    private static let figureWidth = 8
    /// The least that a name is cut to.
    private static let leastName = 12
    /// Pairs of models that are shown, and sentences about what stands out.
    private static let pairLimit = 10

    /// Characters of a figure with its bar.
    private let column = Self.figureWidth + 1 + TextBar.width

    let report: MergeReport
    /// Columns of the terminal.
    let width: Int

    /// The lines, none of them wider than asked for, but for sentences.
    var lines: [String] {
        guard report.whole.compared > 0 else {
            return ["compared  no tensor that two of the models have"]
        }
        let findings = report.findings.enumerated().map {
            ($0.offset == 0 ? "note      " : "          ") + $0.element.text
        }
        let layers = layerLines
        return head + modelLines + pairLines + (layers.isEmpty ? [] : [""] + layers)
            + (findings.isEmpty ? [] : [""] + findings)
    }

    private var head: [String] {
        let whole = report.whole
        let models = report.modelsByDistance.count
        return [
            "compared  \(ReportText.counted(whole.compared, "tensor")) of \(ReportText.counted(models, "model")) with "
                + "\(report.referenceName), \(ReportText.count(whole.elements)) elements"
        ]
    }

    private var modelLines: [String] {
        let models = report.modelsByDistance
        let most = models.compactMap(\.figures.relativeDifference).max() ?? 0
        // Where there is no room for both, names are worth more than bars.
        let hasBars = width >= Self.leastName + 2 + 2 + column + 2 + 11
        let figures = hasBars ? column : Self.figureWidth
        let room = max(Self.leastName, width - 2 - 2 - figures - 2 - 11)
        let names = models.map { ReportText.short(report.modelName($0.model), room) }
        let wide = max(5, names.map(\.count).max() ?? 0)
        let title = "  \(TextBar.padded("model", wide))  \(TextBar.padded("apart", figures))  equal"
        return [title]
            + zip(names, models).map { name, model in
                let cell = Self.cell(model.figures.relativeDifference, most: most)
                return "  \(TextBar.padded(name, wide))  \(cell.prefix(figures))  "
                    + ReportText.share(model.figures.equal, of: model.figures.elements)
            }
    }

    /// Of two models and more.
    private var pairLines: [String] {
        let models = report.modelsByDistance.map(\.model).sorted()
        var lines: [String] = []
        var left = 0
        for (place, second) in models.enumerated() {
            for first in models[..<place] {
                guard let cosine = report.whole.cosine(first, second) else { continue }
                guard lines.count < Self.pairLimit else {
                    left += 1
                    continue
                }
                let room = max(Self.leastName, (width - 24) / 2)
                let names = [first, second].map { ReportText.short(report.modelName($0), room) }
                lines.append(
                    (lines.isEmpty ? "cosine    " : "          ")
                        + "\(TextBar.padded(ReportText.number(cosine), 8)) \(names[0]) and \(names[1])")
            }
        }
        if left > 0 { lines.append("          and \(left) more: --json has them") }
        if let share = report.whole.conflictShare {
            lines.append("signs     \(ReportText.percent(share)) of the elements are moved both ways")
        }
        return lines
    }

    /// A row a layer and a kind outside of the layers, a column a model; those that fit.
    private var layerLines: [String] {
        let outside = TensorKind.allCases.compactMap { kind in
            report.outside[kind].map { (label: kind.rawValue, figures: $0) }
        }
        let (before, after) = (outside.filter { $0.label == "embed" }, outside.filter { $0.label != "embed" })
        let layers = report.layers.ordered.map { band in
            let name = report.layers.stacks.count > 1 ? " \(report.layers.stackName(band.stack))" : ""
            return (label: ReportLayers.text(band.layers) + name, figures: band.all)
        }
        let rows = (before + layers + after).filter { row in
            report.slots.indices.contains { row.figures.relativeDifference($0) != nil }
        }
        let labels = max(5, min(24, rows.map(\.label.count).max() ?? 0))
        let fitting = max(1, (width - 2 - labels) / (column + 2))
        let slots = report.slots.indices.prefix(fitting)
        let most = rows.flatMap { row in slots.compactMap { row.figures.relativeDifference($0) } }.max() ?? 0
        var title = "  " + TextBar.padded("layer", labels)
        for slot in slots {
            let name = ReportText.short(report.modelName(report.slots[slot]), column)
            title += "  " + TextBar.padded(name, column)
        }
        var lines = [Self.trimmed(title)]
        for row in rows {
            var line = "  " + TextBar.padded(ReportText.short(row.label, labels), labels)
            for slot in slots {
                line += "  " + Self.cell(row.figures.relativeDifference(slot), most: most)
            }
            lines.append(Self.trimmed(line))
        }
        let more = report.modelsByDistance.count - slots.count
        if more > 0 {
            lines.append("  \(more) more \(more == 1 ? "model" : "models"): in a wider window, or by --html")
        }
        return rows.isEmpty ? [] : lines
    }

    private static func cell(_ change: Double?, most: Double) -> String {
        let text = change == 0 ? "the same" : ReportText.percent(change)
        return TextBar.padded(text, figureWidth) + " "
            + TextBar.padded(TextBar.bar(change ?? 0, most: most), TextBar.width)
    }

    private static func trimmed(_ line: String) -> String {
        var line = line
        while line.last == " " { line.removeLast() }
        return line
    }
}

extension MergeReport {
    /// A comparison as a terminal shows it.
    ///
    /// - Parameter width: columns of the terminal.
    public func tableLines(width: Int) -> [String] { ComparisonTable(report: self, width: width).lines }
}
