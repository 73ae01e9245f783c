/// The charts of a report: what was measured by layer, and what was asked for.
struct LayerCharts: Sendable {
    private let report: MergeReport
    private let bands: [ReportBand]

    /// Pairs of models that have a line.
    static let pairLimit = 12

    /// The charts of a report.
    init(_ report: MergeReport) {
        self.report = report
        bands = report.layers.ordered
    }

    /// What was measured: how far, in which direction, how many elements.
    var measured: [LineChart] {
        [relativeChange, cosines, conflicts, changedShare].compactMap(\.self)
    }

    /// The parameters as configured, each beside the others that it has to do with.
    var configured: [LineChart] {
        report.parameterNames.indices.compactMap { number in
            let lines = models { slot in bands.map { $0.parameter(number, slot)?.mean } }.map { line, slot in
                with(line, ranges: bands.map { Self.range($0.parameter(number, slot)) })
            }
            return chart(
                "\(report.parameterNames[number]), as configured", lines, isShare: false, height: 150)
        }
    }

    /// What the parameters came to: the share of differences that is kept and what they are multiplied with.
    var outcomes: [LineChart] {
        let kept = models { slot in bands.map { $0.all.model(slot)?.keptShare } }.map(\.0)
        let factors = models { slot in bands.map { $0.all.model(slot)?.factor.mean } }.map { line, slot in
            with(line, ranges: bands.map { Self.range($0.all.model(slot)?.factor) })
        }
        return [
            chart("Kept share of the differences", kept, isShare: true, within: 0...1, height: 150),
            chart("Factor that differences are multiplied with", factors, isShare: false, height: 150),
        ].compactMap(\.self)
    }

    private var relativeChange: LineChart? {
        let own = report.subjects.map { subject in
            ChartLine(
                name: report.name(of: subject), style: Self.style(subject),
                values: bands.map { subject.relativeChange($0.all) })
        }
        return chart(
            "Difference from \(report.referenceName), relative to its norm", own, isShare: true,
            isLogarithmic: true,
            within: 0 ... .greatestFiniteMagnitude)
    }

    private var cosines: LineChart? {
        let lines = pairs.enumerated().map { number, pair in
            ChartLine(
                name: pairName(pair), style: "l\(number)", values: bands.map { $0.all.cosine(pair.0, pair.1) }
            )
        }
        return chart("Cosine between the differences of two models", lines, isShare: false, within: -1...1)
    }

    private var conflicts: LineChart? {
        guard report.isMerge else { return nil }
        let line = ChartLine(
            name: "all models", style: "lo", values: bands.map { $0.all.conflictShare })
        return chart("Elements of which terms have both signs", [line], isShare: true, within: 0...1)
    }

    private var changedShare: LineChart? {
        var lines = models { slot in
            bands.map { band in band.all.model(slot)?.equalShare.map { 1 - $0 } }
        }.map(\.0)
        if report.isMerge {
            lines.append(
                ChartLine(
                    name: report.name(of: .output), style: Self.style(.output),
                    values: bands.map { $0.all.elements > 0 ? $0.all.changedShare : nil }))
        }
        return chart(
            "Elements that differ from \(report.referenceName)", lines, isShare: true, within: 0...1)
    }

    /// The pairs of models that have lines: the first ones.
    var pairs: [(Int, Int)] {
        let all = report.slots.indices.flatMap { second in (0..<second).map { ($0, second) } }
        return Array(all.prefix(Self.pairLimit))
    }

    /// A pair's name, for a person.
    func pairName(_ pair: (Int, Int)) -> String {
        "\(ReportText.short(report.name(of: .model(pair.0)))) and \(ReportText.short(report.name(of: .model(pair.1))))"
    }

    /// The class of a subject's colour.
    static func style(_ subject: ReportSubject) -> String {
        switch subject {
        case .model(let slot): "l\(slot)"
        case .output: "lo"
        }
    }

    private func models(_ values: (Int) -> [Double?]) -> [(ChartLine, Int)] {
        report.slots.indices.map { slot in
            let name = report.name(of: .model(slot))
            return (ChartLine(name: name, style: "l\(slot)", values: values(slot)), slot)
        }
    }

    private func with(_ line: ChartLine, ranges: [ClosedRange<Double>?]) -> ChartLine {
        var line = line
        line.ranges = ranges
        return line
    }

    private static func range(_ mean: FigureMean?) -> ClosedRange<Double>? {
        guard let mean, mean.least <= mean.most else { return nil }
        return mean.least...mean.most
    }

    /// A chart; `nil` where there are no two layers, or nothing to draw.
    private func chart(
        _ title: String, _ lines: [ChartLine], isShare: Bool, isLogarithmic: Bool = false,
        within bounds: ClosedRange<Double>? = nil, height: Double = 200
    ) -> LineChart? {
        guard bands.count > 1 else { return nil }
        return LineChart(
            title, bands, of: report.layers, lines: lines, isShare: isShare, isLogarithmic: isLogarithmic,
            within: bounds,
            height: height)
    }
}
