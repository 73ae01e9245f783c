/// Ranks the magnitudes of a row: from 0, ascending, equal ones by position, NaNs equal and above infinity (DESIGN's
/// step 3).
///
/// Takes 256 KiB for types of 16 bits and 8 bytes an element for float32, however long the row.
struct PlainRanks {
    private let format: FloatFormat
    /// Of 16 bits, by magnitude: how many are smaller or were met before.
    private var next: [Int] = []
    /// Of float32, ascending: magnitude and position.
    private var sorted: [UInt64] = []
    private var count = 0

    /// Bits of a position: rows are shorter.
    private static let positionBits: UInt64 = 33

    init(_ format: FloatFormat) {
        self.format = format
        if format != .float32 { next = Array(repeating: 0, count: 1 << 15 + 1) }
    }

    /// Adds the next elements of the row.
    mutating func add(_ deltas: [Float]) {
        for delta in deltas {
            let magnitude = magnitude(delta)
            if format == .float32 {
                sorted.append(UInt64(magnitude) << Self.positionBits | UInt64(count))
            } else {
                next[Int(magnitude) + 1] += 1
            }
            count += 1
        }
    }

    /// Calls `body` with the position and rank of each element, once all are added.
    ///
    /// - Parameter deltas: the row's elements again, from the first on, at each call some of them.
    mutating func forEach(
        again deltas: () throws(MergeFailure) -> [Float]?, _ body: (Int, Int) -> Void
    ) throws(MergeFailure) {
        if format == .float32 {
            sorted.sort()
            for (rank, entry) in sorted.enumerated() {
                body(Int(entry & (1 << Self.positionBits - 1)), rank)
            }
            return
        }
        for magnitude in 1..<next.count { next[magnitude] += next[magnitude - 1] }
        var position = 0
        while let piece = try deltas() {
            for delta in piece {
                let magnitude = Int(magnitude(delta))
                body(position, next[magnitude])
                next[magnitude] += 1
                position += 1
            }
        }
    }

    /// `|δ|` rounded to D as a number of 15 bits, or 31, of the same order.
    private func magnitude(_ delta: Float) -> UInt32 {
        let bits = PlainFormat.bits(delta.magnitude, format)
        guard delta.isNaN else { return bits }
        return format == .float32 ? 0x7FFF_FFFF : 0x7FFF
    }
}
