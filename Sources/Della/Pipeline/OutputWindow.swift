/// The blocks that a chunk's output falls into.
struct OutputWindow: @unchecked Sendable {
    /// Offset in the shard of the first block, in bytes.
    let start: UInt64
    let blockBytes: Int
    let blocks: [UnsafeMutableRawPointer]
    /// Output before this offset is already on disk and is left out.
    let validFrom: UInt64

    /// Where `count` bytes at an offset of the shard go, if that is one stretch of memory and wanted whole.
    @inline(__always)
    func destination(at offset: UInt64, count: Int) -> UnsafeMutableRawPointer? {
        guard offset >= validFrom else { return nil }
        let relative = Int(offset - start)
        let within = relative & (blockBytes - 1)
        guard within + count <= blockBytes else { return nil }
        return blocks[relative / blockBytes] + within
    }

    /// Copies bytes to their place, whatever blocks they straddle.
    func copy(_ bytes: UnsafeRawPointer, count: Int, at offset: UInt64) {
        var done = offset < validFrom ? min(count, Int(validFrom - offset)) : 0
        while done < count {
            let relative = Int(offset) - Int(start) + done
            let within = relative & (blockBytes - 1)
            let piece = min(count - done, blockBytes - within)
            (blocks[relative / blockBytes] + within).copyMemory(from: bytes + done, byteCount: piece)
            done += piece
        }
    }
}
