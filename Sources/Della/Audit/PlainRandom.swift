/// The random numbers of one model's part in one tensor, by DESIGN's step 4: Philox4x32-10 (Salmon et al., SC'11).
struct PlainRandom {
    private let key: (UInt32, UInt32)
    private let stream: UInt64
    /// The block computed last: consecutive elements share one.
    private var block: UInt64?
    private var words: (UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0)

    /// - Parameters:
    ///   - tensor: the output tensor's name.
    ///   - ordinal: the model's position among the non-base models.
    init(seed: UInt64, tensor: String, ordinal: Int) {
        key = (UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
        var hash: UInt64 = 14_695_981_039_346_656_037
        for byte in Array(tensor.utf8) + [0] + Array(String(ordinal).utf8) {
            hash = (hash ^ UInt64(byte)) &* 1_099_511_628_211
        }
        stream = hash
    }

    /// The number of that element of the tensor: 24 bits, from 0 up to 1.
    mutating func uniform(_ element: UInt64) -> Float {
        if block != element / 4 {
            block = element / 4
            words = philox(element / 4)
        }
        let word =
            switch element % 4 {
            case 0: words.0
            case 1: words.1
            case 2: words.2
            default: words.3
            }
        return Float(word >> 8) * 0x1p-24
    }

    private func philox(_ block: UInt64) -> (UInt32, UInt32, UInt32, UInt32) {
        var counter = (
            UInt32(truncatingIfNeeded: block), UInt32(truncatingIfNeeded: block >> 32),
            UInt32(truncatingIfNeeded: stream), UInt32(truncatingIfNeeded: stream >> 32)
        )
        var (low, high) = key
        for _ in 0..<10 {
            let first = UInt64(counter.0) * 0xD251_1F53
            let second = UInt64(counter.2) * 0xCD9E_8D57
            counter = (
                UInt32(second >> 32) ^ counter.1 ^ low, UInt32(truncatingIfNeeded: second),
                UInt32(first >> 32) ^ counter.3 ^ high, UInt32(truncatingIfNeeded: first)
            )
            low &+= 0x9E37_79B9
            high &+= 0xBB67_AE85
        }
        return counter
    }
}
