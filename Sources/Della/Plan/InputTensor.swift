import StreamIO

/// What a model has of an output tensor: bytes in one of the merge's input files, or rows picked out of such tensors. The
/// shape is the output tensor's.
public struct InputTensor: Hashable, Sendable {
    /// Index into `MergePlan.inputs`.
    public var file: Int
    /// The type it is stored in.
    public var type: ElementType
    /// First byte of the tensor in the file; any byte, odd ones too.
    public var offset: UInt64
    /// Length in bytes.
    public var byteCount: UInt64
    /// Whose it is: index into `MergePlan.modelNames`.
    public var model: Int
    /// Where its rows come from where they go by token; the file and the range are then the model's own tensor's, if it has
    /// one. `nil` for one range of a file.
    public var rows: RowSources?

    /// A range of a file, or rows.
    public init(
        file: Int, type: ElementType, offset: UInt64, byteCount: UInt64, model: Int = 0,
        rows: RowSources? = nil
    ) {
        self.file = file
        self.type = type
        self.offset = offset
        self.byteCount = byteCount
        self.model = model
        self.rows = rows
    }

    /// Gives the input files other numbers: `numbers` by the number of before.
    mutating func renumberFiles(_ numbers: [Int]) {
        file = numbers[file]
        rows?.renumberFiles(numbers)
    }

    /// The ranges of files that are read for it.
    var ranges: [InputTensor] { rows.map { $0.ranges } ?? [self] }
}
