/// An adapter's part for one matrix, and what it makes of it: by the definition, a row at a time.
struct ReferenceAdapter {
    var rank: Int
    var scale: Float
    /// `rank` rows, a column for each input.
    var down: [[Float]]
    /// A row for each output, `rank` columns.
    var up: [[Float]]
    /// Whether the matrix has a row for each input.
    var hasInputsFirst: Bool
    var magnitude: [Float]?

    /// `W + s·(B·A)`, or of embeddings and the like with the product transposed; with magnitudes, rows of that length.
    func applied(to matrix: [[Float]]) -> [[Float]] {
        matrix.indices.map { row in
            var values = matrix[row].indices.map { column -> Float in
                let (output, input) = hasInputsFirst ? (column, row) : (row, column)
                var sum: Float = 0
                for k in 0..<rank { sum += up[output][k] * down[k][input] }
                return matrix[row][column] + scale * sum
            }
            guard let magnitude else { return values }
            let norm = values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
            for column in values.indices {
                values[column] = Float(Double(magnitude[row] * values[column]) / norm)
            }
            return values
        }
    }
}
