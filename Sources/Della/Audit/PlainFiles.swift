import StreamIO

/// The models' files as the plain reference reads them: buffered, a stretch at a time, held to what the plan saw.
///
/// All stay open until the audit ends: at most one descriptor a model shard.
final class PlainFiles {
    private final class Holder {
        let file: OpenFile
        init(_ file: consuming OpenFile) { self.file = file }
    }

    private let files: [InputFile]
    private let watch: AuditWatch
    private var open: [Holder?]

    init(_ files: [InputFile], watch: AuditWatch) {
        self.files = files
        self.watch = watch
        open = Array(repeating: nil, count: files.count)
    }

    /// Reads a stretch of a file.
    /// - Parameter tensor: whose bytes they are, for messages.
    func read(
        _ file: Int, at offset: UInt64, count: Int, tensor: String
    ) throws(MergeFailure) -> [UInt8] {
        try watch.goOn()
        do {
            let bytes = try holder(file).file.read(upTo: count, at: offset)
            guard bytes.count == count else { throw changed(file, "ends within tensor \(tensor)") }
            return bytes
        } catch {
            throw MergeFailure(error)
        }
    }

    /// Lets the kernel forget what was read of a tensor: its memory is not the merge's.
    func forget(_ tensor: InputTensor) {
        open[tensor.file]?.file.dropCache(from: tensor.offset, count: tensor.byteCount)
    }

    /// Looks at every file that was read once more.
    /// - Throws: `MergeFailure`, `inputChanged`, where one was replaced or written to since it was planned.
    func checkUnchanged() throws(MergeFailure) {
        for index in files.indices {
            guard let holder = open[index] else { continue }
            do {
                try check(holder.file.status(), index)
            } catch {
                throw MergeFailure(error)
            }
        }
    }

    private func holder(_ index: Int) throws -> Holder {
        if let holder = open[index] { return holder }
        let holder = Holder(try OpenFile.forReading(files[index].path, direct: false))
        try check(holder.file.status(), index)
        open[index] = holder
        return holder
    }

    private func check(_ status: FileStatus, _ index: Int) throws(MergeFailure) {
        let planned = files[index]
        guard
            status.size == planned.size, status.inode == planned.inode,
            status.modified == planned.modified
        else { throw changed(index, "changed before its merge was audited") }
    }

    private func changed(_ index: Int, _ what: String) -> MergeFailure {
        MergeFailure(
            .inputChanged, "\(files[index].path): \(what) (leave model files alone, restore it and retry)")
    }
}
