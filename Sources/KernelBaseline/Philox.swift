import CKernel

// Philox4x32-10: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC'11.
// The multipliers and the key's increments are those of the authors' Random123.

let philoxMultiplier0: UInt64 = 0xD251_1F53
let philoxMultiplier1: UInt64 = 0xCD9E_8D57
let philoxIncrement0: UInt32 = 0x9E37_79B9
let philoxIncrement1: UInt32 = 0xBB67_AE85
let philoxRounds = 10

/// Lanes of 64 bits, one block each.
typealias Lanes = SIMD8<UInt64>

/// Eight consecutive blocks on their way through the rounds, a vector for each of their four words.
///
/// Of a lane only the low half counts. What a round leaves in the high halves is never cleared: the 32 × 32 → 64
/// multiplication does not look at them. So a round is six operations, of which three depend on each other.
struct PhiloxBlocks {
    var w0: Lanes
    var w1: Lanes
    var w2: Lanes
    var w3: Lanes

    @inline(always)
    init(_ firstBlock: UInt64, stream: UInt64) {
        w0 = Lanes(repeating: firstBlock) &+ Lanes(0, 1, 2, 3, 4, 5, 6, 7)
        w1 = w0 &>> Lanes(repeating: 32)
        w2 = Lanes(repeating: stream)
        w3 = Lanes(repeating: stream >> 32)
    }

    @inline(always)
    mutating func round(_ keys: UnsafePointer<Lanes>, _ number: Int) {
        let low = Lanes(repeating: 0xFFFF_FFFF)
        let half = Lanes(repeating: 32)
        let a = (w0 & low) &* Lanes(repeating: philoxMultiplier0)
        let b = (w2 & low) &* Lanes(repeating: philoxMultiplier1)
        w0 = (b &>> half) ^ (w1 ^ keys[2 &* number])
        w2 = (a &>> half) ^ (w3 ^ keys[2 &* number &+ 1])
        w1 = b
        w3 = a
    }

    /// The 32 words, even and odd ones: the arrangement of a pair of 16-bit elements.
    @inline(always)
    var pair: (Words, Words) {
        let low = Lanes(repeating: 0xFFFF_FFFF)
        let half = Lanes(repeating: 32)
        let even = (w0 & low) | (w2 &<< half)
        let odd = (w1 & low) | (w3 &<< half)
        return (unsafeBitCast(even, to: Words.self), unsafeBitCast(odd, to: Words.self))
    }
}

/// Bytes of the keys of all rounds.
let roundKeysByteCount = philoxRounds &* 128

/// Writes the two keys of each of the ten rounds, 64 bytes each, every lane the same.
@inline(always)
func writeRoundKeys(_ seed: UInt64, _ keys: UnsafeMutablePointer<Lanes>) {
    var low = UInt32(truncatingIfNeeded: seed)
    var high = UInt32(truncatingIfNeeded: seed >> 32)
    var round = 0
    while round < philoxRounds {
        keys[2 &* round] = Lanes(repeating: UInt64(low))
        keys[2 &* round &+ 1] = Lanes(repeating: UInt64(high))
        low = low &+ philoxIncrement0
        high = high &+ philoxIncrement1
        round &+= 1
    }
}

/// The words of eight blocks, in order.
@inline(always)
func writeBlocks(
    _ words: UnsafeMutableRawPointer, _ firstBlock: UInt64, _ stream: UInt64, _ keys: UnsafePointer<Lanes>,
    natural: Bool
) {
    var blocks = PhiloxBlocks(firstBlock, stream: stream)
    var round = 0
    while round < philoxRounds {
        blocks.round(keys, round)
        round &+= 1
    }
    storeBlocks(blocks, words, natural: natural)
}

/// Stores 32 words: in order, or the even ones and then the odd ones.
@inline(always)
func storeBlocks(_ blocks: PhiloxBlocks, _ words: UnsafeMutableRawPointer, natural: Bool) {
    let pair = natural ? interleaved(blocks.pair.0, blocks.pair.1) : blocks.pair
    storeWords(pair.0, words, 0)
    storeWords(pair.1, words, 64)
}

/// The four words of one block.
@inline(always)
func philoxBlock(_ block: UInt64, stream: UInt64, seed: UInt64) -> (UInt32, UInt32, UInt32, UInt32) {
    var c0 = UInt32(truncatingIfNeeded: block)
    var c1 = UInt32(truncatingIfNeeded: block >> 32)
    var c2 = UInt32(truncatingIfNeeded: stream)
    var c3 = UInt32(truncatingIfNeeded: stream >> 32)
    var k0 = UInt32(truncatingIfNeeded: seed)
    var k1 = UInt32(truncatingIfNeeded: seed >> 32)
    var round = 0
    while round < philoxRounds {
        let a = UInt64(c0) &* philoxMultiplier0
        let b = UInt64(c2) &* philoxMultiplier1
        let next0 = UInt32(truncatingIfNeeded: b >> 32) ^ c1 ^ k0
        let next2 = UInt32(truncatingIfNeeded: a >> 32) ^ c3 ^ k1
        c1 = UInt32(truncatingIfNeeded: b)
        c3 = UInt32(truncatingIfNeeded: a)
        c0 = next0
        c2 = next2
        k0 = k0 &+ philoxIncrement0
        k1 = k1 &+ philoxIncrement1
        round &+= 1
    }
    return (c0, c1, c2, c3)
}
