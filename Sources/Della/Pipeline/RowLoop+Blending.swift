import StreamIO

/// Rules whose output is a sum of inputs times coefficients, and their relatives.
extension RowLoop {
    // MARK: Measuring

    /// The products of each row's inputs, or of their differences.
    func takeGram(
        _ work: ChunkWork, _ merge: TensorMerge, _ rule: BlendRule, scratch: UnsafeMutableRawPointer
    ) {
        guard let sums = work.sums else { preconditionFailure("nowhere to put sums") }
        let rowCount = work.rows.count
        let length = work.layout.tensor.rowLength
        let count = merge.inputs.count
        withInputs(work, merge) { inputs, base in
            for row in 0..<rowCount {
                move(work, merge, inputs, to: row * work.layout.workRowBytes)
                let offset = row * work.layout.workRowBytes
                kernels.gram(
                    merge.format, inputs: UnsafePointer(inputs), inputCount: count,
                    base: rule.takesDifferences(merge) ? base + offset : nil, count: length, sums: sums + row,
                    stride: rowCount, scratch: scratch)
                guard work.countsInputs else { continue }
                var square = 0
                for input in 0..<count {
                    // A square that is not finite is the only sign there is, and a sure one.
                    if !sums[square * rowCount + row].isFinite {
                        countInputs(work, merge.format, from: row * length, count: length)
                        break
                    }
                    square += count - input
                }
            }
        }
    }

    /// What of the differences of each input it has alone, and what it shares.
    func tally(_ work: ChunkWork, _ merge: TensorMerge, _ rule: RamRule) {
        guard let sums = work.sums else { preconditionFailure("nowhere to put sums") }
        let total = work.rows.count * work.layout.tensor.rowLength
        sums.update(repeating: 0, count: 2 * merge.inputs.count)
        if work.countsInputs { countInputs(work, merge.format, from: 0, count: total) }
        withInputs(work, merge) { inputs, base in
            var start = 0
            while start < total {
                let count = min(MergeLayout.tileLength, total - start)
                let offset = start * merge.format.byteWidth
                move(work, merge, inputs, to: offset)
                kernels.tally(
                    merge.format, inputs: UnsafePointer(inputs), inputCount: merge.inputs.count,
                    base: base + offset, epsilon: Float(rule.epsilon), count: count, counts: sums)
                start += count
            }
        }
    }

    // MARK: Output

    /// A blend with one coefficient an input over the whole tensor.
    func blend(_ work: ChunkWork, _ merge: TensorMerge, _ rule: BlendRule, _ tiles: OutputTiles) {
        var divisor: Float = 1
        let kind: BlendRow.Kind
        switch rule {
        case .weighted(_, let normalize):
            kind = normalize ? .quotient : .sum
            if normalize { divisor = work.task.coefficients.reduce(0, +) }
        case .scaled(let scale): kind = scale == nil ? .plain : .scaled
        case .multislerp where merge.inputs.count == 1: kind = .plain
        case .karcher where merge.inputs.count == 1: kind = .plain
        case .slerp, .karcher: kind = .sum
        case .nuslerp, .multislerp: kind = merge.reference == nil ? .sum : .offset
        case .stock:
            kind = .stock
            divisor = Float(merge.inputs.count)
        }
        blend(work, merge, kind: kind, divisor: divisor, tiles)
    }

    func blend(
        _ work: ChunkWork, _ merge: TensorMerge, kind: BlendRow.Kind, divisor: Float, _ tiles: OutputTiles
    ) {
        withInputs(work, merge) { inputs, base in
            work.task.coefficients.withUnsafeBufferPointer { coefficients in
                guard let first = coefficients.baseAddress else { preconditionFailure("no coefficients") }
                tiles.forEach(kernels) { start, count, destination in
                    let offset = start * merge.format.byteWidth
                    move(work, merge, inputs, to: offset)
                    let isNonfinite = kernels.blend(
                        BlendRow(
                            kind: kind, format: merge.format, output: tiles.format,
                            inputs: UnsafePointer(inputs),
                            inputCount: merge.inputs.count, coefficients: first, base: base + offset,
                            divisor: divisor, count: count, destination: destination))
                    // An input that is not finite shows in the result.
                    if isNonfinite, work.countsInputs {
                        countInputs(work, merge.format, from: start, count: count)
                    }
                    return isNonfinite
                }
            }
        }
    }

