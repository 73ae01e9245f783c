/// A chart by layer as SVG: layers across, a line for each model or pair.
struct LineChart: Sendable {
    /// What it shows, for a person.
    let title: String
    let bands: [ReportBand]
    let layers: ReportLayers
    let lines: [ChartLine]
    let scale: ChartScale
    /// Whether values are shown in hundredths.
    let isShare: Bool

    static let width = 560.0
    private static let left = 54.0, right = 10.0, top = 12.0, bottom = 30.0
    let height: Double

    /// A chart. `nil` where no line has a value.
    init?(
        _ title: String, _ bands: [ReportBand], of layers: ReportLayers, lines: [ChartLine], isShare: Bool,
        isLogarithmic: Bool = false, within bounds: ClosedRange<Double>? = nil, height: Double = 200
    ) {
        let drawn = lines.filter { $0.values.contains { $0 != nil } }
        let values = drawn.flatMap { line in
            line.values.compactMap { $0 }
                + line.ranges.compactMap { $0 }.flatMap { [$0.lowerBound, $0.upperBound] }
        }
        guard !values.isEmpty else { return nil }
        self.title = title
        self.bands = bands
        self.layers = layers
        self.lines = drawn
        self.isShare = isShare
        self.height = height
        scale = ChartScale(values, isLogarithmic: isLogarithmic, within: bounds)
    }

    private func text(_ value: Double) -> String {
        isShare ? ReportText.percent(value) : ReportText.number(value)
    }

    /// The same as the picture, in words.
    var summary: String {
        lines.map { line in
            let found = line.values.enumerated().compactMap { place, value in value.map { (place, $0) } }
            guard let first = found.first, let last = found.last else { return "" }
            let most = found.reduce(first) { $1.1 > $0.1 ? $1 : $0 },
                least = found.reduce(first) { $1.1 < $0.1 ? $1 : $0 }
            if most.1 == least.1 { return "\(line.name): \(text(first.1)) throughout." }
            return "\(line.name): \(text(first.1)) in \(layers.label(bands[first.0])), \(text(last.1)) in "
                + "\(layers.label(bands[last.0])); most in \(layers.label(bands[most.0])), \(text(most.1)), least in "
                + "\(layers.label(bands[least.0])), \(text(least.1))."
        }.joined(separator: " ")
    }

    /// The drawing, without the `svg` around it.
    var body: String {
        var text = ""
        let end = ReportText.place(Self.width - Self.right)
        for mark in scale.marks {
            let y = ReportText.place(self.y(mark))
            let isZero = mark == 0 && scale.low < 0
            text +=
                "<path class=\"\(isZero ? "zero" : "grid")\" d=\"M\(ReportText.place(Self.left)) \(y)H\(end)\"/>"
            text +=
                "<text class=\"e\" x=\"\(ReportText.place(Self.left - 5))\" y=\"\(ReportText.place(self.y(mark) + 3.5))\">"
                + "\(self.text(mark))</text>"
        }
        text += layerMarks
        for line in lines where line.hasRanges { text += range(of: line) }
        for line in lines { text += "<path class=\"l \(line.style)\" d=\"\(path(line.values))\"/>" }
        return text
    }

    private func x(_ place: Int) -> Double {
        let span = Self.width - Self.left - Self.right
        return bands.count > 1
            ? Self.left + span * Double(place) / Double(bands.count - 1) : Self.left + span / 2
    }

    private func y(_ value: Double) -> Double {
        Self.top + (height - Self.top - Self.bottom) * (1 - scale.share(value))
    }

    /// Numbers of layers below, and a stroke where a stack begins.
    private var layerMarks: String {
        var text = ""
        let every =
            [1, 2, 4, 5, 8, 10, 20, 40, 80, 160].first { Double(bands.count) / Double($0) <= 17 } ?? 160
        let base = height - Self.bottom
        var place = 0
        for stack in layers.stacks.indices {
            let count = bands.count { $0.stack == stack }
            if stack > 0, count > 0 {
                let x = ReportText.place((self.x(place - 1) + self.x(place)) / 2)
                text +=
                    "<path class=\"zero\" d=\"M\(x) \(ReportText.place(Self.top))V\(ReportText.place(base + 12))\"/>"
            }
            for number in stride(from: 0, to: count, by: every) {
                text +=
                    "<text class=\"m\" x=\"\(ReportText.place(x(place + number)))\" y=\"\(ReportText.place(base + 14))\">"
                    + "\(bands[place + number].layers.lowerBound)</text>"
            }
            place += count
        }
        return text
            + "<text class=\"e q\" x=\"\(ReportText.place(Self.width - Self.right))\" y=\"\(ReportText.place(height - 3))\">layer</text>"
    }

    /// A stroke through the values; a value between two gaps is a dot.
    private func path(_ values: [Double?]) -> String {
        var text = "", isOpen = false
        for (place, value) in values.enumerated() {
            // A logarithm has no place for 0.
            guard let value, value > 0 || !scale.isLogarithmic else {
                isOpen = false
                continue
            }
            let isAlone =
                !isOpen
                && (place + 1 >= values.count
                    || values[place + 1].map { $0 <= 0 && scale.isLogarithmic } ?? true)
            // Layers of another stack are not joined on.
            let isBegun = isOpen && bands[place].stack == bands[place - 1].stack
            text += "\(isBegun ? "L" : "M")\(ReportText.place(x(place))) \(ReportText.place(y(value)))"
            if isAlone { text += "h.1" }
            isOpen = true
        }
        return text
    }

    private func range(of line: ChartLine) -> String {
        var upper = "", lower = ""
        for (place, range) in line.ranges.enumerated() {
            guard let range else { continue }
            let x = ReportText.place(self.x(place))
            upper += "\(upper.isEmpty ? "M" : "L")\(x) \(ReportText.place(y(range.upperBound)))"
            lower = "L\(x) \(ReportText.place(y(range.lowerBound)))" + lower
        }
        return upper.isEmpty ? "" : "<path class=\"r \(line.style)\" d=\"\(upper)\(lower)z\"/>"
    }
}
