import StreamIO

/// Brings rows that are more than a range of one file into the format computed in.
struct RowAssembly {
    let kernels: RowKernels
    let format: FloatFormat
    /// The slots by input, from which stored bytes are counted.
    let slots: [UnsafeMutableRawPointer]
    let target: UnsafeMutableRawPointer
    /// Whether what is written may lie over what is still to be read, of rows behind it.
    let overlaps: Bool
    let unitLength: Int
    /// What adapters add to the models' tensors.
    let factors: [Int: AdapterFactors]
    /// What the values of tensors of 8 bits are multiplied with.
    let scales: [Int: DequantisationScales]

    private var unitBytes: Int { unitLength * format.byteWidth }

    private func address(_ stored: StagedRows.Stored) -> UnsafeRawPointer {
        UnsafeRawPointer(slots[stored.input] + stored.start)
    }

    /// Writes the rows of a chunk that are stored one after the other in an input's slot, from `start` on. What is written may
    /// lie over what is read, but not ahead of it.
    func assemble(_ rows: Range<Int>, of input: InputRows, in slot: Int, from start: Int) {
        let stored = StagedRows.Stored(
            type: input.range.type, input: slot, start: start, model: input.model,
            first: input.first + rows.lowerBound)
        put(stored, rows.count, to: target)
    }

    /// Writes the rows of a chunk that lie scattered.
    ///
    /// - Parameter padding: the row at the end of what is filled up to a multiple.
    func assemble(_ pieces: [StagedRows.Piece], padding: [Float]) {
        var target = target
        for piece in pieces {
            switch piece.content {
            case .stored(let stored): put(stored, piece.unitCount, to: target)
            case .zero:
                target.initializeMemory(as: UInt8.self, repeating: 0, count: piece.unitCount * unitBytes)
            case .padding:
                padding.withUnsafeBufferPointer { values in
                    guard let row = values.baseAddress else { return }
                    for unit in 0..<piece.unitCount {
                        kernels.decode(
                            .f32, row, to: format, target + unit * unitBytes, count: unitLength)
                    }
                }
            case .mean(let places): putMean(places, to: target)
            }
            target += piece.unitCount * unitBytes
        }
    }

    private func put(_ stored: StagedRows.Stored, _ count: Int, to target: UnsafeMutableRawPointer) {
        if let scales = scales[stored.model] {
            for unit in 0..<count { put(stored, unit, scales, to: target + unit * unitBytes) }
            return
        }
        guard let factors = factors[stored.model] else {
            if stored.type == format.elementType {
                // Rows of one stretch are where they were read to.
                guard address(stored) != UnsafeRawPointer(target) else { return }
                target.copyMemory(from: address(stored), byteCount: count * unitBytes)
            } else {
                kernels.decode(stored.type, address(stored), to: format, target, count: count * unitLength)
            }
            return
        }
        adapt(stored, count, factors) { row, start, values in
            guard let source = values.baseAddress else { return }
            kernels.decode(
                .f32, source, to: format, target + row * unitBytes + start * format.byteWidth,
                count: values.count)
        }
    }

    /// A row of 8 bits, a tile at a time.
    private func put(
        _ stored: StagedRows.Stored, _ unit: Int, _ scales: DequantisationScales,
        to row: UnsafeMutableRawPointer
    ) {
        let source = address(stored) + unit * unitLength
        withUnsafeTemporaryAllocation(of: Float.self, capacity: AdapterFactors.tile) { buffer in
            for start in stride(from: 0, to: unitLength, by: AdapterFactors.tile) {
                let part = UnsafeMutableBufferPointer(
                    rebasing: buffer[..<min(AdapterFactors.tile, unitLength - start)])
                guard let values = part.baseAddress else { return }
                scales.decode(row: stored.first + unit, from: start, source + start, to: part)
                kernels.decode(
                    .f32, values, to: format, row + start * format.byteWidth, count: part.count)
            }
        }
    }

    /// - Parameter body: takes a stretch of a row's values, with which of the rows it is and from which element on.
    private func adapt(
        _ stored: StagedRows.Stored, _ count: Int, _ factors: AdapterFactors,
        _ body: (Int, Int, UnsafeMutableBufferPointer<Float>) -> Void
    ) {
        let width = stored.type.bitWidth / 8
        let source = address(stored)
        let first = stored.first
        factors.adapt(
            first..<first + count, rowsAtOnce: overlaps ? 1 : AdapterFactors.rowsAtOnce, kernels: kernels,
            load: { row, start, values in
                guard let target = values.baseAddress else { return }
                let place = source + ((row - first) * unitLength + start) * width
                kernels.decode(stored.type, place, to: .float32, target, count: values.count)
            }, store: { body($0 - first, $1, $2) })
    }

    /// The sum of rows in float32, in order, from +0, divided by their number.
    private func putMean(_ places: [StagedRows.Stored], to target: UnsafeMutableRawPointer) {
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * unitLength) { buffer in
            guard let sums = buffer.baseAddress else { return }
            let terms = sums + unitLength
            sums.update(repeating: 0, count: unitLength)
            for place in places {
                if let scales = scales[place.model] {
                    scales.decode(
                        row: place.first, from: 0, address(place),
                        to: UnsafeMutableBufferPointer(start: terms, count: unitLength))
                } else if let factors = factors[place.model] {
                    adapt(place, 1, factors) { _, start, values in
                        guard let source = values.baseAddress else { return }
                        (terms + start).update(from: source, count: values.count)
                    }
                } else {
                    kernels.decode(place.type, address(place), to: .float32, terms, count: unitLength)
                }
                for index in 0..<unitLength { sums[index] += terms[index] }
            }
            for index in 0..<unitLength { sums[index] /= Float(places.count) }
            kernels.decode(.f32, sums, to: format, target, count: unitLength)
        }
    }
}
