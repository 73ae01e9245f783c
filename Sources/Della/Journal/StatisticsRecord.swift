import StreamIO

/// The figures of one tensor as a merge keeps them until its report is made: 64-bit words, least byte first; their number
/// and the CRC-32C of the rest as two 32-bit words before them.
struct StatisticsRecord: Hashable, Sendable {
    /// Bytes before the words.
    static let headByteCount = 8
    /// Words of a record, at most: those of more models than any config has.
    static let wordLimit = 1 << 20
    private static let none = UInt64.max

    let place: TensorPlace
    let statistics: TensorStatistics

    init(place: TensorPlace, statistics: TensorStatistics) {
        self.place = place
        self.statistics = statistics
    }

    /// The record.
    var bytes: [UInt8] {
        let words = words
        var body: [UInt8] = []
        body.reserveCapacity(8 * words.count)
        for word in words { withUnsafeBytes(of: word.littleEndian) { body += $0 } }
        var head: [UInt8] = []
        withUnsafeBytes(of: UInt32(words.count).littleEndian) { head += $0 }
        withUnsafeBytes(of: CRC32C.of(body).littleEndian) { head += $0 }
        return head + body
    }

    private var words: [UInt64] {
        let figures = statistics
        var words: [UInt64] = [
            UInt64(place.shard), UInt64(place.index), figures.elements, figures.referenceSquares.bitPattern,
            figures.changeSquares.bitPattern, figures.changed, UInt64(figures.outputPeak.bitPattern),
            figures.outputNaNs, figures.outputInfinities, figures.conflicts ?? Self.none,
            UInt64(figures.inputs.count),
        ]
        for input in figures.inputs {
            words += [
                UInt64(input.model), input.squares.bitPattern, input.magnitudes.bitPattern, input.equal,
                input.kept ?? Self.none, input.factor?.bitPattern ?? Self.none,
            ]
        }
        return words + figures.products.map(\.bitPattern)
    }

    /// The number of words that a record's first bytes tell, and their checksum; `nil` of something else.
    static func head(_ bytes: [UInt8]) -> (wordCount: Int, checksum: UInt32)? {
        guard bytes.count == headByteCount else { return nil }
        let numbers = bytes.withUnsafeBytes {
            ($0.loadUnaligned(as: UInt32.self), $0.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
        }
        let count = Int(UInt32(littleEndian: numbers.0))
        return count <= wordLimit ? (count, UInt32(littleEndian: numbers.1)) : nil
    }

    /// Reads what comes after a record's head; `nil` where it is damaged.
    init?(body: [UInt8], checksum: UInt32) {
        guard CRC32C.of(body) == checksum, body.count % 8 == 0 else { return nil }
        let words = body.withUnsafeBytes { bytes in
            (0..<body.count / 8).map {
                UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8 * $0, as: UInt64.self))
            }
        }
        guard words.count >= 11, words[10] <= UInt64(words.count), words[0] < 1 << 32, words[1] < 1 << 32
        else { return nil }
        let inputCount = Int(words[10])
        let products = 11 + 6 * inputCount
        guard words.count >= products else { return nil }
        var figures = TensorStatistics()
        figures.elements = words[2]
        figures.referenceSquares = Double(bitPattern: words[3])
        figures.changeSquares = Double(bitPattern: words[4])
        figures.changed = words[5]
        figures.outputPeak = Float(bitPattern: UInt32(truncatingIfNeeded: words[6]))
        figures.outputNaNs = words[7]
        figures.outputInfinities = words[8]
        figures.conflicts = Self.optional(words[9])
        for start in stride(from: 11, to: products, by: 6) {
            guard words[start] < 1 << 32 else { return nil }
            var input = TensorStatistics.Input(model: Int(words[start]))
            input.squares = Double(bitPattern: words[start + 1])
            input.magnitudes = Double(bitPattern: words[start + 2])
            input.equal = words[start + 3]
            input.kept = Self.optional(words[start + 4])
            input.factor = Self.optional(words[start + 5]).map { Double(bitPattern: $0) }
            figures.inputs.append(input)
        }
        figures.products = words[products...].map { Double(bitPattern: $0) }
        place = TensorPlace(shard: Int(words[0]), index: Int(words[1]))
        statistics = figures
    }

    private static func optional(_ word: UInt64) -> UInt64? { word == none ? nil : word }
}
