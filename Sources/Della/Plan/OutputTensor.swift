import StreamIO

/// One tensor of the merged checkpoint: where it goes and how it is made.
public struct OutputTensor: Hashable, Sendable {
    /// How the bytes come about.
    public enum Source: Hashable, Sendable {
        /// The base's bytes as they are: integer tensors.
        case copy(InputTensor)
        /// Computed.
        case merge(TensorMerge)
    }

    /// The output's name; also names the stream of random numbers.
    public var name: String
    /// The type that is written.
    public var type: ElementType
    /// Empty for a scalar.
    public var shape: [Int]
    /// First byte in the shard's file.
    public var offset: UInt64
    /// Length in bytes.
    public var byteCount: UInt64
    /// Where the bytes come from.
    public var source: Source

    /// A tensor of these parts.
    public init(
        name: String, type: ElementType, shape: [Int], offset: UInt64, byteCount: UInt64, source: Source
    ) {
        self.name = name
        self.type = type
        self.shape = shape
        self.offset = offset
        self.byteCount = byteCount
        self.source = source
    }

    /// Elements in the tensor; 1 for a scalar.
    public var elementCount: Int { shape.reduce(1, *) }

    /// Elements in a row: the last dimension; a vector is one row, a scalar a row of one. 0 where the tensor is
    /// empty, whose last dimension may be any number.
    public var rowLength: Int { shape.contains(0) ? 0 : shape.last ?? 1 }

    /// Rows in the tensor; 0 where it is empty.
    public var rowCount: Int { rowLength == 0 ? 0 : elementCount / rowLength }
}
