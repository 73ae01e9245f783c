import StreamIO

/// What an adapter adds to one tensor of its base: `s·(B·A)`, two small matrices in the adapter's file.
///
/// Source: peft's `LoraLayer`; the scale is `lora_alpha / r`, with `use_rslora` `lora_alpha / √r`.
public struct AdapterPart: Hashable, Sendable {
    /// `A`: `rank` rows, one column for each of the layer's inputs, of a convolution for each place of its kernel too.
    var down: InputTensor
    /// `B`: one row for each of the layer's outputs, `rank` columns.
    var up: InputTensor
    var rank: Int
    var scale: Float
    /// Whether the tensor has the product's transposed: of embeddings, and layers that keep inputs first.
    var isTransposed: Bool
    /// DoRA's length of each row; `nil` where rows are as long as they come.
    var magnitude: InputTensor?

    /// Gives the files other numbers: `numbers` by the number of before.
    mutating func renumberFiles(_ numbers: [Int]) {
        down.file = numbers[down.file]
        up.file = numbers[up.file]
        magnitude = magnitude.map {
            var magnitude = $0
            magnitude.file = numbers[magnitude.file]
            return magnitude
        }
    }

    /// The tensor's rows that one row of `B` is for: more than one of a convolution, whose inputs and kernel are its other
    /// dimensions.
    ///
    /// - Parameter rowLength: elements of the tensor's last dimension.
    func rowsPerOutput(rowLength: Int) -> Int {
        isTransposed ? 1 : max(1, Int(down.elementCount) / max(1, rank * rowLength))
    }

    /// What its matrices take as they are used, in bytes.
    func memory(rowCount: Int, rowLength: Int) -> Int {
        let rowsPerOutput = rowsPerOutput(rowLength: rowLength)
        let outputCount = rowCount / rowsPerOutput
        return 4
            * (rank * (outputCount + rowsPerOutput * rowLength.roundedUp(to: RowKernels.adaptColumns))
                + (magnitude == nil ? 0 : outputCount))
    }
}
