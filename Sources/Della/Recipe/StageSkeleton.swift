import StreamIO
import SystemPackage

/// What a stage will make, as far as planning the next one looks at it: files of the planned sizes with the planned
/// headers, and the files beside them. Weights are holes; integer tensors, which plans compare, are there.
struct StageSkeleton {
    let plan: MergePlan
    /// Says what may be read.
    let library: ModelLibrary

    /// Files beside the weights that no plan looks at.
    private static let unread: Set<String> = [ModelCard.fileName, RecordedMerge.configName]
    /// Bytes of an integer tensor that are copied at a time.
    private static let pieceBytes = 1 << 20

    /// Writes it into a new folder.
    ///
    /// - Throws: `IOError`, or `MergeFailure` where a file is none that may be copied any more.
    func write(to folder: FilePath, isStopped: () -> Bool) throws {
        try FileSystem.createFolder(folder, permissions: 0o700)
        for shard in plan.shards where !isStopped() {
            let file = try OpenFile.creating(folder.appending(shard.fileName), direct: false)
            try file.append(shard.header)
            try file.truncate(to: shard.byteCount)
            for tensor in shard.tensors where !isStopped() { try write(tensor, to: file, isStopped) }
        }
        let output = OutputFolder(plan: plan, folder: folder, takesSHA256: false, library: library)
        for companion in plan.companions where !Self.unread.contains(companion.name) && !isStopped() {
            try output.write(companion, showsReport: false)
        }
    }

    private func write(
        _ tensor: OutputTensor, to file: borrowing OpenFile, _ isStopped: () -> Bool
    ) throws(IOError) {
        switch tensor.source {
        case .copy(let input):
            let source = try library.readable.open(plan.inputs[input.file].path)
            var done: UInt64 = 0
            while done < input.byteCount, !isStopped() {
                let bytes = try source.read(
                    upTo: Int(min(UInt64(Self.pieceBytes), input.byteCount - done)), at: input.offset + done)
                guard !bytes.isEmpty else { throw IOError("read (it ends early)", source.path, .ioError) }
                try file.write(bytes, at: tensor.offset + done)
                done += UInt64(bytes.count)
            }
        case .merge:
            // A head is another matrix than the embedding, as a rule, where config.json does not say.
            if OpenModel.isHead(tensor.name), tensor.byteCount > 0 {
                try file.write([1], at: tensor.offset)
            }
        }
    }
}
