/// Sums in Double over a row in DESIGN's order: element i goes to lane i mod 16, and the lanes are folded by halves.
struct PlainSums {
    private var lanes = Array(repeating: 0.0, count: 16)

    /// Adds what is at a column of the row; columns come in order.
    mutating func add(_ value: Double, at column: Int) { lanes[column % 16] += value }

    /// The row's sum.
    var total: Double {
        var lanes = lanes
        for half in [8, 4, 2, 1] {
            for lane in 0..<half { lanes[lane] += lanes[lane + half] }
        }
        return lanes[0]
    }
}
