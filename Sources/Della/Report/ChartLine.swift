/// One line of a chart by layer.
struct ChartLine: Hashable, Sendable {
    /// What the line is called, for a person.
    var name: String
    /// The class of its colour and dashes: `l0` and on, `lo` of the output.
    var style: String
    /// By band; `nil` where there is nothing.
    var values: [Double?]
    /// The range within each band, where the tensors of a layer differ.
    var ranges: [ClosedRange<Double>?] = []

    /// Whether the tensors of any layer differ.
    var hasRanges: Bool { ranges.contains { $0.map { $0.lowerBound < $0.upperBound } ?? false } }
}
