import StreamIO

/// What an input is made of that is more than one range of a file: rows of one or more tensors of the models, with what
/// adapters add to them.
public struct RowSources: Hashable, Sendable {
    /// A row for each of the output's.
    let rows: VocabularyRows
    /// The tensors that they are of, a range of a file each, by the models of `rows`.
    private(set) var tensors: [Int: InputTensor]
    /// What adapters add to these tensors, by model.
    private(set) var adapters: [Int: AdapterPart]
    /// What those of 8 bits are multiplied with, by model.
    private(set) var scales: [Int: ScalePart]
    /// The first row, where the others are those that follow it in its tensor; `nil` where they lie scattered.
    let start: VocabularyRows.Place?

    /// - Precondition: `tensors` has one for each model that `rows` names.
    init(
        _ rows: VocabularyRows, of tensors: [Int: InputTensor], adapters: [Int: AdapterPart] = [:],
        scales: [Int: ScalePart] = [:]
    ) {
        self.rows = rows
        self.tensors = tensors
        self.adapters = adapters
        self.scales = scales
        start = rows.stretchStart
    }

    /// Whether a model's rows are more than the stored ones.
    func alters(_ model: Int) -> Bool { adapters[model] != nil || scales[model] != nil }

    /// The tensor of one of the models.
    func tensor(_ model: Int) -> InputTensor {
        guard let tensor = tensors[model] else { preconditionFailure("rows of a model without a tensor") }
        return tensor
    }

    /// All ranges of files that are read.
    var ranges: [InputTensor] {
        Array(tensors.values) + scales.values.map(\.values)
            + adapters.values.flatMap { [$0.down, $0.up] + ($0.magnitude.map { [$0] } ?? []) }
    }

    /// Gives the input files other numbers: `numbers` by the number of before.
    mutating func renumberFiles(_ numbers: [Int]) {
        tensors = tensors.mapValues { tensor in
            var tensor = tensor
            tensor.file = numbers[tensor.file]
            return tensor
        }
        adapters = adapters.mapValues { part in
            var part = part
            part.renumberFiles(numbers)
            return part
        }
        scales = scales.mapValues { part in
            var part = part
            part.values.file = numbers[part.values.file]
            return part
        }
    }

    /// The first of the rows at the end that stand for the mean of all before them; `nil` where there are none.
    var paddingStart: Int? {
        let last = rows.rowCount - 1
        guard last >= 0, rows.run(at: last).source == .padding else { return nil }
        return rows.runs.last?.start
    }

    /// What adapters' matrices and scales take as they are used, in bytes.
    func adapterMemory(rowLength: Int) -> Int {
        scales.values.reduce(0) { $0 + 4 * Int($1.values.elementCount) }
            + adapters.reduce(0) { sum, entry in
                let rowCount = Int(tensor(entry.key).elementCount) / max(1, rowLength)
                return sum + entry.value.memory(rowCount: rowCount, rowLength: rowLength)
            }
    }
}

extension InputTensor {
    /// Elements of the range of the file.
    var elementCount: UInt64 { byteCount / UInt64(max(1, type.bitWidth / 8)) }
}
