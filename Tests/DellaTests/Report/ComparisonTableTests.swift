import Testing

@testable import Della

@Suite struct ComparisonTableTests {
    /// Sentences wrap where the terminal does; all else fits.
    @Test(arguments: [40, 60, 80, 120, 300], [1, 2, 5, 12])
    func everyLineOfTheTableFitsTheTerminal(width: Int, models: Int) {
        let report = SyntheticReport(layers: 30, models: models, method: nil).report
        let lines = report.tableLines(width: width)
        let table = lines.filter { $0.hasPrefix("  ") && !$0.hasPrefix("    ") }
        #expect(table.count > 30, "\(lines)")
        for line in table where !line.contains("more model") { #expect(line.count <= width, "\(line)") }
        // A bar is as long as its share of the longest.
        #expect(lines.contains { $0.contains("████████") })
        let shown = min(models, max(1, (width - 2 - 7) / 19))
        let title = lines.first { $0.hasPrefix("  layer") }
        #expect(title?.split(separator: "Tune").count == shown + 1 || models > shown, "\(title ?? "")")
    }

    @Test func everyLayerAndKindOutsideHasARowWithItsFigure() throws {
        let synthetic = SyntheticReport(layers: 9, models: 2, method: nil)
        let lines = synthetic.report.tableLines(width: 100)
        for layer in 0..<9 {
            var (reference, squares) = (0.0, 0.0)
            for tensor in synthetic.tensors where tensor.name.hasPrefix("model.layers.\(layer).") {
                guard let input = tensor.statistics.inputs.first(where: { $0.model == 1 }) else { continue }
                reference += tensor.statistics.referenceSquares
                squares += input.squares
            }
            let line = try #require(lines.first { $0.hasPrefix("  \(layer) ") })
            #expect(line.contains(ReportText.percent((squares / reference).squareRoot())), "\(line)")
        }
        for kind in ["embed", "lm_head", "norm"] { #expect(lines.contains { $0.hasPrefix("  \(kind) ") }) }
    }

    @Test func whatEqualsTheBaseIsSaidToBeTheSame() {
        var synthetic = SyntheticReport(layers: 3, models: 1, method: nil)
        synthetic.change(where: { _ in true }) { statistics in
            for index in statistics.inputs.indices {
                statistics.inputs[index].squares = 0
                statistics.inputs[index].magnitudes = 0
                statistics.inputs[index].equal = statistics.elements
            }
        }
        let lines = synthetic.report.tableLines(width: 80)
        #expect(lines.contains { $0.contains("the same") && $0.hasSuffix("all") })
        #expect(!lines.contains { $0.contains("█") })
    }

    @Test func withoutACommonTensorThereIsOneLine() {
        let report = MergeReport(SyntheticReport(models: 1, method: nil).merge)
        #expect(report.tableLines(width: 80) == ["compared  no tensor that two of the models have"])
    }
}
