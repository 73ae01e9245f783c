/// A random sample of a tensor's rows: one at least, and of the rest about a share, spread over the whole tensor.
///
/// The same seed, tensor and share give the same rows.
struct AuditSample {
    /// Elements that are looked at together, at least, where the tensor has them: many rows of one element cost as
    /// much as one of many.
    static let leastElements = 256

    private let rowCount: Int
    /// Rows that are drawn together.
    private let unit: Int
    private let unitCount: Int
    private let seed: UInt64

    /// - Parameter position: the tensor's among all.
    init(rowCount: Int, rowLength: Int, position: Int, seed: UInt64) {
        self.rowCount = rowCount
        unit = max(1, Self.leastElements / max(1, rowLength))
        unitCount = (rowCount + unit - 1) / unit
        // Keeps the tensors' draws apart.
        var random = SampleRandom(seed: seed ^ UInt64(position) &* 0xD6E8_FEB8_6659_FD93)
        self.seed = random.next()
    }

    /// What is drawn, in the order drawn: one range alone, then as many equal parts as come to the share of the rows,
    /// and of each a random range.
    struct Ranges: Sequence, IteratorProtocol {
        private let sample: AuditSample
        private var random: SampleRandom
        private let partCount: Int
        /// The next part; −1 before the first, for the one alone.
        private var part: Int

        fileprivate init(_ sample: AuditSample, drawsOneAlone: Bool, share: Double) {
            self.sample = sample
            random = SampleRandom(seed: ~sample.seed)
            let wanted = Double(sample.unitCount) * share + random.fraction()
            partCount = share >= 1 ? sample.unitCount : Swift.min(sample.unitCount, Int(wanted))
            part = drawsOneAlone && sample.unitCount > 0 ? -1 : 0
        }

        mutating func next() -> Range<Int>? {
            guard part < partCount else { return nil }
            defer { part += 1 }
            guard part >= 0 else {
                var first = SampleRandom(seed: sample.seed)
                return sample.rows(ofUnit: first.next(below: sample.unitCount))
            }
            let start = bound(part)
            return sample.rows(ofUnit: start + random.next(below: bound(part + 1) - start))
        }

        /// Where a part begins.
        private func bound(_ part: Int) -> Int {
            // In full width: a tensor may have more units than the square root of Int.max.
            partCount.dividingFullWidth(sample.unitCount.multipliedFullWidth(by: part)).quotient
        }
    }

    /// - Parameters:
    ///   - drawsOneAlone: whether there is one range at least, whatever the share.
    ///   - share: 0 to 1, which is all rows.
    func ranges(drawsOneAlone: Bool, share: Double) -> Ranges {
        Ranges(self, drawsOneAlone: drawsOneAlone, share: share)
    }

    private func rows(ofUnit number: Int) -> Range<Int> {
        number * unit..<min(rowCount, (number + 1) * unit)
    }
}

/// SplitMix64 (Steele, Lea, Flood, OOPSLA'14): which rows are sampled.
struct SampleRandom {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
        return word ^ word >> 31
    }

    /// From 0 up to `limit`.
    mutating func next(below limit: Int) -> Int { Int(next().multipliedFullWidth(by: UInt64(limit)).high) }

    /// From 0 up to 1.
    mutating func fraction() -> Double { Double(next() >> 11) * 0x1p-53 }
}
