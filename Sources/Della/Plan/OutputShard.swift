import StreamIO

/// One file of the merged checkpoint, its name, header and length known before anything is read.
public struct OutputShard: Hashable, Sendable {
    /// In the output folder.
    public var fileName: String
    /// The length of the safetensors header in bytes, a multiple of 4096: tensor data starts there.
    public var headerByteCount: Int
    /// In the order of their data, without holes.
    public var tensors: OutputTensorList
    /// The file's length in bytes.
    public var byteCount: UInt64

    /// A file of these parts.
    init(fileName: String, headerByteCount: Int, tensors: OutputTensorList, byteCount: UInt64) {
        self.fileName = fileName
        self.headerByteCount = headerByteCount
        self.tensors = tensors
        self.byteCount = byteCount
    }

    /// A file of these tensors, whose header is that of their layout.
    init(fileName: String, header: [UInt8], tensors: [OutputTensor], byteCount: UInt64) {
        self.init(
            fileName: fileName, headerByteCount: header.count, tensors: OutputTensorList(tensors),
            byteCount: byteCount)
    }

    /// The safetensors header: the length, the JSON and its padding. Made anew each time. O(tensors).
    public var header: [UInt8] {
        var encoder = SafetensorsHeaderEncoder(keeping: headerByteCount)
        let flat = tensors.storage.tensors
        for index in tensors.range {
            encoder.append(
                name: flat.name(index), type: flat.type(index), shape: flat.shape(index),
                byteCount: flat.byteCount(index))
        }
        return encoder.encoded()
    }
}
