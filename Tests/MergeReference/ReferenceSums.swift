/// The order in which sums over a tensor are taken: within a row element i goes to lane i mod 16, lanes fold by
/// halves, rows are added in order.
enum ReferenceSums {
    static func row(_ row: some Sequence<Double>) -> Double {
        var lanes = [Double](repeating: 0, count: 16)
        for (i, x) in row.enumerated() { lanes[i % 16] += x }
        while lanes.count > 1 {
            let half = lanes.count / 2
            lanes = (0..<half).map { lanes[$0] + lanes[$0 + half] }
        }
        return lanes[0]
    }

    /// Of a tensor whose rows have `length` elements.
    static func tensor(_ values: [Double], rowLength length: Int) -> Double {
        stride(from: 0, to: values.count, by: max(length, 1)).reduce(0) { sum, start in
            sum + row(values[start..<start + length])
        }
    }
}
