/// One file of the merged checkpoint, its name, header and length known before anything is read.
public struct OutputShard: Hashable, Sendable {
    /// In the output folder.
    public var fileName: String
    /// The safetensors header: the length, the JSON and its padding. Tensor data starts where it ends, on a
    /// multiple of 4096 bytes.
    public var header: [UInt8]
    /// In the order of their data, without holes.
    public var tensors: [OutputTensor]
    /// The file's length in bytes.
    public var byteCount: UInt64

    /// A file of these parts.
    public init(fileName: String, header: [UInt8], tensors: [OutputTensor], byteCount: UInt64) {
        self.fileName = fileName
        self.header = header
        self.tensors = tensors
        self.byteCount = byteCount
    }
}
