import StreamIO

/// How the rows of one input of a tensor come into memory: read as one range of a file after the other, taken from where
/// another input has them anyway, or gathered from where they lie scattered.
struct InputRows {
    /// What is read, from its first row on.
    let range: InputTensor
    /// Among the models of the plan, whose tensor it is a part of, and from which unit of that tensor on.
    let model: Int
    let first: Int
    /// The input whose bytes in memory are these rows, as stored; `nil` where they are read for this one.
    let lender: Int?
    /// Whether they are no such range: rows that go by token.
    let isScattered: Bool
    /// Whether they are brought into the format computed in by more than a conversion, as all scattered ones are.
    let isAssembled: Bool

    /// Whether another input's slot may have stored bytes of them.
    var mayBorrow: Bool { lender != nil || isScattered }

    /// How a tensor's inputs come into memory.
    static func of(_ inputs: [InputTensor], _ tensor: OutputTensor) -> [Self] {
        let found = inputs.map { Self($0, tensor, lender: nil) }
        return found.indices.map { index in
            let own = found[index]
            guard own.isAssembled, !own.isScattered else { return own }
            // Who reads these bytes: an input that takes them as they are, else the first one.
            let others = found.indices.filter { !found[$0].isScattered && found[$0].isSameRange(as: own) }
            guard let lender = others.first(where: { !found[$0].isAssembled }) ?? others.first,
                lender != index
            else { return own }
            return Self(inputs[index], tensor, lender: lender)
        }
    }

    private init(_ input: InputTensor, _ tensor: OutputTensor, lender: Int?) {
        self.lender = lender
        guard let sources = input.rows else {
            (range, model, first) = (input, input.model, 0)
            (isScattered, isAssembled) = (false, false)
            return
        }
        guard let start = sources.start else {
            (range, model, first) = (input, input.model, 0)
            (isScattered, isAssembled) = (true, true)
            return
        }
        var range = sources.tensor(start.model)
        let unitBytes = tensor.rowLength / tensor.unitsPerRow * (range.type.bitWidth / 8)
        range.offset += UInt64(start.row * unitBytes)
        range.byteCount = UInt64(sources.rows.rowCount * unitBytes)
        (self.range, model, first) = (range, start.model, start.row)
        isScattered = false
        isAssembled = sources.alters(start.model)
    }

    private func isSameRange(as other: Self) -> Bool {
        range.file == other.range.file && range.offset == other.range.offset && range.type == other.range.type
    }
}