    /// RAM, where a NaN may hide: it exceeds nothing.
    func reinforce(_ work: ChunkWork, _ merge: TensorMerge, _ rule: RamRule, _ tiles: OutputTiles) {
        if work.countsInputs {
            countInputs(work, merge.format, from: 0, count: work.rows.count * work.layout.tensor.rowLength)
        }
        withInputs(work, merge) { inputs, base in
            work.task.coefficients.withUnsafeBufferPointer { coefficients in
                guard let first = coefficients.baseAddress else { preconditionFailure("no coefficients") }
                tiles.forEach(kernels) { start, count, destination in
                    let offset = start * merge.format.byteWidth
                    move(work, merge, inputs, to: offset)
                    return kernels.blend(
                        BlendRow(
                            kind: .reinforced, format: merge.format, output: tiles.format,
                            inputs: UnsafePointer(inputs), inputCount: merge.inputs.count,
                            coefficients: first,
                            base: base + offset, divisor: Float(rule.epsilon), count: count,
                            destination: destination))
                }
            }
        }
    }

    /// A blend whose coefficients follow from each row.
    func blendByRow(_ work: ChunkWork, _ merge: TensorMerge, _ rule: BlendRule, _ tiles: OutputTiles) {
        let length = work.layout.tensor.rowLength
        let count = merge.inputs.count
        let hasBase = rule.takesDifferences(merge)
        var kind = BlendRow.Kind.sum
        if case .stock = rule { kind = .stock } else if hasBase { kind = .offset }
        withUnsafeTemporaryAllocation(of: Double.self, capacity: GramMatrix.sumCount(count)) { products in
            withUnsafeTemporaryAllocation(of: Float.self, capacity: 2) { coefficients in
                withInputs(work, merge) { inputs, base in
                    guard let sums = products.baseAddress, let pair = coefficients.baseAddress else { return }
                    var row = -1
                    tiles.forEach(kernels, rowLength: length) { start, part, destination in
                        if start / length != row {
                            row = start / length
                            let offset = row * length * merge.format.byteWidth
                            move(work, merge, inputs, to: offset)
                            kernels.gram(
                                merge.format, inputs: UnsafePointer(inputs), inputCount: count,
                                base: hasBase ? base + offset : nil, count: length, sums: sums, stride: 1,
                                scratch: tiles.scratch)
                            (pair[0], pair[1]) = rule.coefficients(ofRow: sums, count: count)
                        }
                        let offset = start * merge.format.byteWidth
                        move(work, merge, inputs, to: offset)
                        let isNonfinite = kernels.blend(
                            BlendRow(
                                kind: kind, format: merge.format, output: tiles.format,
                                inputs: UnsafePointer(inputs), inputCount: count,
                                coefficients: UnsafePointer(pair),
                                base: base + offset, divisor: Float(count), count: part,
                                destination: destination))
                        if isNonfinite, work.countsInputs {
                            countInputs(work, merge.format, from: start, count: part)
                        }
                        return isNonfinite
                    }
                }
            }
        }
    }

    // MARK: Columns

    /// Adds the products of the chunk's elements to those of the columns that they are of. Chunks are added one at a
    /// time, in their order.
    func addColumns(_ work: ChunkWork, _ merge: TensorMerge) {
        guard let table = work.task.columns else { preconditionFailure("nowhere to put products") }
        work.sums?.pointee = 0
        let length = work.layout.tensor.rowLength
        let hasBase = merge.reference != nil
        if work.countsInputs {
            countInputs(work, merge.format, from: 0, count: work.rows.count * length)
        }
        withInputs(work, merge) { inputs, base in
            for row in 0..<work.rows.count {
                let offset = row * work.layout.workRowBytes
                move(work, merge, inputs, to: offset)
                kernels.columns(
                    merge.format, inputs: UnsafePointer(inputs), base: hasBase ? base + offset : nil,
                    count: length,
                    sums: table.sums + column(ofRow: work.rows.lowerBound + row, length, table),
                    stride: table.stride)
            }
        }
    }

