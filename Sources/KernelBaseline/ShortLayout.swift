/// Where things lie in scratch, in bytes. The last block of a row is worked on in the tails.
struct ShortLayout {
    static let baseTail = 0
    static let modelTail = 128
    static let roundKeys = 256
    static let table = 2048
    let slots: Int
    let ranks: Int
    let words: Int
    /// Of float32 alone: keys of 31 bits, bounds of ranks, and room for sorting.
    let keys: Int
    let bounds: Int
    let order: Int
    let byteCount: Int

    @inline(always)
    init(_ count: Int, _ format: Int32) {
        // Room for whole blocks, and for a row that starts inside a block of random words.
        let padded = (count &+ 2 &* blockLength) & ~(blockLength &- 1)
        slots = Self.table &+ slotCount &* 4
        ranks = slots &+ padded &* 2
        words = ranks &+ padded &* 2
        keys = words &+ padded &* 4
        bounds = keys &+ padded &* 4
        order = bounds &+ padded &* 4
        byteCount = format == 2 ? order &+ padded &* 8 : keys
    }
}
