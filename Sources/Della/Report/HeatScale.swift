/// The colours of a heat map: steps of equal ratio between the least figure and the largest, from pale to dark on white and
/// from dark to pale on black, so that the lightness alone says the order to every eye and in print.
struct HeatScale: Hashable, Sendable {
    /// Steps of colour.
    static let steps = 20
    /// The largest figure by the least that has a colour of its own.
    static let range = 1000.0

    /// The least figure that is told from smaller ones, and the largest; 0 where there are none.
    private(set) var least: Double = 0
    private(set) var largest: Double = 0

    /// A scale for figures, one for all pictures that are to be held against each other.
    init(_ figures: [Double]) {
        let positive = figures.filter { $0 > 0 && $0.isFinite }
        guard let largest = positive.max(), let least = positive.min() else { return }
        self.largest = largest
        self.least = max(least, largest / Self.range)
    }

    /// The step of a figure above 0.
    func step(_ figure: Double) -> Int {
        guard largest > least else { return Self.steps - 1 }
        let share = Self.log2(max(figure, least) / least) / Self.log2(largest / least)
        return min(Self.steps - 1, max(0, Int(share * Double(Self.steps))))
    }

    /// The figure in the middle of the scale.
    var middle: Double { (least * largest).squareRoot() }

    /// The binary logarithm in plain arithmetic: the C library's last bit differs from processor to processor.
    static func log2(_ value: Double) -> Double {
        guard value > 0, value.isFinite else { return 0 }
        // ln(m) = 2 artanh((m − 1) / (m + 1)), m in [1, 2).
        let ratio = (value.significand - 1) / (value.significand + 1)
        var (sum, power) = (0.0, ratio)
        for odd in stride(from: 1.0, through: 39, by: 2) {
            sum += power / odd
            power *= ratio * ratio
        }
        return Double(value.exponent) + sum * 2.885390081777926815
    }

    /// Rules for `h0` and on, `hz` of what is exactly 0 and `hx` of NaN and infinity. `dark` turns the colours around.
    static func styles(dark: Bool) -> String {
        var text = ""
        for step in 0..<steps {
            let share = Double(step) / Double(steps - 1)
            text += ".h\(step){fill:\(colour(dark ? 1 - share : share))}"
        }
        text += dark ? ".hz{fill:#22262d;stroke:#4a515c}" : ".hz{fill:#fff;stroke:#c9c9c4}"
        return text + ".hz{stroke-width:.5}" + (dark ? ".hx{fill:#ff5fa2}" : ".hx{fill:#d3006c}")
    }

    /// From pale yellow over green and blue to a dark blue.
    private static let stops: [(Double, Double, Double)] = [
        (253, 246, 205), (213, 231, 163), (139, 205, 170), (70, 168, 184), (42, 118, 176), (37, 72, 142),
        (22, 30, 84),
    ]

    private static func colour(_ share: Double) -> String {
        let place = share * Double(stops.count - 1)
        let index = min(stops.count - 2, Int(place)), rest = place - Double(index)
        let (from, to) = (stops[index], stops[index + 1])
        let parts = [
            from.0 + (to.0 - from.0) * rest, from.1 + (to.1 - from.1) * rest, from.2 + (to.2 - from.2) * rest,
        ]
        return "#"
            + parts.map { part in
                let digits = String(Int(part.rounded()), radix: 16)
                return digits.utf8.count < 2 ? "0" + digits : digits
            }.joined()
    }
}
