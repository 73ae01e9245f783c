import StreamIO
import SystemPackage

extension MergePipeline {
    /// Opens the shard that a resumed merge goes on with, in the middle.
    func openFirstOutput() throws(MergeFailure) {
        let resume = durability.resume
        progress.update { figures in
            figures.tensorsTotal = plan.shards.reduce(0) { $0 + $1.tensors.count }
            figures.tensorsDone = schedule.tensorsDone
            figures.bytesTotal = schedule.bytesTotal
            figures.bytesResumed = schedule.bytesDone
        }
        guard resume.shard < plan.shards.count, resume.offset > 0 else { return }
        try open(resume.shard, resumedAt: resume.offset, checksums: resume.checksums)
    }

    /// The output of a shard, opened when its first byte is due.
    func output(of shard: Int) throws(MergeFailure) -> ShardOutput {
        if let output = outputs.last, output.index == shard { return output }
        return try open(shard, resumedAt: 0, checksums: ChunkChecksums())
    }

    @discardableResult
    private func open(
        _ shard: Int, resumedAt: UInt64, checksums: ChunkChecksums
    ) throws(MergeFailure) -> ShardOutput {
        do {
            let path = environment.folder.appending(plan.shards[shard].fileName)
            let output = ShardOutput(
                plan.shards[shard], index: shard, file: try OpenFile.forUpdating(path, direct: true),
                blockBytes: layout.blockBytes, resumedAt: resumedAt, checksums: checksums,
                takesSHA256: environment.takesSHA256)
            outputs.append(output)
            return output
        } catch {
            throw .io(error)
        }
    }

    /// Starts the writes of full blocks.
    func startWrites() throws(MergeFailure) {
        while let block = unsubmittedWrites.first, engine.pending < engine.queueDepth - 1 {
            unsubmittedWrites.removeFirst()
            guard let output = outputs.first(where: { $0.index == block.shard }),
                let range = output.blocks[block.number]?.range
            else {
                preconditionFailure("a shard was closed before it was written")
            }
            var length = block.bytes.count
            if output.file.reference.isDirect, length % MergeLayout.pageSize != 0 {
                // The end of the file: a whole page is written, and cut off again when the shard is closed.
                let padded = length.roundedUp(to: MergeLayout.pageSize)
                (block.bytes.baseAddress.unsafelyUnwrapped + length)
                    .initializeMemory(as: UInt8.self, repeating: 0, count: padded - length)
                length = padded
            }
            engine.submit(
                IORequest(
                    .write, file: output.file.reference, offset: range.lowerBound,
                    buffer: UnsafeMutableRawBufferPointer(start: block.bytes.baseAddress, count: length),
                    token: token(for: .write(block))))
        }
    }

    func book(_ block: BlockWork, _ completion: IOCompletion) throws(MergeFailure) {
        let path = environment.folder.appending(plan.shards[block.shard].fileName)
        if completion.errorNumber != 0 {
            throw .io(IOError("write", path, Errno(rawValue: completion.errorNumber)))
        }
        guard completion.bytes >= block.bytes.count else { throw .io(IOError("write", path, .noSpace)) }
        noteWritten(block)
        progress.update { $0.bytesWritten += UInt64(block.bytes.count) }
    }

    /// Frees a block that is on its disk, unless it is still to be hashed.
    func noteWritten(_ block: BlockWork) {
        guard let output = outputs.first(where: { $0.index == block.shard }) else { return }
        if let buffer = output.written(block.number, checksum: block.checksum) { blocks.release(buffer) }
    }

    /// Starts a sync where enough has been written since the last, or a shard is whole.
    func startSync() throws(MergeFailure) {
        guard !durability.isSyncing, let output = outputs.first, engine.pending < engine.queueDepth else {
            return
        }
        guard output.isWritten || durability.isDue(output.writtenThrough) else { return }
        do {
            if output.isWritten { try output.file.truncate(to: output.shard.byteCount) }
        } catch {
            throw .io(error)
        }
        let target = durability.begin(output)
        engine.submit(
            IORequest(
                .sync, file: output.file.reference, offset: 0,
                buffer: UnsafeMutableRawBufferPointer(start: nil, count: 0),
                token: token(for: .sync(target))))
    }

    func book(_ target: SyncTarget, _ completion: IOCompletion) throws(MergeFailure) {
        let path = environment.folder.appending(plan.shards[target.shard].fileName)
        if completion.errorNumber != 0 {
            throw .io(IOError("sync", path, Errno(rawValue: completion.errorNumber)))
        }
        try journal(target)
        guard target.isWhole else { return }
        outputs.removeFirst()
        finished.append(target.checksums)
    }

    private func journal(_ target: SyncTarget) throws(MergeFailure) {
        do {
            let figures = durability.takeStatistics(target)
            let kept = try environment.statistics?(figures)
            try environment.journal(durability.end(target, statistics: kept))
        } catch {
            throw .io(error)
        }
    }

    /// After a stop: makes durable what is written, so that nothing of it is done twice.
    func makeDurableBeforeStopping() throws(MergeFailure) {
        guard let output = outputs.first, output.writtenThrough > durability.syncedThrough else { return }
        do {
            if output.isWritten { try output.file.truncate(to: output.shard.byteCount) }
            let target = durability.begin(output)
            try output.file.sync()
            try journal(target)
        } catch {
            throw MergeFailure(error)
        }
    }
}
