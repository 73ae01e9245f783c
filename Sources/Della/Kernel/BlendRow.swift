import CKernel

/// A stretch of a tensor's inputs in the last phase of a rule without sparsified terms: what `RowKernels.blend` works
/// on.
///
/// The memory may have any alignment and belongs to the caller.
public struct BlendRow {
    /// What is computed of b, the base's value, x, an input's, c, its coefficient, and the divisor d; sums are in the
    /// order of the inputs, from +0.
    public enum Kind: Int32, Sendable {
        /// x of the one input.
        case plain = 0
        /// x·c of the one input.
        case scaled = 1
        /// Σ c·x
        case sum = 2
        /// (Σ c·x) / d
        case quotient = 3
        /// b + Σ c·(x − b)
        case offset = 4
        /// c₀·(Σ x / d) + c₁·b
        case stock = 5
        /// w·x + (1 − w)·b of the one input, w = c / max(|b − x|, 1e-6), from 0 to 1.
        case near = 6
        /// b + Σ of the differences beyond d: times c where one input has them alone, divided by how many share them.
        case reinforced = 7
        /// Σ c·x of two inputs, each with a coefficient an element.
        case columns = 8
        /// b + Σ c·(x − b) of two inputs, each with a coefficient an element.
        case columnsOffset = 9
    }

    /// What is computed.
    public var kind: Kind
    /// The type of the inputs' values.
    public var format: FloatFormat
    /// The type of the result.
    public var output: FloatFormat
    /// `inputCount` stretches of values.
    public var inputs: UnsafePointer<UnsafeRawPointer>
    /// Inputs; at least as many as the kind names.
    public var inputCount: Int
    /// By input, or as the kind says; not followed where it has none.
    public var coefficients: UnsafePointer<Float>
    /// Of coefficients an element, how far the second input's lie behind the first's. Those of a whole last block of 32
    /// elements must be there to be read.
    public var stride: Int
    /// The base's values; not followed where the kind has none.
    public var base: UnsafeRawPointer
    /// `d` of the kinds.
    public var divisor: Float
    /// Elements.
    public var count: Int
    /// `count` elements of `output`. Not the memory of an input.
    public var destination: UnsafeMutableRawPointer

    /// A stretch with every value given.
    public init(
        kind: Kind, format: FloatFormat, output: FloatFormat, inputs: UnsafePointer<UnsafeRawPointer>,
        inputCount: Int, coefficients: UnsafePointer<Float>, stride: Int = 0, base: UnsafeRawPointer,
        divisor: Float = 1, count: Int, destination: UnsafeMutableRawPointer
    ) {
        self.kind = kind
        self.format = format
        self.output = output
        self.inputs = inputs
        self.inputCount = inputCount
        self.coefficients = coefficients
        self.stride = stride
        self.base = base
        self.divisor = divisor
        self.count = count
        self.destination = destination
    }

    /// Whether the base is looked at.
    var hasBase: Bool { kind.rawValue >= Kind.offset.rawValue && kind != .columns }
}

extension RowKernels {
    /// The last phase of a stretch.
    ///
    /// - Returns: Whether the result holds NaN or infinity.
    public func blend(_ row: BlendRow) -> Bool {
        let whole = row.count & ~(Self.blockLength - 1)
        var arguments = KernelBlend(
            inputs: row.inputs, coefficients: row.coefficients, base: row.base, destination: row.destination,
            inputCount: Int64(row.inputCount), count: Int64(whole), stride: Int64(row.stride),
            divisor: row.divisor,
            kind: row.kind.rawValue,
            format: Int32(row.format.rawValue), output: Int32(row.output.rawValue))
        let sawNonfinite = table.blend(&arguments)
        guard whole < row.count else { return sawNonfinite }
        let left = row.count - whole
        return withPaddedBlocks(
            row.inputs, row.inputCount, base: row.hasBase ? row.base : nil, row.format, from: whole,
            count: left
        ) { inputs, base, destination in
            arguments.inputs = inputs
            arguments.base = base
            if row.stride != 0 { arguments.coefficients = row.coefficients + whole }
            arguments.destination = destination
            arguments.count = Int64(Self.blockLength)
            let isNonfinite = table.blend(&arguments)
            (row.destination + whole * row.output.byteWidth).copyMemory(
                from: destination, byteCount: left * row.output.byteWidth)
            // What stands in for elements that are not there is finite, and so is what comes of it unless a
            // coefficient is not.
            return isNonfinite || sawNonfinite
        }
    }

