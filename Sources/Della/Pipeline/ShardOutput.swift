import StreamIO

/// One output file while it is being written: its blocks in memory, how far it is on disk, and the checksums
/// of what is there. Confined to the merge's thread.
final class ShardOutput {
    /// Bytes over which one checksum is kept.
    static let chunkBytes = ChunkChecksums.chunkBytes

    /// A stretch of the file being filled or written.
    struct Block {
        /// Index into the pool of blocks.
        let buffer: Int
        /// Wanted bytes of the file, from the block's start or the resumed offset to its end or the file's.
        let range: Range<UInt64>
        var filled: UInt64 = 0
        /// Of its bytes, once they are written.
        var checksum: UInt32?
        /// Of the file up to its end, once that is taken.
        var hash: SHA256?

        var isFull: Bool { filled == UInt64(range.count) }
    }

    let index: Int
    let shard: OutputShard
    let file: OpenFile
    let blockBytes: UInt64
    /// Blocks by their number in the file.
    private(set) var blocks: [Int: Block] = [:]
    private var nextBlock: Int
    /// Everything before is written (not: synced), and hashed where that is wanted.
    private(set) var writtenThrough: UInt64
    private(set) var checksums: ChunkChecksums
    /// Where the file was resumed; 0 otherwise.
    let resumedAt: UInt64
    /// The SHA-256 of the blocks before `nextToHash`; `nil` where none is taken.
    private var hash: SHA256?
    private var nextToHash: Int
    private var isHashing = false

    /// - Parameter takesSHA256: whether to hash the file; if it is resumed, `checksums` must have the state.
    init(
        _ shard: OutputShard, index: Int, file: consuming OpenFile, blockBytes: Int, resumedAt: UInt64,
        checksums: ChunkChecksums, takesSHA256: Bool
    ) {
        precondition(
            !takesSHA256 || resumedAt == 0 || checksums.sha256 != nil, "a hash cannot begin in the middle")
        self.shard = shard
        self.index = index
        self.file = file
        self.blockBytes = UInt64(blockBytes)
        self.resumedAt = resumedAt
        self.checksums = checksums
        writtenThrough = resumedAt
        nextBlock = Int(resumedAt / UInt64(blockBytes))
        nextToHash = nextBlock
        guard takesSHA256 else { return }
        hash = checksums.sha256.map { SHA256(resuming: $0, byteCount: resumedAt) } ?? SHA256()
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
            if block.isFull { complete.append(number) }
        }
        return complete
    }

    /// The next block to hash and the hash up to its start, where it is full and no hashing is under way. Blocks
    /// are hashed one after another, in the order of the file, whoever does it.
    func startHashing() -> (number: Int, hash: SHA256)? {
        guard !isHashing, let hash, let block = blocks[nextToHash], block.isFull else { return nil }
        isHashing = true
        return (nextToHash, hash)
    }

    /// Notes the hash up to the end of the block that `startHashing` gave. Returns the block's buffer if it is free
    /// with that.
    func hashed(_ number: Int, _ hash: SHA256) -> Int? {
        precondition(number == nextToHash && isHashing, "hashed out of order")
        self.hash = hash
        isHashing = false
        nextToHash += 1
        blocks[number]?.hash = hash
        return settle(number)
    }

    /// Notes that a block is on its disk. Returns its buffer if it is free with that.
    func written(_ number: Int, checksum: UInt32) -> Int? {
        blocks[number]?.checksum = checksum
        return settle(number)
    }

    /// A block is done with once it is written, and hashed where that is wanted: whichever comes last.
    private func settle(_ number: Int) -> Int? {
        guard let block = blocks[number] else { preconditionFailure("settled a block that is gone") }
        guard isSettled(block) else { return nil }
        while !isWritten, let next = blocks[Int(writtenThrough / blockBytes)], let sum = next.checksum,
            isSettled(next)
        {
            blocks[Int(writtenThrough / blockBytes)] = nil
            checksums.append(sum, byteCount: UInt64(next.range.count))
            writtenThrough = next.range.upperBound
            checksums.sha256 = isWritten ? next.hash?.digest : next.hash?.state
        }
        return block.buffer
    }

    private func isSettled(_ block: Block) -> Bool {
        block.checksum != nil && (hash == nil || block.hash != nil)
    }
}
