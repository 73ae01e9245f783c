import StreamIO

/// The files that a merge reads, opened when first needed and held to what the plan saw.
///
/// All stay open until the merge ends: at most one descriptor a model shard.
final class InputFiles {
    private final class Holder {
        let file: OpenFile
        init(_ file: consuming OpenFile) { self.file = file }
    }

    private let files: [InputFile]
    private let readable: ReadableFolders
    private let direct: Bool
    private var open: [Holder?]

    /// - Parameter direct: whether they are read past the page cache.
    init(_ files: [InputFile], readable: ReadableFolders, direct: Bool = true) {
        self.files = files
        self.readable = readable
        self.direct = direct
        open = Array(repeating: nil, count: files.count)
    }

    /// The file of that number in the plan.
    /// - Throws: `MergeFailure` where it cannot be opened or is not what it was.
    func reference(_ index: Int) throws(MergeFailure) -> OpenFile.Reference {
        do {
            return try holder(index).file.reference
        } catch {
            throw MergeFailure(error)
        }
    }

    /// Reads a stretch of a tensor, at once and whole.
    ///
    /// - Parameter tensor: its name, for messages.
    func read(
        _ index: Int, at offset: UInt64, count: Int, tensor: String
    ) throws(MergeFailure) -> [UInt8] {
        do {
            let bytes = try holder(index).file.read(upTo: count, at: offset)
            guard bytes.count == count else { throw truncated(index, tensor: tensor) }
            return bytes
        } catch {
            throw MergeFailure(error)
        }
    }

    /// Lets the kernel forget what was read of a tensor.
    func forget(_ tensor: InputTensor) {
        open[tensor.file]?.file.dropCache(from: tensor.offset, count: tensor.byteCount)
    }

    private func holder(_ index: Int) throws -> Holder {
        if let holder = open[index] { return holder }
        let holder = Holder(try readable.open(files[index].path, direct: direct))
        try check(holder.file.status(), index)
        open[index] = holder
        return holder
    }

    /// Looks at every file that was read once more: one that was replaced or written to meanwhile has made a
    /// mixture.
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

    private func check(_ status: FileStatus, _ index: Int) throws(MergeFailure) {
        let planned = files[index]
        guard
            status.size == planned.size, status.inode == planned.inode,
            status.modified == planned.modified, status.changed == planned.changed
        else {
            throw MergeFailure(
                .inputChanged,
                "\(planned.path): changed while the merge was running (leave model files alone and retry)")
        }
    }

    /// What a read that ended early says.
    func truncated(_ index: Int, tensor: String) -> MergeFailure {
        MergeFailure(
            .inputChanged,
            "\(files[index].path): ends within tensor \(tensor) (the file was cut short: restore it and retry)"
        )
    }
}
