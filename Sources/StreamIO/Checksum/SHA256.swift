import CChecksum

/// SHA-256 (FIPS 180-4), whose state can be taken out between blocks and gone on from by another process.
///
/// Computed by the processor's instructions where this machine has them, else in plain C; the values are equal.
public struct SHA256: Hashable, Sendable {
    /// Bytes of a block: where the number of bytes so far is a multiple of it, there is a `state`.
    public static let blockBytes = 64
    private static let hasInstructions = dellad_sha256_has_instructions() != 0
    private static let initialWords = SIMD8<UInt32>(
        0x6A09_E667, 0xBB67_AE85, 0x3C6E_F372, 0xA54F_F53A, 0x510E_527F, 0x9B05_688C, 0x1F83_D9AB, 0x5BE0_CD19
    )

    private var words = Self.initialWords
    /// Bytes of the block under way, fewer than `blockBytes`.
    private var tail: [UInt8] = []
    /// Bytes so far.
    public private(set) var byteCount: UInt64 = 0

    /// The hash of no bytes.
    public init() {}

    /// Goes on from the `state` after `byteCount` bytes.
    ///
    /// - Precondition: `byteCount` is a multiple of `blockBytes`.
    public init(resuming state: SHA256Words, byteCount: UInt64) {
        precondition(byteCount % UInt64(Self.blockBytes) == 0, "a state lies between blocks")
        words = state.words
        self.byteCount = byteCount
    }

    /// What to go on from; `nil` within a block.
    public var state: SHA256Words? { tail.isEmpty ? SHA256Words(words) : nil }

    /// The digest of the bytes so far.
    public var digest: SHA256Words {
        var last = self
        var padding: [UInt8] = [0x80]
        while (tail.count + padding.count) % Self.blockBytes != 56 { padding.append(0) }
        withUnsafeBytes(of: (byteCount * 8).bigEndian) { padding += $0 }
        padding.withUnsafeBytes { last.update($0) }
        return SHA256Words(last.words)
    }

    /// The digest of one array.
    public static func of(_ bytes: [UInt8]) -> SHA256Words {
        var hash = SHA256()
        bytes.withUnsafeBytes { hash.update($0) }
        return hash.digest
    }

    /// Goes on over `bytes`. O(n); allocates only for what is no whole block.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        update(bytes, byInstructions: Self.hasInstructions)
    }

    mutating func update(_ bytes: UnsafeRawBufferPointer, byInstructions: Bool) {
        byteCount += UInt64(bytes.count)
        var rest = bytes[...]
        if !tail.isEmpty {
            let missing = rest.prefix(Self.blockBytes - tail.count)
            tail += missing
            rest = rest.dropFirst(missing.count)
            guard tail.count == Self.blockBytes else { return }
            tail.withUnsafeBytes { block in compress(block, byInstructions: byInstructions) }
            tail.removeAll()
        }
        let whole = rest.count / Self.blockBytes * Self.blockBytes
        if whole > 0 {
            compress(UnsafeRawBufferPointer(rebasing: rest.prefix(whole)), byInstructions: byInstructions)
        }
        tail += rest.dropFirst(whole)
    }

    /// Takes in whole blocks.
    private mutating func compress(_ bytes: UnsafeRawBufferPointer, byInstructions: Bool) {
        withUnsafeMutableBytes(of: &words) { raw in
            let state = raw.bindMemory(to: UInt32.self).baseAddress
            let count = bytes.count / Self.blockBytes
            if byInstructions {
                dellad_sha256_update(state, bytes.baseAddress, count)
            } else {
                dellad_sha256_update_portable(state, bytes.baseAddress, count)
            }
        }
    }
}
