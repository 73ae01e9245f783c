import CKernel

/// What a merge's report says of the inputs and of the output.
extension RowKernels {
    /// Sums over a stretch of a row of the reference and of inputs: Σb², then Σδ² and Σ|δ| of each input, then Σδᵢδⱼ of
    /// each two. Element i of the stretch goes to lane i mod 16 of its whole blocks of 32, and of the rest.
    ///
    /// - Parameters:
    ///   - sums: `1 + 2·inputCount` numbers, and with `hasProducts` one for each two inputs; written.
    ///   - equal: a number an input, of elements that are the reference's; written.
    func moments(
        _ format: FloatFormat, inputs: UnsafePointer<UnsafeRawPointer>, inputCount: Int,
        base: UnsafeRawPointer,
        count: Int, hasProducts: Bool, sums: UnsafeMutablePointer<Double>, equal: UnsafeMutablePointer<Int64>
    ) {
        let whole = count & ~(Self.blockLength - 1)
        var arguments = KernelMoments(
            inputs: inputs, base: base, sums: sums, equal: equal, inputCount: Int64(inputCount),
            count: Int64(whole), format: Int32(format.rawValue), hasProducts: hasProducts)
        table.moments(&arguments)
        guard whole < count else { return }
        let sumCount = 1 + 2 * inputCount + (hasProducts ? inputCount * (inputCount - 1) / 2 : 0)
        withUnsafeTemporaryAllocation(of: Double.self, capacity: sumCount) { rest in
            withUnsafeTemporaryAllocation(of: Int64.self, capacity: inputCount + 1) { restEqual in
                guard let restSums = rest.baseAddress, let restCounts = restEqual.baseAddress else { return }
                withPaddedBlocks(inputs, inputCount, base: base, format, from: whole, count: count - whole) {
                    inputs, base, _ in
                    (arguments.inputs, arguments.base) = (inputs, base)
                    (arguments.sums, arguments.equal) = (restSums, restCounts)
                    arguments.count = Int64(Self.blockLength)
                    table.moments(&arguments)
                }
                for index in 0..<sumCount { sums[index] += restSums[index] }
                // What stands in for elements that are not there is equal.
                let padding = Int64(Self.blockLength - (count - whole))
                for index in 0..<inputCount { equal[index] += restCounts[index] - padding }
            }
        }
    }

    /// What an output is against a reference.
    struct Change {
        /// Σ(out − b)².
        var squares = 0.0
        /// Elements that differ.
        var changed = 0
        /// The largest finite magnitude.
        var peak: Float = 0
    }

    /// What a stretch of a row of the output, in the type that is written, is against the reference.
    func change(
        _ output: UnsafeRawPointer, _ outputFormat: FloatFormat, from base: UnsafeRawPointer,
        _ format: FloatFormat, count: Int
    ) -> Change {
        let whole = count & ~(Self.blockLength - 1)
        var arguments = KernelChange(
            output: output, base: base, count: Int64(whole), format: Int32(format.rawValue),
            outputFormat: Int32(outputFormat.rawValue), squares: 0, changed: 0, peak: 0)
        table.change(&arguments)
        var change = Change(
            squares: arguments.squares, changed: Int(arguments.changed),
            peak: Float(bitPattern: arguments.peak))
        guard whole < count else { return change }
        let size = Self.blockLength * 4
        withUnsafeTemporaryAllocation(byteCount: 2 * size, alignment: 64) { copies in
            copies.initializeMemory(as: UInt8.self, repeating: 0)
            guard let first = copies.baseAddress else { preconditionFailure("room for a block") }
            let second = first + size
            first.copyMemory(
                from: output + whole * outputFormat.byteWidth,
                byteCount: (count - whole) * outputFormat.byteWidth)
            second.copyMemory(
                from: base + whole * format.byteWidth, byteCount: (count - whole) * format.byteWidth)
            (arguments.output, arguments.base) = (UnsafeRawPointer(first), UnsafeRawPointer(second))
            arguments.count = Int64(Self.blockLength)
            table.change(&arguments)
        }
        change.squares += arguments.squares
        change.changed += Int(arguments.changed)
        change.peak = max(change.peak, Float(bitPattern: arguments.peak))
        return change
    }

    /// Counts, of a stretch of the models' values, those that differ from the base's, added to `kept`.
    ///
    /// - Parameters:
    ///   - masks: a word a model: all ones, or 0 where its differences have no sign that counts.
    ///   - flips: a word a model: the sign bit where its differences count with the other sign.
    /// - Returns: elements that have differences of both signs.
    func signs(
        _ format: FloatFormat, models: UnsafePointer<UnsafeRawPointer>, masks: UnsafePointer<UInt32>,
        flips: UnsafePointer<UInt32>, modelCount: Int, base: UnsafeRawPointer, count: Int,
        kept: UnsafeMutablePointer<Int64>
    ) -> Int {
        let whole = count & ~(Self.blockLength - 1)
        var arguments = KernelSigns(
            models: models, masks: masks, flips: flips, base: base, kept: kept, modelCount: Int64(modelCount),
            count: Int64(whole), format: Int32(format.rawValue), conflicts: 0)
        table.signs(&arguments)
        let conflicts = Int(arguments.conflicts)
        guard whole < count else { return conflicts }
        // The zeros behind the last elements are equal to the base's.
        withPaddedBlocks(models, modelCount, base: base, format, from: whole, count: count - whole) {
            models, base, _ in
            (arguments.models, arguments.base) = (models, base)
            arguments.count = Int64(Self.blockLength)
            table.signs(&arguments)
        }
        return conflicts + Int(arguments.conflicts)
    }
}
