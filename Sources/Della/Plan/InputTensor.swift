import StreamIO

/// A tensor's bytes in one of the merge's input files. The shape is the output tensor's.
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

    /// A range of a file.
    public init(file: Int, type: ElementType, offset: UInt64, byteCount: UInt64, model: Int = 0) {
        self.file = file
        self.type = type
        self.offset = offset
        self.byteCount = byteCount
        self.model = model
    }
}
