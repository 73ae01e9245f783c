/// The upright axis of a chart: which values it spans and where it has marks.
struct ChartScale: Hashable, Sendable {
    /// From the bottom up.
    private(set) var low: Double
    private(set) var high: Double
    /// Whether equal ratios are equally far apart.
    let isLogarithmic: Bool
    /// Values with a mark.
    private(set) var marks: [Double] = []

    /// A scale that holds all values.
    ///
    /// - Parameters:
    ///   - isLogarithmic: taken where the largest value is at least four times the least above 0. Those below have no place.
    ///   - within: what the scale does not go beyond, 0 to 1 of shares, say.
    init(_ values: [Double], isLogarithmic: Bool = false, within bounds: ClosedRange<Double>? = nil) {
        let positive = values.filter { $0 > 0 }
        let least = values.min() ?? 0, most = values.max() ?? 1
        let floor = positive.min() ?? 0
        self.isLogarithmic = isLogarithmic && floor > 0 && most >= 4 * floor
        if self.isLogarithmic {
            low = max(floor, most * 1e-5)
            high = most
            markRatios()
        } else {
            (low, high) = (least, most)
            markSteps(bounds)
        }
    }

    /// Where a value lies, from 0 at the bottom to 1.
    func share(_ value: Double) -> Double {
        guard high > low else { return 0.5 }
        let share =
            isLogarithmic
            ? HeatScale.log2(max(value, low) / low) / HeatScale.log2(high / low)
            : (value - low) / (high - low)
        return min(1, max(0, share))
    }

    /// Marks at 1, 2 and 5 times powers of ten, or at the powers alone.
    private mutating func markRatios() {
        var power = 1.0
        while power > low { power /= 10 }
        while power * 10 <= low { power *= 10 }
        let factors: [Double] = high / low > 150 ? [1] : [1, 2, 5]
        var all: [Double] = []
        while power <= high * 10 {
            all += factors.map { $0 * power }
            power *= 10
        }
        low = all.last { $0 <= low } ?? low
        high = all.first { $0 >= high } ?? high
        marks = all.filter { low <= $0 && $0 <= high }
    }

    /// Three to six marks at round values; the scale ends at the outer ones.
    private mutating func markSteps(_ bounds: ClosedRange<Double>?) {
        if high - low <= max(high.magnitude, low.magnitude) * 1e-9 {
            // All the same: around it.
            let around = high == 0 ? 1 : high.magnitude * 0.5
            (low, high) = (low - around, high + around)
            if let bounds { (low, high) = (max(low, bounds.lowerBound), min(high, bounds.upperBound)) }
        }
        var step = 1.0
        let wanted = (high - low) / 4
        while step > wanted { step /= 10 }
        while step * 10 <= wanted { step *= 10 }
        step *= [1, 2, 5, 10].first { step * $0 >= wanted } ?? 10
        // Whole numbers of steps, so that 0.1 + 0.2 is not what marks say.
        let first = (low / step).rounded(.down), last = (high / step).rounded(.up)
        let numbers = stride(from: first, through: last, by: 1)
        marks = numbers.map { number in step < 1 ? number / (1 / step).rounded() : number * step }
        if let bounds { marks = marks.filter { bounds.contains($0) } }
        low = min(low, marks.first ?? low)
        high = max(high, marks.last ?? high)
    }
}
