import CChecksum

/// The CRC-32C (Castagnoli) checksum, as of iSCSI (RFC 3720) and ext4.
///
/// Computed by the processor's instruction where this machine has it, else by table; the values are equal.
public struct CRC32C: Hashable, Sendable {
    /// The generator polynomial, bit-reversed.
    static let polynomial: UInt32 = 0x82F6_3B78
    private static let hasInstruction = dellad_crc32c_prepare() != 0
    private static let tables = makeTables()

    private var state: UInt32 = .max

    /// The checksum of no bytes.
    public init() {}

    /// The checksum so far.
    public var value: UInt32 { ~state }

    /// Goes on over `bytes`. O(n).
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        if Self.hasInstruction {
            state = dellad_crc32c_update(state, bytes.baseAddress, bytes.count)
        } else {
            updateByTable(bytes)
        }
    }

    /// The checksum of one array.
    public static func of(_ bytes: [UInt8]) -> UInt32 {
        var checksum = CRC32C()
        bytes.withUnsafeBytes { checksum.update($0) }
        return checksum.value
    }

    /// Eight bytes a step, one table for each.
    mutating func updateByTable(_ bytes: UnsafeRawBufferPointer) {
        var crc = state
        var at = 0
        Self.tables.withUnsafeBufferPointer { tables in
            while bytes.count - at >= 8 {
                let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self))
                let mixed = word ^ UInt64(crc)
                crc = 0
                for byte in 0..<8 {
                    crc ^= tables[(7 - byte) << 8 | Int(truncatingIfNeeded: mixed >> (8 * byte) & 0xFF)]
                }
                at += 8
            }
            while at < bytes.count {
                crc = tables[Int((crc ^ UInt32(bytes[at])) & 0xFF)] ^ (crc >> 8)
                at += 1
            }
        }
        state = crc
    }

    /// `tables[k << 8 | b]`: byte b followed by k zero bytes.
    private static func makeTables() -> [UInt32] {
        var tables = [UInt32](repeating: 0, count: 8 * 256)
        for byte in 0..<256 {
            var crc = UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 0 ? crc >> 1 : crc >> 1 ^ polynomial }
            tables[byte] = crc
        }
        for index in 256..<tables.count {
            let before = tables[index - 256]
            tables[index] = tables[Int(before & 0xFF)] ^ (before >> 8)
        }
        return tables
    }

    /// The checksum of two stretches of bytes, one after the other, from the checksum of each.
    ///
    /// Appending a zero bit is linear over GF(2), so appending n zero bytes is the 8n-th power of a 32 × 32
    /// bit matrix (M. Adler's method in zlib). O(log `secondLength`).
    ///
    /// - Parameter secondLength: the length of the second stretch, in bytes.
    public static func combine(_ first: UInt32, _ second: UInt32, secondLength: UInt64) -> UInt32 {
        var shifted = first
        for bit in 0..<64 where secondLength >> bit & 1 == 1 { shifted = powers[bit].times(shifted) }
        return shifted ^ second
    }

    /// Appending 1, 2, 4, … zero bytes; each by squaring the one before.
    private static let powers: [BitMatrix] = {
        var power = BitMatrix(columns: [polynomial] + (0..<31).map { 1 << $0 })
        for _ in 0..<3 { power = power.times(power) }
        var powers = [power]
        while powers.count < 64 {
            power = power.times(power)
            powers.append(power)
        }
        return powers
    }()

    /// A linear map of 32 bits: the image of each bit.
    private struct BitMatrix: Sendable {
        var columns: [UInt32]

        func times(_ vector: UInt32) -> UInt32 {
            var sum: UInt32 = 0
            for (bit, column) in columns.enumerated() where vector >> bit & 1 == 1 { sum ^= column }
            return sum
        }

        func times(_ other: Self) -> Self {
            Self(columns: other.columns.map(times))
        }
    }
}
