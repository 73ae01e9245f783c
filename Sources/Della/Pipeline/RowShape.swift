import StreamIO

/// The sizes of one output tensor's rows, before any budget is known.
struct RowShape {
    let inputs: [InputTensor]
    let rowLength: Int
    let rowCount: Int
    let inputRowBytes: [Int]
    /// By input, whether its stored type is not the one computed in.
    let isConverted: [Bool]
    let workRowBytes: Int
    let outputRowBytes: Int
    /// The most bytes that a row takes in a buffer, as stored or as computed with.
    let widestRowBytes: Int
    /// Whether a rescale factor, and with it a sum over the whole tensor, is needed.
    let isRescaled: Bool

    init(_ tensor: OutputTensor) {
        switch tensor.source {
        case .copy(let input):
            inputs = [input]
            rowLength = 1
            rowCount = Int(input.byteCount)
            inputRowBytes = [1]
            isConverted = [false]
            workRowBytes = 1
            outputRowBytes = 1
            isRescaled = false
        case .merge(let merge):
            inputs = [merge.base] + merge.terms.map(\.input)
            let length = tensor.rowLength
            rowLength = length
            rowCount = tensor.rowCount
            inputRowBytes = inputs.map { length * ($0.type.bitWidth / 8) }
            isConverted = inputs.map { $0.type != merge.format.elementType }
            workRowBytes = length * merge.format.byteWidth
            outputRowBytes = length * (tensor.type.bitWidth / 8)
            isRescaled = merge.rescale && merge.terms.contains(where: \.isPruned)
        }
        widestRowBytes = max(workRowBytes, inputRowBytes.max() ?? 0)
    }
}

extension MergeTerm {
    /// Whether MAGPRUNE draws for the term: 0 < density < 1.
    var isPruned: Bool { density > 0 && density < 1 }

    /// Whether every element is dropped.
    var isDropped: Bool { density <= 0 }
}
