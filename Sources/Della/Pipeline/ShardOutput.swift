import StreamIO

/// One output file while it is being written: its blocks in memory, how far it is on disk, and the checksums
/// of what is there. Confined to the merge's thread.
final class ShardOutput {
    /// Bytes over which one checksum is kept.
    static let chunkBytes: UInt64 = 64 << 20

    /// A stretch of the file being filled or written.
    struct Block {
        /// Index into the pool of blocks.
        let buffer: Int
        /// Wanted bytes of the file, from the block's start or the resumed offset to its end or the file's.
        let range: Range<UInt64>
        var filled: UInt64 = 0
    }

    let index: Int
    let shard: OutputShard
    let file: OpenFile
    let blockBytes: UInt64
    /// Blocks by their number in the file.
    private(set) var blocks: [Int: Block] = [:]
    private var nextBlock: Int
    /// Blocks that are written but have earlier ones before them that are not.
    private var writtenAhead: [Int: UInt32] = [:]
    /// Everything before is written (not: synced).
    private(set) var writtenThrough: UInt64
    private(set) var checksums: ChunkChecksums
    /// Where the file was resumed; 0 otherwise.
    let resumedAt: UInt64

    init(
        _ shard: OutputShard, index: Int, file: consuming OpenFile, blockBytes: Int, resumedAt: UInt64 = 0,
        checksums: ChunkChecksums = ChunkChecksums()
    ) {
        self.shard = shard
        self.index = index
        self.file = file
        self.blockBytes = UInt64(blockBytes)
        self.resumedAt = resumedAt
        self.checksums = checksums
        writtenThrough = resumedAt
        nextBlock = Int(resumedAt / UInt64(blockBytes))
    }

    var isWritten: Bool { writtenThrough == shard.byteCount }

    /// The window for a stretch of output, its blocks taken from the pool; `nil`, taking none, where the pool
    /// has too few. Stretches come in the order of the file.
    func window(for range: Range<UInt64>, from pool: inout BufferPool) -> OutputWindow? {
        let wanted = max(range.lowerBound, resumedAt)..<max(range.upperBound, resumedAt)
        guard !wanted.isEmpty else {
            return OutputWindow(
                start: range.lowerBound, blockBytes: Int(blockBytes), blocks: [], validFrom: range.upperBound)
        }
        let first = Int(wanted.lowerBound / blockBytes)
        let last = Int((wanted.upperBound - 1) / blockBytes)
        let fresh = max(0, last - nextBlock + 1)
        guard fresh <= pool.available else { return nil }
        for number in nextBlock..<nextBlock + fresh {
            guard let buffer = pool.take() else { preconditionFailure("the pool miscounted") }
            let start = max(UInt64(number) * blockBytes, resumedAt)
            let end = min(UInt64(number + 1) * blockBytes, shard.byteCount)
            blocks[number] = Block(buffer: buffer, range: start..<end)
        }
        nextBlock += fresh
        return OutputWindow(
            start: UInt64(first) * blockBytes, blockBytes: Int(blockBytes),
            blocks: (first...last).map { number in
                guard let block = blocks[number] else { preconditionFailure("output out of order") }
                return pool[block.buffer]
            }, validFrom: resumedAt)
    }

    /// Notes that a stretch is filled and returns the numbers of the blocks that are complete with it.
    func fill(_ range: Range<UInt64>) -> [Int] {
        let wanted = range.clamped(to: resumedAt..<shard.byteCount)
        guard !wanted.isEmpty else { return [] }
        var complete: [Int] = []
        for number in Int(wanted.lowerBound / blockBytes)...Int((wanted.upperBound - 1) / blockBytes) {
            guard var block = blocks[number] else { preconditionFailure("filled a block that is gone") }
            block.filled += UInt64(wanted.clamped(to: block.range).count)
            blocks[number] = block
            if block.filled == UInt64(block.range.count) { complete.append(number) }
        }
        return complete
    }

    /// Notes that a block is on its disk and returns its buffer, which is free again.
    func written(_ number: Int, checksum: UInt32) -> Int {
        guard let block = blocks[number] else { preconditionFailure("wrote a block that is gone") }
        writtenAhead[number] = checksum
        while let next = blocks[Int(writtenThrough / blockBytes)],
            let sum = writtenAhead.removeValue(forKey: Int(writtenThrough / blockBytes))
        {
            blocks[Int(writtenThrough / blockBytes)] = nil
            checksums.append(sum, byteCount: UInt64(next.range.count))
            writtenThrough = next.range.upperBound
            if isWritten { break }
        }
        return block.buffer
    }
}
