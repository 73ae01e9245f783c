import StreamIO

/// The rows of an input that go by token, read at once and in order: for what must be known of them before the merge's
/// own reading, and again after an interruption.
struct SourceRows {
    /// Bytes read at a time, where a row has no more.
    private static let pieceBytes = 1 << 20

    private let sources: RowSources
    private let tensor: OutputTensor
    private let files: InputFiles
    private let kernels: RowKernels
    /// Called before each read: throws where the merge is to stop.
    private let goOn: () throws(MergeFailure) -> Void
    /// What adapters add, by model.
    let factors: [Int: AdapterFactors]
    /// What the values of tensors of 8 bits are multiplied with, by model.
    let scales: [Int: DequantisationScales]

    /// Reads the adapters' matrices.
    init(
        _ sources: RowSources, of tensor: OutputTensor, files: InputFiles, kernels: RowKernels,
        goOn: @escaping () throws(MergeFailure) -> Void
    ) throws(MergeFailure) {
        self.sources = sources
        self.tensor = tensor
        self.files = files
        self.kernels = kernels
        self.goOn = goOn
        func read(_ input: InputTensor) throws(MergeFailure) -> [Float] {
            try goOn()
            let bytes = try files.read(
                input.file, at: input.offset, count: Int(input.byteCount), tensor: tensor.name)
            defer { files.forget(input) }
            return Self.values(bytes, input.type, kernels)
        }
        var factors: [Int: AdapterFactors] = [:]
        for (model, part) in sources.adapters {
            factors[model] = try AdapterFactors(part, rowLength: tensor.rowLength, read: read)
        }
        self.factors = factors
        var scales: [Int: DequantisationScales] = [:]
        for (model, part) in sources.scales {
            scales[model] = try DequantisationScales(part, of: sources.tensor(model).type, read: read)
        }
        self.scales = scales
    }

    private var unitLength: Int { tensor.rowLength / tensor.unitsPerRow }

    /// Goes through units of the output's rows: each in float32, `unitLength` values.
    func forEach(
        _ units: Range<Int>, padding: [Float], _ body: (UnsafeBufferPointer<Float>) -> Void
    ) throws(MergeFailure) {
        var unit = units.lowerBound
        while unit < units.upperBound {
            let run = sources.rows.run(at: unit, upTo: units.upperBound)
            switch run.source {
            case .rows(let model, let first): try stored(model, first..<first + run.count, body)
            case .zero:
                let zeros = Array(repeating: Float(0), count: unitLength)
                for _ in 0..<run.count { zeros.withUnsafeBufferPointer(body) }
            case .padding: for _ in 0..<run.count { padding.withUnsafeBufferPointer(body) }
            case .mean(let places):
                var sums = Array(repeating: Float(0), count: unitLength)
                for place in places {
                    try stored(place.model, place.row..<place.row + 1) { values in
                        for index in values.indices { sums[index] += values[index] }
                    }
                }
                for index in sums.indices { sums[index] /= Float(places.count) }
                sums.withUnsafeBufferPointer(body)
            }
            unit += run.count
        }
    }

    private func stored(
        _ model: Int, _ units: Range<Int>, _ body: (UnsafeBufferPointer<Float>) -> Void
    ) throws(MergeFailure) {
        let input = sources.tensor(model)
        let width = unitLength * (input.type.bitWidth / 8)
        let step = max(1, Self.pieceBytes / max(1, width))
        for start in stride(from: units.lowerBound, to: units.upperBound, by: step) {
            try goOn()
            let count = min(step, units.upperBound - start)
            let bytes = try files.read(
                input.file, at: input.offset + UInt64(start * width), count: count * width,
                tensor: tensor.name)
            var values =
                scales[model].map { dequantised(bytes, from: start, $0) }
                ?? Self.values(bytes, input.type, kernels)
            if let factors = factors[model] { adapt(&values, from: start, factors) }
            values.withUnsafeBufferPointer { values in
                for unit in 0..<count {
                    body(UnsafeBufferPointer(rebasing: values[unit * unitLength..<(unit + 1) * unitLength]))
                }
            }
        }
    }

    private func dequantised(_ bytes: [UInt8], from first: Int, _ scales: DequantisationScales) -> [Float] {
        var values = Array(repeating: Float(0), count: bytes.count)
        values.withUnsafeMutableBufferPointer { values in
            bytes.withUnsafeBytes { bytes in
                guard let source = bytes.baseAddress else { return }
                for unit in 0..<values.count / unitLength {
                    scales.decode(
                        row: first + unit, from: 0, source + unit * unitLength,
                        to: UnsafeMutableBufferPointer(
                            rebasing: values[unit * unitLength..<(unit + 1) * unitLength]))
                }
            }
        }
        return values
    }

    private func adapt(_ values: inout [Float], from first: Int, _ factors: AdapterFactors) {
        let length = unitLength
        values.withUnsafeMutableBufferPointer { values in
            factors.adapt(
                first..<first + values.count / length, rowsAtOnce: AdapterFactors.rowsAtOnce,
                kernels: kernels,
                load: { row, start, part in
                    let place = (row - first) * length + start
                    for index in part.indices { part[index] = values[place + index] }
                },
                store: { row, start, part in
                    let place = (row - first) * length + start
                    for index in part.indices { values[place + index] = part[index] }
                })
        }
    }

    private static func values(_ bytes: [UInt8], _ type: ElementType, _ kernels: RowKernels) -> [Float] {
        let count = bytes.count / (type.bitWidth / 8)
        return [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
            bytes.withUnsafeBytes { raw in
                guard let source = raw.baseAddress, let target = buffer.baseAddress else { return }
                kernels.decode(type, source, to: .float32, target, count: count)
            }
            initialized = count
        }
    }

    /// The mean of the rows before those that stand for a multiple: sums in `Double`, rows in order. Empty where there are
    /// none such.
    func padding() throws(MergeFailure) -> [Float] {
        guard let start = sources.paddingStart else { return [] }
        if start == 0 { return Array(repeating: 0, count: unitLength) }
        var sums = Array(repeating: 0.0, count: unitLength)
        try forEach(0..<start, padding: []) { values in
            for index in values.indices { sums[index] += Double(values[index]) }
        }
        return sums.map { Float($0 / Double(start)) }
    }
}
