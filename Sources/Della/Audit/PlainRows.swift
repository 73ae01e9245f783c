import StreamIO

/// Rows that go by token, one at a time, read where the plan says that each of them lies.
struct PlainRows {
    let sources: RowSources
    let tensor: OutputTensor
    let files: PlainFiles

    init(_ sources: RowSources, of tensor: OutputTensor, files: PlainFiles) {
        self.sources = sources
        self.tensor = tensor
        self.files = files
    }

    /// Elements of a row in float32. A vector is one row, with an element for each token.
    func values(_ row: Int, _ range: Range<Int>) throws(MergeFailure) -> [Float] {
        guard tensor.isOneRow else { return try token(row, range) }
        var values: [Float] = []
        for element in range { values += try token(element, 0..<1) }
        return values
    }

    /// What one token has, or a part of it.
    private func token(_ token: Int, _ range: Range<Int>) throws(MergeFailure) -> [Float] {
        switch sources.rows.run(at: token, upTo: token + 1).source {
        case .rows(let model, let row): return try stored(model, row, range)
        case .zero: return Array(repeating: 0, count: range.count)
        case .mean(let places):
            var sums = Array(repeating: Float(0), count: range.count)
            for place in places {
                let values = try stored(place.model, place.row, range)
                for index in values.indices { sums[index] += values[index] }
            }
            return sums.map { $0 / Float(places.count) }
        case .padding: return try padding(range)
        }
    }

    private func stored(_ model: Int, _ row: Int, _ range: Range<Int>) throws(MergeFailure) -> [Float] {
        let length = tensor.isOneRow ? 1 : tensor.rowLength
        if let part = sources.scales[model] { return try dequantised(model, row, range, part) }
        guard let part = sources.adapters[model] else {
            return try files.values(
                sources.tensor(model), from: UInt64(row * length + range.lowerBound), range.count, of: tensor)
        }
        let whole = try adapted(model, row, part)
        return Array(whole[range])
    }

    /// A stretch of a row of 8 bits, each value times its block's scale.
    private func dequantised(
        _ model: Int, _ row: Int, _ range: Range<Int>, _ part: ScalePart
    ) throws(MergeFailure) -> [Float] {
        let input = sources.tensor(model)
        let bytes = try files.read(
            input.file, at: input.offset + UInt64(row * tensor.rowLength + range.lowerBound),
            count: range.count,
            tensor: tensor.name)
        let first = row / part.blockRows * part.columnCount
        let scales = try files.values(part.values, from: UInt64(first), part.columnCount, of: tensor)
        return zip(range, bytes).map { column, byte in
            PlainFormat.float8(byte, input.type) * scales[column / part.blockColumns]
        }
    }

    /// A row with what an adapter adds to it: all of it, as its length may be another then.
    private func adapted(_ model: Int, _ row: Int, _ part: AdapterPart) throws(MergeFailure) -> [Float] {
        let length = tensor.rowLength, rank = part.rank
        // A convolution's output has a row for each of its inputs, or each row of its kernels.
        let (output, place) = row.quotientAndRemainder(dividingBy: part.rowsPerOutput(rowLength: length))
        var values = try files.values(
            sources.tensor(model), from: UInt64(row * length), length, of: tensor)
        var sums = Array(repeating: Float(0), count: length)
        let up =
            try part.isTransposed
            ? files.values(part.up, from: 0, Int(part.up.elementCount), of: tensor)
            : files.values(part.up, from: UInt64(output * rank), rank, of: tensor)
        for k in 0..<rank {
            // A's row k, or of a transposed product the column that the tensor's row is.
            let inputs = Int(part.down.elementCount) / rank
            let down =
                try part.isTransposed
                ? files.values(part.down, from: UInt64(k * inputs + row), 1, of: tensor)
                : files.values(part.down, from: UInt64(k * inputs + place * length), length, of: tensor)
            var column = 0
            while column < length {
                sums[column] += part.isTransposed ? up[column * rank + k] * down[0] : up[k] * down[column]
                column += 1
            }
        }
        var square = 0.0
        for column in 0..<length {
            values[column] += part.scale * sums[column]
            square += Double(values[column]) * Double(values[column])
        }
        guard let magnitude = part.magnitude else { return values }
        let size = try files.values(magnitude, from: UInt64(row), 1, of: tensor)[0]
        return values.map { Float(Double(size * $0) / square.squareRoot()) }
    }

    /// The mean of the rows of all tokens, before those that only fill up.
    private func padding(_ range: Range<Int>) throws(MergeFailure) -> [Float] {
        let count = sources.paddingStart ?? 0
        var sums = Array(repeating: 0.0, count: range.count)
        for token in 0..<count {
            let values = try self.token(token, range)
            var index = 0
            while index < values.count {
                sums[index] += Double(values[index])
                index += 1
            }
        }
        return sums.map { Float(count == 0 ? 0 : $0 / Double(count)) }
    }
}
