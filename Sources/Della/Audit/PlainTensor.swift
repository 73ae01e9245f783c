import StreamIO

/// The inputs of one tensor, a row at a time, read where the plan says they lie and rounded to D.
final class PlainTensor {
    /// Elements of a row that are in memory at once, of each input; a multiple of the 16 lanes of DESIGN's sums.
    static let pieceElements = 1 << 16

    /// A stretch of a row of an input.
    private struct Piece {
        var row: Int
        var range: Range<Int>
        var values: [Float]
    }

    let tensor: OutputTensor
    let inputs: [InputTensor]
    let format: FloatFormat
    private let files: PlainFiles
    /// By input, what was read last: a row that is one piece is read once.
    private var pieces: [Piece?]

    var rowLength: Int { tensor.rowLength }
    var rowCount: Int { tensor.rowCount }

    /// - Parameter inputs: base first where there is one, then the terms'; of the output tensor's shape.
    init(_ tensor: OutputTensor, inputs: [InputTensor], format: FloatFormat, files: PlainFiles) {
        self.tensor = tensor
        self.inputs = inputs
        self.format = format
        self.files = files
        pieces = Array(repeating: nil, count: inputs.count)
    }

    /// The stretches that a row is looked at in.
    var stretches: [Range<Int>] {
        stride(from: 0, to: rowLength, by: Self.pieceElements).map {
            $0..<min(rowLength, $0 + Self.pieceElements)
        }
    }

    /// The number of an element in the tensor.
    func element(_ row: Int, _ column: Int) -> UInt64 { UInt64(row) * UInt64(rowLength) + UInt64(column) }

    /// Elements of a row of an input, rounded to D.
    func values(_ input: Int, row: Int, _ range: Range<Int>) throws(MergeFailure) -> [Float] {
        if let piece = pieces[input], piece.row == row, piece.range == range { return piece.values }
        let source = inputs[input]
        var values: [Float]
        if let rows = source.rows {
            values = try PlainRows(rows, of: tensor, files: files).values(row, range)
        } else {
            values = try files.values(source, from: element(row, range.lowerBound), range.count, of: tensor)
        }
        if format != .float32, source.rows != nil || format.elementType != source.type {
            var index = 0
            while index < values.count {
                values[index] = PlainFormat.round(values[index], to: format)
                index += 1
            }
        }
        pieces[input] = Piece(row: row, range: range, values: values)
        return values
    }
}
