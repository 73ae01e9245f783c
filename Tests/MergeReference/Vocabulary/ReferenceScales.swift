import Foundation

/// A matrix of 8-bit floating-point numbers with a scale for each block, row, or all of it.
struct ReferenceScales {
    enum Grain: CaseIterable {
        case blocks, rows, matrix
    }

    static let blockRows = 16, blockColumns = 32

    var grain: Grain
    var rows: Int
    var columns: Int
    var bytes: [UInt8]
    var scales: [Float]

    init(rows: Int, columns: Int, using random: inout SeededRandom) {
        (self.rows, self.columns) = (rows, columns)
        grain = Grain.allCases.randomElement(using: &random)!
        bytes = (0..<rows * columns).map { _ in
            // Any but NaN.
            UInt8.random(in: 0..<127, using: &random) | (Bool.random(using: &random) ? 128 : 0)
        }
        scales = []
        scales = (0..<shape.reduce(1, *)).map { _ in Float.random(in: 0.001...0.01, using: &random) }
    }

    /// Of the scales' tensor.
    var shape: [Int] {
        switch grain {
        case .blocks:
            [
                (rows + Self.blockRows - 1) / Self.blockRows,
                (columns + Self.blockColumns - 1) / Self.blockColumns,
            ]
        case .rows: [rows, 1]
        case .matrix: []
        }
    }

    /// What the scales' tensor is called after the weight's name.
    var suffix: String { grain == .blocks ? "_scale_inv" : "_scale" }

    /// The values: by the definition of E4M3, in Double.
    var values: [[Float]] {
        (0..<rows).map { row in
            (0..<columns).map { column in
                Self.value(bytes[row * columns + column]) * scale(row, column)
            }
        }
    }

    /// What a byte says before it is scaled.
    static func value(_ byte: UInt8) -> Float {
        let exponent = Int(byte >> 3) & 15, fraction = Double(byte & 7) / 8
        let size = exponent == 0 ? fraction * pow(2, -6) : (1 + fraction) * pow(2, Double(exponent - 7))
        return Float(byte >> 7 == 1 ? -size : size)
    }

    private func scale(_ row: Int, _ column: Int) -> Float {
        switch grain {
        case .blocks: scales[row / Self.blockRows * shape[1] + column / Self.blockColumns]
        case .rows: scales[row]
        case .matrix: scales[0]
        }
    }
}