    /// A blend with a pair of coefficients a column.
    func blendByColumn(_ work: ChunkWork, _ merge: TensorMerge, _ tiles: OutputTiles) {
        guard let table = work.task.columns else { preconditionFailure("no coefficients") }
        let length = work.layout.tensor.rowLength
        withInputs(work, merge) { inputs, base in
            tiles.forEach(kernels, rowLength: length) { start, count, destination in
                let offset = start * merge.format.byteWidth
                move(work, merge, inputs, to: offset)
                let row = work.rows.lowerBound + start / length
                return kernels.blend(
                    BlendRow(
                        kind: merge.reference == nil ? .columns : .columnsOffset, format: merge.format,
                        output: tiles.format, inputs: UnsafePointer(inputs), inputCount: 2,
                        coefficients: table.coefficients
                            + (column(ofRow: row, length, table) + start % length),
                        stride: table.stride, base: base + offset, count: count, destination: destination))
            }
        }
    }

    /// The column of a row's first element.
    private func column(ofRow row: Int, _ length: Int, _ table: ColumnTable) -> Int {
        row % (table.columnCount / length) * length
    }

    // MARK: Inputs

    /// Room for the addresses of the models' values, and where the reference's begin: anywhere where there is none.
    private func withInputs(
        _ work: ChunkWork, _ merge: TensorMerge,
        _ body: (_ inputs: UnsafeMutablePointer<UnsafeRawPointer>, _ base: UnsafeRawPointer) -> Void
    ) {
        withUnsafeTemporaryAllocation(of: UnsafeRawPointer.self, capacity: merge.inputs.count + 1) { inputs in
            inputs.initialize(repeating: UnsafeRawPointer(work.values[0]))
            guard let first = inputs.baseAddress else { preconditionFailure("room for an address") }
            body(first, UnsafeRawPointer(work.values[0]))
        }
    }

    /// Points at the models' values from a byte of the chunk on.
    @inline(__always)
    private func move(
        _ work: ChunkWork, _ merge: TensorMerge, _ inputs: UnsafeMutablePointer<UnsafeRawPointer>,
        to offset: Int
    ) {
        let first = merge.reference == nil ? 0 : 1
        for index in 0..<merge.inputs.count {
            inputs[index] = UnsafeRawPointer(work.values[first + index] + offset)
        }
    }

    /// Counts what of a stretch of the inputs is NaN or infinite.
    func countInputs(_ work: ChunkWork, _ format: FloatFormat, from start: Int, count: Int) {
        for index in work.values.indices {
            work.found[index] += kernels.countNonfinite(
                format, UnsafeRawPointer(work.values[index] + start * format.byteWidth), count: count)
        }
    }
}

extension BlendRule {
    /// Whether the blend is of the differences from the reference.
    func takesDifferences(_ merge: TensorMerge) -> Bool {
        switch self {
        case .nuslerp, .multislerp, .stock: merge.reference != nil
        case .weighted, .scaled, .slerp, .karcher: false
        }
    }

    /// The two coefficients of a row, from the products of its inputs. Allocates nothing.
    fileprivate func coefficients(ofRow products: UnsafePointer<Double>, count: Int) -> (Float, Float) {
        switch self {
        case .nuslerp(let t, _):
            let pair = BlendCoefficients.nuslerp(t: t, products[0], products[1], products[2])
            return (Float(pair.0), Float(pair.1))
        case .stock:
            let ratio = BlendCoefficients.stockRatio(count: count) { i, j in
                products[i * count - i * (i - 1) / 2 + (j - i)]
            }
            return (Float(ratio), Float(1 - ratio))
        default: preconditionFailure("a rule with coefficients of the whole tensor")
        }
    }
}