    /// Adds, for each input, how many differences beyond `epsilon` it has alone and how many it shares.
    ///
    /// - Parameter counts: two numbers an input.
    public func tally(
        _ format: FloatFormat, inputs: UnsafePointer<UnsafeRawPointer>, inputCount: Int,
        base: UnsafeRawPointer,
        epsilon: Float, count: Int, counts: UnsafeMutablePointer<Double>
    ) {
        let whole = count & ~(Self.blockLength - 1)
        var arguments = KernelTally(
            inputs: inputs, base: base, counts: counts, inputCount: Int64(inputCount), count: Int64(whole),
            epsilon: epsilon, format: Int32(format.rawValue))
        table.tally(&arguments)
        guard whole < count else { return }
        // The zeros behind the last elements are equal to the base's: no difference.
        withPaddedBlocks(inputs, inputCount, base: base, format, from: whole, count: count - whole) {
            inputs, base, _ in
            arguments.inputs = inputs
            arguments.base = base
            arguments.count = Int64(Self.blockLength)
            table.tally(&arguments)
        }
    }

    /// The products of one row of all inputs, or of their differences from `base`: 00, 01, … 0n, 11, … nn, each
    /// `stride` numbers after the last.
    ///
    /// - Parameter scratch: `gramScratchByteCount` bytes.
    public func gram(
        _ format: FloatFormat, inputs: UnsafePointer<UnsafeRawPointer>, inputCount: Int,
        base: UnsafeRawPointer?,
        count: Int, sums: UnsafeMutablePointer<Double>, stride: Int, scratch: UnsafeMutableRawPointer
    ) {
        var arguments = KernelGram(
            inputs: inputs, base: base, sums: sums, scratch: scratch, stride: Int64(stride),
            inputCount: Int64(inputCount), count: Int64(count), format: Int32(format.rawValue))
        table.gram(&arguments)
    }

    /// Adds the products of the elements of two inputs, or of their differences from `base`, to the elements' own sums:
    /// 00, 01, 11, each `stride` numbers after the last. Those of a whole last block of 32 elements are written to, and
    /// stay what they were.
    func columns(
        _ format: FloatFormat, inputs: UnsafePointer<UnsafeRawPointer>, base: UnsafeRawPointer?, count: Int,
        sums: UnsafeMutablePointer<Double>, stride: Int
    ) {
        let whole = count & ~(Self.blockLength - 1)
        var arguments = KernelColumns(
            inputs: inputs, base: base, sums: sums, stride: Int64(stride), count: Int64(whole),
            format: Int32(format.rawValue))
        table.columns(&arguments)
        guard whole < count else { return }
        withPaddedBlocks(inputs, 2, base: base, format, from: whole, count: count - whole) {
            inputs, copy, _ in
            arguments.inputs = inputs
            if base != nil { arguments.base = copy }
            arguments.sums = sums + whole
            arguments.count = Int64(Self.blockLength)
            table.columns(&arguments)
        }
    }

    /// Bytes of scratch that `gram` needs.
    public static func gramScratchByteCount(inputCount: Int) -> Int { (inputCount + 1) * 128 }

    /// Elements fewer than a block, in copies that zeros make a whole one.
    func withPaddedBlocks<Result>(
        _ inputs: UnsafePointer<UnsafeRawPointer>, _ inputCount: Int, base: UnsafeRawPointer?,
        _ format: FloatFormat,
        from start: Int, count: Int,
        _ body: (
            _ inputs: UnsafePointer<UnsafeRawPointer>, _ base: UnsafeRawPointer,
            _ destination: UnsafeMutableRawPointer
        ) -> Result
    ) -> Result {
        let blockSize = Self.blockLength * 4
        let (offset, byteCount) = (start * format.byteWidth, count * format.byteWidth)
        return withUnsafeTemporaryAllocation(of: UnsafeRawPointer.self, capacity: inputCount) { places in
            withUnsafeTemporaryAllocation(byteCount: blockSize * (inputCount + 2), alignment: 64) { copies in
                copies.initializeMemory(as: UInt8.self, repeating: 0)
                guard let destination = copies.baseAddress, let first = places.baseAddress else {
                    preconditionFailure("room for a block")
                }
                let baseCopy = destination + blockSize
                if let base { baseCopy.copyMemory(from: base + offset, byteCount: byteCount) }
                for index in 0..<inputCount {
                    let copy = baseCopy + blockSize * (index + 1)
                    copy.copyMemory(from: inputs[index] + offset, byteCount: byteCount)
                    (first + index).initialize(to: UnsafeRawPointer(copy))
                }
                return body(first, UnsafeRawPointer(baseCopy), destination)
            }
        }
    }
}
