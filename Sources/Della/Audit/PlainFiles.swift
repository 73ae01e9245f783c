/// The models' files as the plain reference reads them: buffered, a stretch at a time, held to what the plan saw.
struct PlainFiles {
    let files: InputFiles
    let watch: AuditWatch

    /// Reads a stretch of a file.
    /// - Parameter tensor: whose bytes they are, for messages.
    func read(
        _ file: Int, at offset: UInt64, count: Int, tensor: String
    ) throws(MergeFailure) -> [UInt8] {
        try watch.goOn()
        return try files.read(file, at: offset, count: count, tensor: tensor)
    }

    /// Reads elements of a tensor that is one range of a file, in float32.
    func values(
        _ input: InputTensor, from element: UInt64, _ count: Int, of tensor: OutputTensor
    ) throws(MergeFailure) -> [Float] {
        let width = input.type.bitWidth / 8
        let bytes = try read(
            input.file, at: input.offset + element * UInt64(width), count: count * width, tensor: tensor.name)
        return PlainFormat.values(bytes, input.type)
    }

    /// Lets the kernel forget what was read of a tensor: its memory is not the merge's.
    func forget(_ tensor: InputTensor) {
        for range in tensor.ranges { files.forget(range) }
    }

    /// Looks at every file that was read once more.
    /// - Throws: `MergeFailure`, `inputChanged`, where one was replaced or written to since it was planned.
    func checkUnchanged() throws(MergeFailure) { try files.checkUnchanged() }
}
